import { agreed, arrives, established, lacksIn, type Outcome, works } from "./checks.ts"
import type { Feature } from "./features.ts"
import { inside } from "./network.ts"
import { prefixesOf, routesOf } from "./variants.ts"
import { pathOf, type Session, type World } from "./world.ts"

/** What sessions do over time, and when they end: in this order, the ends last. */

async function once(session: Session): Promise<Outcome> {
  await arrives(session, "ipv4", () => true)
  const { ups } = session.report() ?? {}
  if (ups !== 1) throw new Error(`came up ${ups} times`)
  return works
}

const dialled: readonly Feature[] = [
  {
    title: "a peer that dials as well, where nobody listens",
    source: "",
    variant: "dials",
    check: once,
  },
  {
    title: "passive: the peer dials",
    source: "RFC 4271 §8.1.1",
    variant: "passive",
    check: (session) => arrives(session, "ipv4", () => true),
  },
  {
    title: "passive, with TCP MD5",
    source: "RFC 2385",
    variant: "passiveMd5",
    check: (session) => arrives(session, "ipv4", () => true),
  },
  {
    title: "both dial: one connection stays",
    source: "RFC 4271 §6.8",
    variant: "collision",
    check: (session) => arrives(session, "ipv4", () => true),
  },
]

/** The same prefix over two sessions, as two nodes would announce it. */
async function multipath({ router, neighbour, internal, want }: Session, world: World): Promise<Outcome> {
  const prefix = `10.201.${internal ? 1 : 0}.9/32`
  const other = world.session(router.name, "second", internal)
  if (typeof other === "string") throw new Error(other)
  const group = { localPref: 100, communities: [], prefixes: [prefix] }
  want(group)
  other.want(group)
  await other.until("both sent it", () => other.report()?.prefixesSent === 1)
  await other.until("a route", () => router.route(prefix) !== undefined)
  if (router.name === "GoBGP") return { lacks: "peer has no forwarding table: it puts no routes into the kernel" }
  const hops = (): string[] =>
    [...inside(router.site, "ip", "route", "show", prefix).matchAll(/via (\S+)/g)].map(([, hop = ""]) => hop).sort()
  const expected = [neighbour.ourAddress, other.neighbour.ourAddress].sort().join()
  await other.until("two next hops in the kernel", () => hops().join() === expected)
  other.want()
  await other.until("one is left", () => hops().join() === neighbour.ourAddress)
  return works
}

async function bfd(session: Session, { watching }: World): Promise<Outcome> {
  const { router, neighbour } = session
  await arrives(session, "ipv4", () => true)
  const path = (): string | undefined => watching?.session(pathOf(session))?.state
  await session.until("up on our side", () => path() === "up")
  await session.until("up on the router's", () => router.bfdUp?.(neighbour) === true)
  const downs = session.report()?.downs ?? 0
  // The router hears us, and what it says goes nowhere. Without BFD nobody would notice for 90 seconds.
  const on = [neighbour.ourAddress, "dev", router.site.devices.both.theirs]
  inside(router.site, "ip", "neigh", "replace", ...on, "lladdr", "02:00:00:00:00:99", "nud", "permanent")
  await session.until("BGP is down for it", () => (session.report()?.downs ?? 0) > downs, 20_000)
  inside(router.site, "ip", "neigh", "del", ...on)
  await session.until("both up again", () => path() === "up" && session.report()?.state === "established")
  return works
}

/** The smaller hold time counts; a router that falls silent is given up and comes back. */
async function hold(session: Session, world: World): Promise<Outcome> {
  await agreed(session, ({ holdSeconds, keepaliveSeconds }) => holdSeconds === 3 && keepaliveSeconds === 1)
  const { router } = session
  const expired = (one: Session): boolean =>
    one.report()?.lastError === "peer was silent for the hold time; sent NOTIFICATION Hold Timer Expired"
  await world.once(`silence of ${router.name}`, async () => {
    router.signal("SIGSTOP")
    try {
      const both = world.all("hold").filter((one) => one.router === router)
      await session.until("given up", () => both.every(expired), 15_000)
    } finally {
      router.signal("SIGCONT")
    }
  })
  await established(session)
  return works
}

