import type { Ip } from "../ip.ts"
import { err, ok, type Result } from "../result.ts"
import { errorCode, openSubcode } from "./iana.ts"
import { type Fault, fault } from "./notification.ts"
import { asnOf, expectsEndOfRib, type Open, speaksFourOctetAs } from "./open.ts"
import { u16 } from "./writer.ts"

/** What both sides agreed on. */
export interface Negotiated {
  /** The number it has named, which may be one of many that we take. */
  readonly peerASN: number
  /** The smaller of the two; 0: no hold timer, no keepalives. */
  readonly holdSeconds: number
  readonly fourOctet: boolean
  readonly endOfRib: boolean
  readonly peerIdentifier: Ip
}

/** The AS number that a peer must have: this one, the same as ours, or any other than ours. */
export type WantedASN = number | "internal" | "external"

export interface Ours {
  readonly myASN: number
  readonly peerASN: WantedASN
  readonly holdSeconds: number
  readonly identifier: Ip | undefined
}

/** RFC 4271 §6.2, RFC 6793 §4.1, RFC 6286 §2.2: may we go on with a peer that says this of itself? */
export function acceptOpen(open: Open, ours: Ours): Result<Negotiated, Fault> {
  const asn = asnOf(open)
  if (!suits(asn, ours)) return refused(openSubcode.badPeerAs, `unexpected peer ASN ${asn}, want ${wantedText(ours)}`)
  if (open.holdSeconds === 1 || open.holdSeconds === 2) {
    return refused(
      openSubcode.unacceptableHoldTime,
      `hold time of ${open.holdSeconds} s, must be 0 or at least 3`,
      u16(open.holdSeconds),
    )
  }
  if (open.identifier === "0.0.0.0") return refused(openSubcode.badIdentifier, "peer's BGP identifier is 0.0.0.0")
  if (ours.myASN === asn && open.identifier === ours.identifier) {
    return refused(openSubcode.badIdentifier, `peer has our BGP identifier ${open.identifier}`)
  }
  return ok({
    peerASN: asn,
    holdSeconds: Math.min(ours.holdSeconds, open.holdSeconds),
    fourOctet: speaksFourOctetAs(open),
    endOfRib: expectsEndOfRib(open),
    peerIdentifier: open.identifier,
  })
}

function suits(asn: number, { myASN, peerASN }: Ours): boolean {
  if (peerASN === "internal") return asn === myASN
  if (peerASN === "external") return asn !== myASN
  return asn === peerASN
}

function wantedText({ myASN, peerASN }: Ours): string {
  if (peerASN === "internal") return `${myASN}, as ours`
  if (peerASN === "external") return `any but ours`
  return String(peerASN)
}

const refused = (subcode: number, because: string, data?: Uint8Array): { ok: false; error: Fault } =>
  err(fault(errorCode.open, subcode, because, data))
