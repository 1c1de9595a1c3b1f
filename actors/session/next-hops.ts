import type { Negotiated } from "../../protocols/bgp/negotiation.ts"
import type { NextHop } from "../../protocols/bgp/rib-out.ts"
import { type Family, familyOf, type Ip, parseIp } from "../../protocols/ip.ts"
import { prefixAround } from "../../protocols/prefix.ts"

interface Facts {
  /** Our address on the connection. */
  readonly local: Ip
  readonly peer: string
  /** All addresses of the interface that has it. */
  readonly interfaceAddresses: readonly string[]
  /** What the peer is configured for. */
  readonly families: readonly Family[]
  readonly negotiated: Pick<Negotiated, "families" | "extendedNextHop">
}

/** By which next hop each family goes to the peer (RFC 4271 §5.1.3, RFC 4760 §3, RFC 2545 §3, RFC 8950 §3). */
export function nextHopsFor(facts: Facts): Readonly<Record<Family, NextHop>> {
  return { ipv4: nextHopOf("ipv4", facts), ipv6: nextHopOf("ipv6", facts) }
}

const names: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" }

function nextHopOf(family: Family, facts: Facts): NextHop {
  if (!facts.families.includes(family)) return { kind: "unwanted" }
  if (!facts.negotiated.families.includes(family)) {
    return { kind: "unreachable", because: `the peer does not speak ${names[family]} unicast` }
  }
  return family === "ipv4" ? ipv4Hop(facts) : ipv6Hop(facts)
}

/** An IPv4 address of ours wherever there is one: each router understands it. */
function ipv4Hop(facts: Facts): NextHop {
  const { local, negotiated } = facts
  if (familyOf(local) === "ipv4") return { kind: "reachable", nextHop: local }
  const own = addresses(facts).find((ip) => familyOf(ip) === "ipv4" && !isLinkLocal(ip))
  if (own !== undefined && !isLinkLocal(local)) return { kind: "reachable", nextHop: own }
  if (negotiated.extendedNextHop) return ipv6Hop(facts)
  const because =
    "no IPv4 address on the interface for the next hop, and the peer takes no IPv6 one for IPv4 routes (RFC 8950)"
  return own === undefined ? { kind: "unreachable", because } : { kind: "reachable", nextHop: own }
}

function ipv6Hop(facts: Facts): NextHop {
  const { local, peer } = facts
  const own = addresses(facts).filter((ip) => familyOf(ip) === "ipv6")
  const global = familyOf(local) === "ipv6" && !isLinkLocal(local) ? local : own.find((ip) => !isLinkLocal(ip))
  const link = isLinkLocal(local) ? local : own.find(isLinkLocal)
  if (global === undefined) {
    if (isLinkLocal(local)) return { kind: "reachable", nextHop: local }
    return { kind: "unreachable", because: "no global IPv6 address on the interface for the next hop" }
  }
  return link !== undefined && onLink(local, peer)
    ? { kind: "reachable", nextHop: global, linkLocal: link }
    : { kind: "reachable", nextHop: global }
}

/** Links have 64 bits of prefix (RFC 4291 §2.5.1); a router elsewhere could do nothing with an address of this link. */
function onLink(local: Ip, peer: string): boolean {
  const ip = parseIp(peer.split("%")[0] ?? "")
  if (isLinkLocal(local) || ip === undefined) return isLinkLocal(local)
  return (
    familyOf(ip) === "ipv6" && familyOf(local) === "ipv6" && prefixAround(ip, 64).text === prefixAround(local, 64).text
  )
}

const isLinkLocal = (ip: Ip): boolean => (familyOf(ip) === "ipv6" ? /^fe[89ab]/.test(ip) : ip.startsWith("169.254."))

/** Loopback addresses are nobody's next hop. */
const addresses = ({ interfaceAddresses }: Facts): readonly Ip[] =>
  interfaceAddresses
    .map((text) => parseIp(text.split("%")[0] ?? ""))
    .filter((ip) => ip !== undefined && ip !== "::1" && !ip.startsWith("127.")) as Ip[]
