/** Six bytes everywhere; text only for people. */
export const broadcastMac: Uint8Array = new Uint8Array(6).fill(0xff)

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** `52:54:00:12:34:56`. Runs for every answer, hence the table. */
export function formatMac(mac: Uint8Array): string {
  let text = ""
  for (const byte of mac) text += text === "" ? hex[byte] : `:${hex[byte]}`
  return text
}

/** Undefined when it is not six pairs of hex digits joined by colons. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined
  return Uint8Array.from(text.split(":"), (pair) => Number.parseInt(pair, 16))
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** IEEE 802: the lowest bit of the first byte marks a group address, the broadcast address included. */
export const isGroupMac = (mac: Uint8Array): boolean => ((mac[0] ?? 0) & 1) === 1
