import type { Family, Ip } from "../ip.ts"
import { err, ok, type Result } from "../result.ts"
import { familyFrom } from "./family.ts"
import { afi, errorCode, openSubcode } from "./iana.ts"
import { type Fault, fault } from "./notification.ts"
import { asnOf, capability, expectsEndOfRib, type Offer, type Open, plainOffer, speaksFourOctetAs } from "./open.ts"
import { u16 } from "./writer.ts"

/** What both sides agreed on. */
export interface Negotiated {
  /** The number it has named, which may be one of many that we take. */
  readonly peerASN: number
  /** The smaller of the two; 0: no hold timer, no keepalives. */
  readonly holdSeconds: number
  readonly fourOctet: boolean
  /** Those that both named. Who names none means IPv4 (RFC 4760 §8). */
  readonly families: readonly Family[]
  /** IPv4 routes may have an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean
  /** Messages up to 65535 octets, both ways (RFC 8654). */
  readonly extendedMessage: boolean
  /** What the peer may ask for (RFC 2918, RFC 7313). */
  readonly routeRefresh: "no" | "plain" | "enhanced"
  /** Absent: our routes go as soon as the session does. */
  readonly gracefulRestart?: NegotiatedRestart
  /** The peer waits for End-of-RIB after the first full set. */
  readonly endOfRib: boolean
  readonly peerIdentifier: Ip
}

/** RFC 4724: the peer keeps our routes while we restart. */
export interface NegotiatedRestart {
  /** How long it may; our own word. */
  readonly seconds: number
  /** Also after a NOTIFICATION that is no Hard Reset (RFC 8538). */
  readonly notifications: boolean
}

/** The AS number that a peer must have: this one, the same as ours, or any other than ours. */
export type WantedASN = number | "internal" | "external"

export interface Ours {
  readonly myASN: number
  readonly peerASN: WantedASN
  readonly holdSeconds: number
  readonly identifier: Ip | undefined
  /** What our own OPEN said; absent: as much as MetalLB's. */
  readonly offer?: Offer
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
    ...agreed(open, ours.offer ?? plainOffer),
    endOfRib: expectsEndOfRib(open),
    peerIdentifier: open.identifier,
  })
}

/** RFC 5492 §3: what both sides have named. */
function agreed(open: Open, offer: Offer): Pick<Negotiated, AgreedOn> {
  const theirs = familiesOf(open)
  const restart = capability(open, "graceful-restart")
  const encodings = capability(open, "extended-next-hop")?.encodings ?? []
  const enhanced = capability(open, "enhanced-route-refresh") !== undefined ? "enhanced" : "plain"
  const { gracefulRestart } = offer
  return {
    families: offer.families.filter((family) => theirs.has(family)),
    extendedNextHop:
      offer.extendedNextHop === true &&
      encodings.some((one) => familyFrom(one) === "ipv4" && one.nextHopAfi === afi.ipv6),
    extendedMessage: offer.extendedMessage === true && capability(open, "extended-message") !== undefined,
    routeRefresh: offer.routeRefresh && capability(open, "route-refresh") !== undefined ? enhanced : "no",
    ...(gracefulRestart === undefined || restart === undefined
      ? {}
      : { gracefulRestart: { seconds: gracefulRestart.seconds, notifications: restart.notifications } }),
  }
}

type AgreedOn = "families" | "extendedNextHop" | "extendedMessage" | "routeRefresh" | "gracefulRestart"

function familiesOf({ capabilities }: Open): ReadonlySet<Family> {
  const named = capabilities.filter((one) => one.kind === "multiprotocol")
  if (named.length === 0) return new Set(["ipv4"])
  return new Set(named.map(familyFrom).filter((family) => family !== undefined))
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
