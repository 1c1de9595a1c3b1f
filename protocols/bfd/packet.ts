import { err, ok, type Result } from "../result.ts"
import { states } from "./iana.ts"

/*
 * RFC 5880 §4.1
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 *   |                       My Discriminator                        |
 *   |                      Your Discriminator                       |
 *   |                Desired Min TX Interval, microseconds          |
 *   |                Required Min RX Interval, microseconds         |
 *   |             Required Min Echo RX Interval, microseconds       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * An authentication section may follow. No session of ours uses one, so a packet that has it is refused.
 */

export type State = (typeof states)[number]

export interface Packet {
  /** 0 … 31; see `describeDiagnostic`. */
  readonly diagnostic: number
  readonly state: State
  readonly poll: boolean
  readonly final: boolean
  readonly controlPlaneIndependent: boolean
  readonly demand: boolean
  /** 1 … 255. */
  readonly detectMultiplier: number
  /** Never 0. */
  readonly myDiscriminator: number
  /** 0: the sender does not know ours yet. */
  readonly yourDiscriminator: number
  readonly desiredMinTxUs: number
  /** 0: the sender wants no periodic packets. */
  readonly requiredMinRxUs: number
  /** 0: the sender does not loop echo packets back. */
  readonly requiredMinEchoRxUs: number
}

export type DecodeError =
  | { readonly kind: "truncated"; readonly need: number; readonly got: number }
  | { readonly kind: "bad-version"; readonly got: number }
  | { readonly kind: "bad-length"; readonly length: number; readonly payload: number }
  | { readonly kind: "zero-multiplier" }
  | { readonly kind: "multipoint" }
  | { readonly kind: "zero-discriminator" }
  | { readonly kind: "unknown-session"; readonly state: State }
  | { readonly kind: "authenticated" }

export const packetLength = 24
const version = 1
const flag = {
  poll: 0x20,
  final: 0x10,
  controlPlaneIndependent: 0x08,
  authentication: 0x04,
  demand: 0x02,
  multipoint: 0x01,
}

/** RFC 5880 §6.8.6, the checks that need no session, in its order. Total. What follows the packet is not looked at. */
export function decode(bytes: Uint8Array): Result<Packet, DecodeError> {
  if (bytes.length < packetLength) return err({ kind: "truncated", need: packetLength, got: bytes.length })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const first = view.getUint8(0)
  if (first >> 5 !== version) return err({ kind: "bad-version", got: first >> 5 })
  const second = view.getUint8(1)
  const has = (bit: number): boolean => (second & bit) !== 0
  const length = view.getUint8(3)
  const least = has(flag.authentication) ? packetLength + 2 : packetLength
  if (length < least || length > bytes.length) return err({ kind: "bad-length", length, payload: bytes.length })
  const detectMultiplier = view.getUint8(2)
  if (detectMultiplier === 0) return err({ kind: "zero-multiplier" })
  if (has(flag.multipoint)) return err({ kind: "multipoint" })
  const myDiscriminator = view.getUint32(4)
  if (myDiscriminator === 0) return err({ kind: "zero-discriminator" })
  const state = states[second >> 6] ?? "down"
  const yourDiscriminator = view.getUint32(8)
  // "If the Your Discriminator field is zero and the State field is not Down or AdminDown, the packet MUST be discarded."
  if (yourDiscriminator === 0 && state !== "down" && state !== "admin-down") {
    return err({ kind: "unknown-session", state })
  }
  if (has(flag.authentication)) return err({ kind: "authenticated" })
  return ok({
    diagnostic: first & 0x1f,
    state,
    poll: has(flag.poll),
    final: has(flag.final),
    controlPlaneIndependent: has(flag.controlPlaneIndependent),
    demand: has(flag.demand),
    detectMultiplier,
    myDiscriminator,
    yourDiscriminator,
    desiredMinTxUs: view.getUint32(12),
    requiredMinRxUs: view.getUint32(16),
    requiredMinEchoRxUs: view.getUint32(20),
  })
}

export function encode(packet: Packet): Uint8Array {
  const bytes = new Uint8Array(packetLength)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, (version << 5) | packet.diagnostic)
  view.setUint8(
    1,
    (states.indexOf(packet.state) << 6) |
      (packet.poll ? flag.poll : 0) |
      (packet.final ? flag.final : 0) |
      (packet.controlPlaneIndependent ? flag.controlPlaneIndependent : 0) |
      (packet.demand ? flag.demand : 0),
  )
  view.setUint8(2, packet.detectMultiplier)
  view.setUint8(3, packetLength)
  view.setUint32(4, packet.myDiscriminator)
  view.setUint32(8, packet.yourDiscriminator)
  view.setUint32(12, packet.desiredMinTxUs)
  view.setUint32(16, packet.requiredMinRxUs)
  view.setUint32(20, packet.requiredMinEchoRxUs)
  return bytes
}
