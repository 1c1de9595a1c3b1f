import type { MarkClaim } from "./speaker-mark.ts"

/**
 * The claims of a mark, those of one epoch together, since most have one of a few: two bytes of epoch, one byte of how
 * many, then three bytes of address tag each.
 */
const headBytes = 3
const tagBytes = 3
const mostInGroup = 255

/** From the first on, as many as there is room for. */
export function encodeClaims(claims: readonly MarkClaim[], room: number): readonly number[] {
  const groups: { readonly epoch: number; readonly tags: number[] }[] = []
  let left = room
  for (const { address, epoch } of claims) {
    const group = groups.find((each) => each.epoch === epoch && each.tags.length < mostInGroup)
    left -= tagBytes + (group === undefined ? headBytes : 0)
    if (left < 0) break
    if (group === undefined) groups.push({ epoch, tags: [address] })
    else group.tags.push(address)
  }
  return groups.flatMap(({ epoch, tags }) => [
    epoch >> 8,
    epoch & 255,
    tags.length,
    ...tags.flatMap((tag) => [(tag >> 16) & 255, (tag >> 8) & 255, tag & 255]),
  ])
}

/** Undefined: cut off. */
export function decodeClaims(bytes: Uint8Array): readonly MarkClaim[] | undefined {
  const claims: MarkClaim[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.length; ) {
    if (at + headBytes > bytes.length) return undefined
    const epoch = view.getUint16(at)
    const end = at + headBytes + view.getUint8(at + 2) * tagBytes
    if (end > bytes.length) return undefined
    for (at += headBytes; at < end; at += tagBytes) {
      claims.push({ address: (view.getUint8(at) << 16) | view.getUint16(at + 1), epoch })
    }
  }
  return claims
}