async function words(session: Session): Promise<Outcome> {
  await arrives(session, "ipv4", () => true)
  session.router.disable(session.neighbour, "closed for the night")
  const told = 'Cease/Administrative Shutdown ("closed for the night")'
  await session.until("its words", () => {
    const { lastNotification } = session.report() ?? {}
    return lastNotification?.direction === "received" && lastNotification.text === told
  })
  return works
}

/** The thread that has all sessions is killed; what is withdrawn meanwhile goes when it is back. */
async function restart(session: Session, world: World): Promise<Outcome> {
  await established(session)
  const lack = lacksIn(session, 64, "graceful restart")
  if (lack !== undefined) return lack
  const { stay, go } = prefixesOf(session.neighbour)
  await world.once("restart", async () => {
    const sessions = world.all("restart")
    for (const one of sessions) {
      await agreed(one, ({ gracefulRestart }) => gracefulRestart)
      await one.until("all routes", () => [...stay, ...go].length === one.report()?.prefixesSent)
      const its = prefixesOf(one.neighbour)
      await one.until("all there", () => [...its.stay, ...its.go].every((prefix) => one.route(prefix) !== undefined))
    }
    if (!(await world.speakers.restart.system.kill("/speaker/bgp"))) throw new Error("nobody to kill")
    for (const one of sessions) one.want(routesOf(one.neighbour).stay)
  })
  let missing = 0
  await session.until("withdrawn after End-of-RIB", () => {
    missing += stay.filter((prefix) => session.route(prefix) === undefined).length
    return go.every((prefix) => session.route(prefix) === undefined)
  })
  if (missing > 0) throw new Error(`a route was away ${missing} times`)
  await session.until("back", () => session.report()?.prefixesSent === 2)
  return works
}

const gracefulShutdown = "65535:0"

/** Before the goodbye the routes are the last choice: by the community, or by the preference. */
async function lastChoice(session: Session, world: World): Promise<Outcome> {
  const [prefix] = prefixesOf(session.neighbour).stay
  await world.once("shutdown", async () => void world.speakers.main.shutDown())
  await session.until("last choice", () => {
    const { communities = [], localPref } = session.route(prefix) ?? {}
    return communities.includes(gracefulShutdown) && (!session.internal || localPref === 0)
  })
  await session.until("gone", () => session.route(prefix) === undefined)
  return works
}

async function ourWords(session: Session): Promise<Outcome> {
  const { router, neighbour } = session
  if (router.name === "GoBGP") return { lacks: "peer has no command that shows them" }
  await session.until("our words", () => router.describe(neighbour).includes("speaker is shutting down"))
  return works
}

/** An orderly end is for good, though a lost session would not be: the routes go at once. */
async function hardReset(session: Session, world: World): Promise<Outcome> {
  const { notifications } = session.report()?.agreed?.restart ?? {}
  await world.once("end", async () => void world.speakers.restart.shutDown())
  const { stay } = prefixesOf(session.neighbour)
  await session.until("gone", () => stay.every((prefix) => session.route(prefix) === undefined), 15_000)
  return notifications === true
    ? works
    : { lacks: "peer has no N flag in its graceful restart: every NOTIFICATION ends it, and the routes went at once" }
}

export const lasting: readonly Feature[] = [
  ...dialled,
  { title: "equal routes of two nodes, both used (ECMP)", source: "", variant: "first", check: multipath },
  { title: "BFD: a path that is lost ends the session", source: "RFC 5880, RFC 9384", variant: "bfd", check: bfd },
  { title: "hold time: the smaller one, enforced", source: "RFC 4271 §6.5", variant: "hold", check: hold },
  { title: "the peer's shutdown, with its words", source: "RFC 8203", variant: "words", check: words },
  {
    title: "graceful restart: routes stay, those withdrawn go",
    source: "RFC 4724",
    variant: "restart",
    check: restart,
  },
  { title: "our shutdown: first the last choice", source: "RFC 8326", variant: "plain", check: lastChoice },
  { title: "our shutdown, with words", source: "RFC 8203", variant: "plain", check: ourWords },
  { title: "our shutdown ends graceful restart", source: "RFC 8538", variant: "restart", check: hardReset },
]
