import { type Family, familyOf, type Ip, ipFromBytes, ipToBytes } from "../ip.ts"
import type { Prefix } from "../prefix.ts"
import { err, ok, type Result } from "../result.ts"
import { afiSafiOf, familyFrom } from "./family.ts"
import { decodeNlri, nlriBytes } from "./nlri.ts"
import { concat, u16, viewOf } from "./writer.ts"

/** RFC 4760 §3: routes of any family, and the next hop that all of them share. */
export interface MpReach extends MpNextHop {
  readonly family: Family
  readonly nlri: readonly Prefix[]
}

/** IPv6 for IPv4 routes too, where both sides said so (RFC 8950). */
export interface MpNextHop {
  readonly nextHop: Ip
  /** RFC 2545 §3: also given to a peer on the same link. */
  readonly linkLocal?: Ip
}

/** RFC 4760 §4. Without any routes it is End-of-RIB of the family (RFC 4724 §2). */
export interface MpUnreach {
  readonly family: Family
  readonly withdrawn: readonly Prefix[]
}

/** Everything before the routes. */
export function mpReachHead(family: Family, { nextHop, linkLocal }: MpNextHop): Uint8Array {
  const hops = concat(linkLocal === undefined ? [ipToBytes(nextHop)] : [ipToBytes(nextHop), ipToBytes(linkLocal)])
  const { afi, safi } = afiSafiOf[family]
  return concat([u16(afi), Uint8Array.of(safi, hops.length), hops, Uint8Array.of(0)])
}

export function mpUnreachHead(family: Family): Uint8Array {
  const { afi, safi } = afiSafiOf[family]
  return concat([u16(afi), Uint8Array.of(safi)])
}

export const encodeMpReach = (value: MpReach): Uint8Array =>
  concat([mpReachHead(value.family, value), nlriBytes(value.nlri)])

export const encodeMpUnreach = ({ family, withdrawn }: MpUnreach): Uint8Array =>
  concat([mpUnreachHead(family), nlriBytes(withdrawn)])

/** The family that the attribute speaks of; undefined: none of ours, or cut short. */
export const mpFamily = (bytes: Uint8Array): Family | undefined =>
  bytes.length < 3 ? undefined : familyFrom({ afi: viewOf(bytes).getUint16(0), safi: bytes[2] ?? 0 })

export function decodeMpReach(bytes: Uint8Array): Result<MpReach, string> {
  const family = mpFamily(bytes)
  const hopLength = bytes[3]
  if (family === undefined || hopLength === undefined) return err("cut short")
  // The octet behind the next hop is reserved (RFC 4760 §3).
  const start = 4 + hopLength + 1
  if (start > bytes.length) return err(`next hop of ${hopLength} octets runs past the end`)
  const hops = hopsFrom(bytes.subarray(4, 4 + hopLength), family)
  if (hops === undefined) return err(`next hop of ${hopLength} octets for ${family}`)
  const nlri = decodeNlri(bytes.subarray(start), family)
  return nlri.ok ? ok({ family, ...hops, nlri: nlri.value }) : err(nlri.error.because)
}

/** RFC 2545 §3, RFC 8950 §3: 16 octets, or 32 with the link-local address; 4 for IPv4 only. */
function hopsFrom(bytes: Uint8Array, family: Family): MpNextHop | undefined {
  if (bytes.length === 4 && family === "ipv6") return undefined
  if (bytes.length !== 4 && bytes.length !== 16 && bytes.length !== 32) return undefined
  const nextHop = ipFromBytes(bytes.subarray(0, Math.min(bytes.length, 16)))
  if (nextHop === undefined) return undefined
  const linkLocal = bytes.length === 32 ? ipFromBytes(bytes.subarray(16)) : undefined
  return linkLocal === undefined || familyOf(linkLocal) === "ipv4" ? { nextHop } : { nextHop, linkLocal }
}

export function decodeMpUnreach(bytes: Uint8Array): Result<MpUnreach, string> {
  const family = mpFamily(bytes)
  if (family === undefined) return err("cut short")
  const withdrawn = decodeNlri(bytes.subarray(3), family)
  return withdrawn.ok ? ok({ family, withdrawn: withdrawn.value }) : err(withdrawn.error.because)
}
