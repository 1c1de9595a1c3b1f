import test from "ava"
import { acceptOpen, type Negotiated } from "../../protocols/bgp/negotiation.ts"
import { type Offer, openFor } from "../../protocols/bgp/open.ts"
import { decode, encode } from "../../protocols/bgp/packet.ts"
import { describeNotification, hardReset, notification } from "../../protocols/bgp/notification.ts"
import { type Event, newSession, type Session, type SessionOffer, step } from "../../protocols/bgp/session.ts"
import { ip } from "./goldens.ts"

const everything: Offer = {
  families: ["ipv4", "ipv6"],
  extendedNextHop: true,
  routeRefresh: true,
  extendedMessage: true,
  gracefulRestart: { seconds: 120, restarting: false },
}

/** What comes of two offers, over the wire. */
function agreed(ours: Offer, theirs: Offer): Negotiated {
  const context = { fourOctet: true }
  const decoded = decode(encode(openFor(64513, 90, ip("192.0.2.2"), theirs), context), context)
  if (!decoded.ok || decoded.value.kind !== "open") throw new Error("our own OPEN does not decode")
  const verdict = acceptOpen(decoded.value, {
    myASN: 64512,
    peerASN: 64513,
    holdSeconds: 90,
    identifier: ip("192.0.2.1"),
    offer: ours,
  })
  if (!verdict.ok) throw new Error(verdict.error.because)
  return verdict.value
}

test("RFC 5492: both offer everything, everything holds", (t) => {
  t.like(agreed(everything, everything), {
    families: ["ipv4", "ipv6"],
    extendedNextHop: true,
    extendedMessage: true,
    routeRefresh: "enhanced",
    gracefulRestart: { seconds: 120, notifications: true },
  })
})

for (const [what, ours, theirs] of [
  ["we", { families: ["ipv4"] }, everything],
  ["the peer", everything, { families: ["ipv4"] }],
] as const) {
  test(`only one side offers it: ${what} do not, so nothing holds`, (t) => {
    const { gracefulRestart, ...rest } = agreed(ours, theirs)
    t.like(rest, { families: ["ipv4"], extendedNextHop: false, extendedMessage: false, routeRefresh: "no" })
    t.is(gracefulRestart, undefined)
  })
}

test("RFC 4760 §8: a peer that names no family speaks IPv4; one that names others only does not", (t) => {
  t.deepEqual(agreed(everything, { families: [] }).families, ["ipv4"])
  t.deepEqual(agreed(everything, { families: ["ipv6"] }).families, ["ipv6"])
  t.deepEqual(agreed({ families: ["ipv4"] }, { families: ["ipv6"] }).families, [])
})

const offer: SessionOffer = { families: ["ipv4"], routeRefresh: true, gracefulRestart: { seconds: 120 } }
const full = 2 ** 32 - 1
const peerOpen = openFor(64513, 90, ip("192.0.2.2"), everything)
const up: readonly Event[] = [
  { kind: "start" },
  { kind: "tcp-opened", local: ip("192.0.2.1") },
  { kind: "open", open: peerOpen },
  { kind: "keepalive" },
]
const established = (): Session =>
  up.reduce<Session>(
    (session, event) => step(session, event, full)[0],
    newSession({ myASN: 64512, peerASN: 64513, holdSeconds: 90, retry: { firstMs: 1, maxMs: 1 }, offer }),
  )

const refresh = (afi: number, safi: number, subtype: number): Event => ({
  kind: "route-refresh",
  refresh: { kind: "route-refresh", afi, safi, subtype },
})

test("RFC 2918 §4: asked again for a family that was agreed on, and for nothing else", (t) => {
  const effects = (event: Event) => step(established(), event, full)[1]
  t.deepEqual(effects(refresh(1, 1, 0)), [{ kind: "refresh", family: "ipv4" }])
  t.deepEqual(effects(refresh(2, 1, 0)), [])
  t.deepEqual(effects(refresh(1, 2, 0)), [])
  t.deepEqual(effects(refresh(1, 1, 1)), [], "BoRR of the peer")
  t.deepEqual(effects(refresh(1, 1, 2)), [], "EoRR of the peer")
  t.deepEqual(effects(refresh(1, 1, 77)), [], "RFC 7313 §5: an unknown subtype is ignored")
})

test("RFC 8538 §3: a goodbye for good is a Hard Reset; a change of settings leaves the routes where they are", (t) => {
  const sent = (code: number, subcode: number): string => {
    const [effect] = step(established(), { kind: "stop", notification: notification(code, subcode) }, full)[1]
    return effect?.kind === "send" && effect.message.kind === "notification" ? describeNotification(effect.message) : ""
  }
  t.is(sent(6, 2), "Cease/Hard Reset (Cease/Administrative Shutdown)")
  t.is(sent(6, 3), "Cease/Hard Reset (Cease/Peer De-configured)")
  t.is(sent(6, 6), "Cease/Other Configuration Change")
})

test("RFC 8538 §3.1: what is inside a Hard Reset is shown, if it can be", (t) => {
  t.is(describeNotification(hardReset(notification(6, 9))), "Cease/Hard Reset")
  t.is(describeNotification(notification(6, 9)), "Cease/Hard Reset")
  t.is(describeNotification(notification(6, 9, Uint8Array.of(4, 0))), "Cease/Hard Reset (Hold Timer Expired)")
})

test("an IPv6 connection: the BGP identifier is what stands in for it, or there is no session", (t) => {
  const config = { myASN: 64512, peerASN: 64513, holdSeconds: 90, retry: { firstMs: 1, maxMs: 1 } }
  const identifier = (event: Event, more = {}): unknown => {
    const [connecting] = step(newSession({ ...config, ...more }), { kind: "start" }, full)
    const [effect] = step(connecting, event, full)[1]
    return effect?.kind === "send" && effect.message.kind === "open" ? effect.message.identifier : effect?.kind
  }
  const local = ip("2001:db8::1")
  const fallbackId = ip("203.0.113.1")
  t.is(identifier({ kind: "tcp-opened", local, identifier: ip("192.0.2.9") }, { fallbackId }), "192.0.2.9")
  t.is(identifier({ kind: "tcp-opened", local }, { fallbackId }), "203.0.113.1")
  t.is(identifier({ kind: "tcp-opened", local }, { fallbackId, routerId: ip("192.0.2.8") }), "192.0.2.8")
  t.is(identifier({ kind: "tcp-opened", local }), "close")
})
