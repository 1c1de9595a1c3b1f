import { SocketAddress } from "node:net"

/** 4 or 16 bytes of an address as text; undefined when it is none. A zone is not part of an address. */
export function addressBytes(text: string): Uint8Array | undefined {
  const four = text.split(".")
  if (!text.includes(":")) {
    const bytes = Uint8Array.from(four, Number)
    return four.length === 4 && four.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256) ? bytes : undefined
  }
  const parsed = text.includes("%") ? undefined : SocketAddress.parse(`[${text}]:0`)
  return parsed?.family === "ipv6" ? expanded(parsed.address) : undefined
}

/** Canonical text from 4 or 16 bytes. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".")
  const groups: string[] = []
  for (let i = 0; i < bytes.length; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16))
  return new SocketAddress({ address: groups.join(":"), family: "ipv6" }).address
}

/** `address` is canonical, so well formed; a dotted quad may end it. */
function expanded(address: string): Uint8Array {
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...quad: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = quad.slice(0, 4).map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = "", tail] = plain.split("::")
  const groupsIn = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))
  const [left, right] = [groupsIn(head), groupsIn(tail ?? "")]
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}
