import test from "ava"
import { nextHopsFor } from "../../actors/session/next-hops.ts"
import type { Ip } from "../../protocols/ip.ts"

const both = ["ipv4", "ipv6"] as const
interface Given {
  readonly local: string
  readonly peer: string
  readonly addresses: readonly string[]
  readonly agreed?: readonly ("ipv4" | "ipv6")[]
  readonly wanted?: readonly ("ipv4" | "ipv6")[]
  readonly extendedNextHop?: boolean
}
const hops = ({ local, peer, addresses, agreed = both, wanted = both, extendedNextHop = false }: Given) =>
  nextHopsFor({
    local: local as Ip,
    peer,
    interfaceAddresses: addresses,
    families: wanted,
    negotiated: { families: agreed, extendedNextHop },
  })
const reachable = (nextHop: string, linkLocal?: string) =>
  ({ kind: "reachable", nextHop, ...(linkLocal === undefined ? {} : { linkLocal }) }) as const

const all = ["192.0.2.1", "2001:db8::1", "fe80::1"]

test("each family by our own address on the interface, whatever carries the session", (t) => {
  t.deepEqual(hops({ local: "192.0.2.1", peer: "192.0.2.2", addresses: all }), {
    ipv4: reachable("192.0.2.1"),
    ipv6: reachable("2001:db8::1"),
  })
  t.deepEqual(hops({ local: "2001:db8::1", peer: "2001:db8::2", addresses: all }), {
    ipv4: reachable("192.0.2.1"),
    ipv6: reachable("2001:db8::1", "fe80::1"),
  })
})

test("RFC 2545 §3: the link-local address only for a peer on the link", (t) => {
  t.deepEqual(hops({ local: "2001:db8::1", peer: "2001:db8:1::2", addresses: all }).ipv6, reachable("2001:db8::1"))
  t.deepEqual(
    hops({ local: "fe80::1", peer: "fe80::2%eth0", addresses: all }).ipv6,
    reachable("2001:db8::1", "fe80::1"),
  )
  t.deepEqual(hops({ local: "fe80::1", peer: "eth0", addresses: ["fe80::1"] }).ipv6, reachable("fe80::1"))
})

test("RFC 8950: IPv4 routes by IPv6 where we have no IPv4 address, or the session is link-local, and the peer takes it", (t) => {
  const alone = ["2001:db8::1", "fe80::1"]
  const extended = { peer: "2001:db8::2", local: "2001:db8::1", extendedNextHop: true }
  t.deepEqual(hops({ ...extended, addresses: alone }).ipv4, reachable("2001:db8::1", "fe80::1"))
  t.deepEqual(hops({ ...extended, addresses: all }).ipv4, reachable("192.0.2.1"))
  t.deepEqual(
    hops({ local: "fe80::1", peer: "fe80::2", addresses: all, extendedNextHop: true }).ipv4,
    reachable("2001:db8::1", "fe80::1"),
  )
  t.like(hops({ ...extended, addresses: alone, extendedNextHop: false }).ipv4, { kind: "unreachable" })
})

test("loopback and link-local addresses are nobody's next hop", (t) => {
  t.like(hops({ local: "127.0.0.1", peer: "127.0.0.1", addresses: ["127.0.0.1", "::1", "fe80::9"] }).ipv6, {
    kind: "unreachable",
    because: "no global IPv6 address on the interface for the next hop",
  })
})

test("what was not asked for is left out without a word; what was and the peer does not speak has a reason", (t) => {
  t.deepEqual(hops({ local: "192.0.2.1", peer: "192.0.2.2", addresses: all, wanted: ["ipv4"] }).ipv6, {
    kind: "unwanted",
  })
  t.deepEqual(hops({ local: "192.0.2.1", peer: "192.0.2.2", addresses: all, agreed: ["ipv4"] }).ipv6, {
    kind: "unreachable",
    because: "the peer does not speak IPv6 unicast",
  })
})
