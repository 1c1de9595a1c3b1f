import { addressed, agreed, arrives, established, lacksIn, type Outcome, works } from "./checks.ts"
import { lasting } from "./lasting.ts"
import type { Session, World } from "./world.ts"
import { prefixesOf, routesOf, type VariantName } from "./variants.ts"

/** A row of the matrix. */
export interface Feature {
  readonly title: string
  /** Where it is written. */
  readonly source: string
  /** Which sessions show it. */
  readonly variant: VariantName
  /** Throws when it does not work; says why where the peer cannot. */
  readonly check: (session: Session, world: World) => Promise<Outcome>
}

const capability = { extendedMessage: 6, enhancedRefresh: 70, extendedNextHop: 5, gracefulRestart: 64 } as const

/** What routes look like at the peer, by whatever carries them. */
const routes: readonly Feature[] = [
  {
    title: "IPv4 routes",
    source: "RFC 4271",
    variant: "plain",
    check: (session) => arrives(session, "ipv4", ({ nextHop }) => nextHop === session.neighbour.ourAddress),
  },
  {
    title: "IPv6 routes over IPv6",
    source: "RFC 4760, RFC 2545",
    variant: "six",
    check: (session) => arrives(session, "ipv6", ({ nextHop }) => nextHop.includes(session.neighbour.ourAddress)),
  },
  {
    title: "both families over IPv4",
    source: "RFC 4760",
    variant: "dual",
    async check(session) {
      await arrives(session, "ipv4", ({ nextHop }) => nextHop === session.neighbour.ourAddress)
      return arrives(session, "ipv6", ({ nextHop }) => addressed(session, nextHop))
    },
  },
  {
    title: "both families over IPv6",
    source: "RFC 4760",
    variant: "dualSix",
    async check(session) {
      await arrives(session, "ipv6", ({ nextHop }) => nextHop.includes(session.neighbour.ourAddress))
      return arrives(session, "ipv4", ({ nextHop }) => addressed(session, nextHop))
    },
  },
  {
    title: "IPv4 routes by an IPv6 next hop",
    source: "RFC 8950",
    variant: "nextHop6",
    async check(session) {
      await established(session)
      const lack = lacksIn(session, capability.extendedNextHop, "extended next hop")
      if (lack !== undefined) return lack
      return arrives(session, "ipv4", ({ nextHop }) => nextHop.includes(session.neighbour.ourAddress))
    },
  },
  {
    title: "unnumbered: the router found by its Router Advertisements",
    source: "RFC 4861, RFC 8950",
    variant: "unnumbered",
    async check(session) {
      await arrives(session, "ipv6", () => true)
      return arrives(session, "ipv4", ({ nextHop }) => nextHop.includes("fe80::"))
    },
  },
  {
    title: "communities",
    source: "RFC 1997",
    variant: "plain",
    check: (session) => arrives(session, "ipv4", ({ communities }) => communities.join() === "65000:1"),
  },
  {
    title: "large communities",
    source: "RFC 8092",
    variant: "plain",
    check: (session) => arrives(session, "ipv4", ({ large }) => large.join() === "65000:1:2"),
  },
  {
    title: "extended communities",
    source: "RFC 4360",
    variant: "plain",
    check: (session) => arrives(session, "ipv4", ({ extended }) => extended.join() === "rt:65000:7"),
  },
  {
    title: "LOCAL_PREF to internal peers alone",
    source: "RFC 4271 §5.1.5",
    variant: "plain",
    check: (session) =>
      arrives(session, "ipv4", ({ localPref }) => (session.internal ? localPref === 250 : localPref !== 250)),
  },
  {
    title: "MED",
    source: "RFC 4271 §5.1.4",
    variant: "plain",
    check: (session) => arrives(session, "ipv4", ({ med }) => med === 17, "go"),
  },
  {
    title: "AS path prepended, to external peers alone",
    source: "RFC 4271 §5.1.2",
    variant: "plain",
    check: (session) =>
      arrives(
        session,
        "ipv4",
        ({ asPath }) => asPath === (session.internal ? "" : Array(3).fill(session.neighbour.ourAsn).join(" ")),
        "go",
      ),
  },
  {
    title: "AS numbers of 4 octets",
    source: "RFC 6793",
    variant: "plain",
    async check(session) {
      await agreed(session, ({ fourOctetAs, peerASN }) => fourOctetAs && peerASN === 4_200_000_001)
      return arrives(session, "ipv4", ({ asPath }) => session.internal || asPath === "4200000000")
    },
  },
  {
    title: "a peer without them",
    source: "RFC 6793",
    variant: "twoOctet",
    async check(session) {
      await agreed(session, ({ fourOctetAs }) => !fourOctetAs)
      return arrives(session, "ipv4", ({ asPath }) => asPath === "64512")
    },
  },
  {
    title: "another AS number for one peer (localASN)",
    source: "",
    variant: "localAs",
    check: (session) => arrives(session, "ipv4", ({ asPath }) => asPath === "64999"),
  },
  {
    title: "peer AS number internal or external (dynamicASN)",
    source: "",
    variant: "dynamicAs",
    check: (session) => arrives(session, "ipv4", () => true),
  },
  ...(["md5", "md5Six"] as const).map((variant): Feature => {
    const family = variant === "md5" ? "ipv4" : "ipv6"
    return {
      title: `TCP MD5 over ${family === "ipv4" ? "IPv4" : "IPv6"}`,
      source: "RFC 2385",
      variant,
      check: (session) => arrives(session, family, () => true),
    }
  }),
  ...(["ttl", "ttlSix"] as const).map((variant): Feature => {
    const family = variant === "ttl" ? "ipv4" : "ipv6"
    return {
      title: `TTL security over ${family === "ipv4" ? "IPv4" : "IPv6"}`,
      source: "RFC 5082",
      variant,
      check: (session) => arrives(session, family, () => true),
    }
  }),
  {
    title: "extended messages",
    source: "RFC 8654",
    variant: "long",
    async check(session) {
      await established(session)
      const lack = lacksIn(session, capability.extendedMessage, "extended messages")
      if (lack !== undefined) return lack
      const { index } = session.neighbour
      const prefixes = Array.from({ length: 2_000 }, (_, i) => `10.${64 + index}.${i >> 8}.${i & 255}/32`)
      const before = session.report()?.updatesSent ?? 0
      session.want({ localPref: 0, communities: [], prefixes })
      await session.until("all in one message", () => session.report()?.prefixesSent === prefixes.length)
      const messages = (session.report()?.updatesSent ?? 0) - before
      // What was there before is withdrawn by one more.
      if (messages > 2) throw new Error(`${messages} UPDATEs for 2,000 prefixes`)
      await session.until("the last one", () => session.route(prefixes.at(-1) ?? "") !== undefined)
      session.want(routesOf(session.neighbour).stay)
      await session.until("gone again", () => session.route(prefixes[0] ?? "") === undefined)
      return works
    },
  },
  {
    title: "route refresh",
    source: "RFC 2918",
    variant: "refresh",
    async check(session) {
      await arrives(session, "ipv4", () => true)
      const before = session.report()
      const asked = before?.messages.received.routeRefreshes ?? 0
      const { router, neighbour } = session
      if (router.askAgain === undefined)
        return { lacks: "peer has no command that sends a ROUTE-REFRESH: it keeps all routes as they came" }
      router.askAgain(neighbour)
      await session.until("asked", () => (session.report()?.messages.received.routeRefreshes ?? 0) > asked)
      await session.until("said again", () => (session.report()?.updatesSent ?? 0) > (before?.updatesSent ?? 0))
      if (session.report()?.state !== "established") throw new Error("the session is gone")
      return arrives(session, "ipv4", () => true)
    },
  },
  {
    title: "enhanced route refresh, the set between its marks",
    source: "RFC 7313",
    variant: "refresh",
    async check(session) {
      await established(session)
      const lack = lacksIn(session, capability.enhancedRefresh, "enhanced route refresh")
      if (lack !== undefined) return lack
      const marks = (): number => session.report()?.messages.sent.routeRefreshes ?? 0
      const before = marks()
      session.router.askAgain?.(session.neighbour)
      await session.until("begin and end for both families", () => marks() >= before + 4)
      return arrives(session, "ipv6", () => true)
    },
  },
  {
    title: "withdrawal",
    source: "RFC 4271 §3.1",
    variant: "dual",
    async check(session) {
      const { stay, go } = prefixesOf(session.neighbour)
      await session.until("all", () => [...stay, ...go].every((one) => session.route(one) !== undefined))
      session.want(routesOf(session.neighbour).stay)
      await session.until("withdrawn", () => go.every((one) => session.route(one) === undefined))
      if (stay.some((one) => session.route(one) === undefined)) throw new Error("too much was withdrawn")
      return works
    },
  },
]

/** In this order: what ends sessions comes last. */
export const features: readonly Feature[] = [...routes, ...lasting]
