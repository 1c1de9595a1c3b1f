import { familyOf, ipFromBytes, ipToBytes } from "../protocols/ip.ts"
import { bitsOf, parsePrefix, prefixAround } from "../protocols/prefix.ts"
import { decodeClaims, encodeClaims } from "./mark-claims.ts"
import type { MarkSubnet, SpeakerMark } from "./speaker-mark.ts"

/**
 * The sections of a mark: a type, two bytes of length, the content. One that is not known is skipped, so that versions
 * may differ. All numbers are in network order.
 *
 * flags: one byte, 1 when drained, 2 when deaf; without any there is no such section.
 * subnets: one byte, 1 when they are all of them; then each as two bytes of interface tag, the length of the prefix
 * (plus 64 for IPv6), and as many bytes of it as are not zero by definition.
 * claims: `mark-claims.ts`.
 */
const types = { flags: 1, subnets: 3, claims: 4 } as const
const flags = { drained: 1, deaf: 2 } as const
const headBytes = 3
/** So that a node with very many subnets can still claim. */
const mostSubnetBytes = 180
const ipv6From = 64

type Sections = Pick<SpeakerMark, "subnets" | "claims" | "drained" | "deaf">

/** As much as there is room for. */
export function encodeSections({ subnets, claims, drained, deaf }: Sections, room: number): readonly number[] {
  const bytes: number[] = []
  const add = (type: number, content: readonly number[]) =>
    void bytes.push(type, content.length >> 8, content.length & 255, ...content)
  const flagged = (drained === true ? flags.drained : 0) | (deaf === true ? flags.deaf : 0)
  if (flagged !== 0) add(types.flags, [flagged])
  if (subnets !== undefined) {
    const content = [1]
    for (const subnet of subnets.list) {
      const more = encodeSubnet(subnet)
      if (more === undefined) continue
      if (content.length + more.length > Math.min(mostSubnetBytes, room - headBytes)) {
        content[0] = 0
        break
      }
      content.push(...more)
    }
    if (!subnets.complete) content[0] = 0
    add(types.subnets, content)
  }
  if (claims !== undefined) add(types.claims, encodeClaims(claims, room - bytes.length - headBytes))
  return bytes
}

/** Undefined: cut off, or a section that is known has no such content. */
export function decodeSections(bytes: Uint8Array): Sections | undefined {
  let sections: Sections = {}
  for (let at = 0; at < bytes.length; ) {
    const length = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    const content = bytes.subarray(at + headBytes, at + headBytes + length)
    if (at + headBytes > bytes.length || content.length < length) return undefined
    if (bytes[at] === types.flags) {
      const [flagged = 0] = content
      if ((flagged & flags.drained) !== 0) sections = { ...sections, drained: true }
      if ((flagged & flags.deaf) !== 0) sections = { ...sections, deaf: true }
    } else if (bytes[at] === types.subnets) {
      const subnets = decodeSubnets(content)
      if (subnets === undefined) return undefined
      sections = { ...sections, subnets }
    } else if (bytes[at] === types.claims) {
      const claims = decodeClaims(content)
      if (claims === undefined) return undefined
      sections = { ...sections, claims }
    }
    at += headBytes + length
  }
  return sections
}

function encodeSubnet({ interface: tag, prefix: text }: MarkSubnet): readonly number[] | undefined {
  const prefix = parsePrefix(text)
  if (prefix === undefined) return undefined
  const { length, family, address } = prefix
  const code = family === "ipv4" ? length : ipv6From + length
  return [tag >> 8, tag & 255, code, ...ipToBytes(address).subarray(0, Math.ceil(length / 8))]
}

function decodeSubnets(bytes: Uint8Array): SpeakerMark["subnets"] {
  const [complete] = bytes
  if (complete === undefined) return undefined
  const list: MarkSubnet[] = []
  for (let at = 1; at < bytes.length; ) {
    const code = bytes[at + 2]
    if (code === undefined) return undefined
    const family = code < ipv6From ? "ipv4" : "ipv6"
    const length = code < ipv6From ? code : code - ipv6From
    const used = Math.ceil(length / 8)
    const given = bytes.subarray(at + 3, at + 3 + used)
    if (length > bitsOf(family) || given.length < used) return undefined
    const full = new Uint8Array(family === "ipv4" ? 4 : 16)
    full.set(given)
    const ip = ipFromBytes(full)
    // An IPv4-mapped prefix has changed its family on the way; nobody announces in it.
    if (ip !== undefined && familyOf(ip) === family) {
      list.push({ interface: ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0), prefix: prefixAround(ip, length).text })
    }
    at += 3 + used
  }
  return { list, complete: complete === 1 }
}
