import type { Truncated } from "../ethernet/frame.ts"
import { familyOf, type Ip, ipFromBytes } from "../ip.ts"
import { err, ok, type Result } from "../result.ts"
import { icmpv6Checksum } from "./checksum.ts"
import { solicitedNodeGroup } from "./groups.ts"
import { headerLengthIpv6, messageTypes, nextHeaderIcmpv6, options } from "./iana.ts"

/** RFC 4861 §4.3. `source` is `::` when the sender asks whether it may take the address (RFC 4862 §5.4.2). */
export interface Solicitation {
  readonly source: Ip
  readonly destination: Ip
  readonly target: Ip
  /** The sender's MAC as it gave it; a view into the packet. */
  readonly sourceLinkLayer: Uint8Array | undefined
}

export type SolicitationError =
  | Truncated
  | { readonly kind: "ip-version"; readonly got: number }
  | { readonly kind: "next-header"; readonly got: number }
  | { readonly kind: "hop-limit"; readonly got: number }
  | { readonly kind: "type"; readonly got: number }
  | { readonly kind: "code"; readonly got: number }
  | { readonly kind: "checksum" }
  | { readonly kind: "option-length"; readonly at: number; readonly got: number }
  | { readonly kind: "multicast-target"; readonly target: Ip }
  | { readonly kind: "multicast-source"; readonly source: Ip }
  /** An IPv4 address in IPv6 form never stands on a wire. */
  | { readonly kind: "ipv4-mapped"; readonly address: Ip }
  | { readonly kind: "unspecified-source"; readonly rule: "destination" | "source-link-layer" }

/** Of both a solicitation and an advertisement: up to the options. */
export const fixedLength = 24
const unspecified = "::" as Ip

/**
 * An IPv6 packet, from its version field on, that carries a Neighbour Solicitation. All of RFC 4861 §7.1.1 is checked.
 * Total: any bytes give a solicitation or a reason.
 */
export function decodeSolicitation(packet: Uint8Array): Result<Solicitation, SolicitationError> {
  const body = icmpv6Body(packet)
  if (!body.ok) return body
  const [source, destination] = [packet.subarray(8, 24), packet.subarray(24, 40)]
  const message = body.value
  const [type = 0, code = 0] = message
  if (type !== messageTypes.neighbourSolicitation) return err({ kind: "type", got: type })
  if (code !== 0) return err({ kind: "code", got: code })
  if (message.length < fixedLength) return err({ kind: "truncated", need: fixedLength, got: message.length })
  if (icmpv6Checksum(source, destination, message) !== 0) return err({ kind: "checksum" })
  const option = linkLayerOption(message.subarray(fixedLength), options.sourceLinkLayerAddress)
  if (!option.ok) return option
  return checked({
    source: ipAt(source),
    destination: ipAt(destination),
    target: ipAt(message.subarray(8, fixedLength)),
    sourceLinkLayer: option.value,
  })
}

/** RFC 4861 §7.1.1: no router touched it (hop limit 255), and the length is what the IP header says. */
export function icmpv6Body(packet: Uint8Array): Result<Uint8Array, SolicitationError> {
  if (packet.length < headerLengthIpv6) return err({ kind: "truncated", need: headerLengthIpv6, got: packet.length })
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const version = view.getUint8(0) >> 4
  if (version !== 6) return err({ kind: "ip-version", got: version })
  const end = headerLengthIpv6 + view.getUint16(4)
  if (packet.length < end) return err({ kind: "truncated", need: end, got: packet.length })
  const nextHeader = view.getUint8(6)
  if (nextHeader !== nextHeaderIcmpv6) return err({ kind: "next-header", got: nextHeader })
  const hopLimit = view.getUint8(7)
  if (hopLimit !== 255) return err({ kind: "hop-limit", got: hopLimit })
  return ok(packet.subarray(headerLengthIpv6, end))
}

/** RFC 4861 §4.6: lengths in units of eight bytes, none of them zero. Options of another type are passed over. */
export function linkLayerOption(bytes: Uint8Array, type: number): Result<Uint8Array | undefined, SolicitationError> {
  let found: Uint8Array | undefined
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes[at + 1] ?? 0) * 8
    if (length === 0 || at + length > bytes.length) return err({ kind: "option-length", at, got: length })
    if (bytes[at] === type && length === 8) found ??= bytes.subarray(at + 2, at + 8)
    at += length
  }
  return ok(found)
}

function checked(solicitation: Solicitation): Result<Solicitation, SolicitationError> {
  const { source, destination, target, sourceLinkLayer } = solicitation
  for (const address of [source, destination, target]) {
    if (familyOf(address) === "ipv4") return err({ kind: "ipv4-mapped", address })
  }
  if (target.startsWith("ff")) return err({ kind: "multicast-target", target })
  if (source.startsWith("ff")) return err({ kind: "multicast-source", source })
  if (source === unspecified) {
    if (destination !== solicitedNodeGroup(target)) return err({ kind: "unspecified-source", rule: "destination" })
    if (sourceLinkLayer !== undefined) return err({ kind: "unspecified-source", rule: "source-link-layer" })
  }
  return ok(solicitation)
}

export const ipAt = (bytes: Uint8Array): Ip => ipFromBytes(bytes) as Ip
