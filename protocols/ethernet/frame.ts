import { err, ok, type Result } from "../result.ts"

/** IEEE 802 EtherTypes, https://www.iana.org/assignments/ieee-802-numbers */
export const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const

export const headerLength = 14
/** The shortest Ethernet frame, without its checksum; shorter ones are padded with zeros. */
export const minimumFrameLength = 60

/** Ethernet II. All three byte fields are views into the frame they came from. */
export interface Frame {
  readonly destination: Uint8Array
  readonly source: Uint8Array
  readonly etherType: number
  /** May carry the padding of a short frame at its end. */
  readonly payload: Uint8Array
}

export type Truncated = { readonly kind: "truncated"; readonly need: number; readonly got: number }

/** Total. A VLAN tag shows as EtherType 0x8100: the kernel takes it off before we see the frame of a VLAN interface. */
export function decodeFrame(bytes: Uint8Array): Result<Frame, Truncated> {
  if (bytes.length < headerLength) return err({ kind: "truncated", need: headerLength, got: bytes.length })
  return ok({
    destination: bytes.subarray(0, 6),
    source: bytes.subarray(6, 12),
    etherType: ((bytes[12] ?? 0) << 8) | (bytes[13] ?? 0),
    payload: bytes.subarray(headerLength),
  })
}

/** Pads to the Ethernet minimum. Both addresses are six bytes. */
export function encodeFrame({ destination, source, etherType, payload }: Frame): Uint8Array {
  const bytes = new Uint8Array(Math.max(minimumFrameLength, headerLength + payload.length))
  bytes.set(destination, 0)
  bytes.set(source, 6)
  bytes[12] = etherType >> 8
  bytes[13] = etherType & 0xff
  bytes.set(payload, headerLength)
  return bytes
}
