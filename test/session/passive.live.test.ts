import anyTest, { type ExecutionContext } from "ava"
import { once } from "node:events"
import net from "node:net"
import type { DesiredPeer, ListenerReport, SessionSettings } from "../../actors/session/messages.ts"
import { network } from "./network.ts"
import { addLink, Bird, cleanUp, Frr, frrObstacle, GoBgp, type Link, obstacle } from "./routers.ts"
import { type Speaker, startSpeaker, until } from "./system.ts"

anyTest.after.always(cleanUp)

const test = obstacle === undefined ? anyTest.serial : anyTest.skip
const withFrr = frrObstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string, why = obstacle): string => (why === undefined ? title : `${title} (${why})`)

const routes = [{ localPref: 0, communities: [], prefixes: ["198.51.100.7/32"] }]
const passive = (title: string, address: string, listenPort: number, settings: Partial<SessionSettings> = {}) =>
  ({
    name: title,
    session: {
      myASN: 64512,
      peerASN: 64513,
      address,
      port: 179,
      holdSeconds: 90,
      families: ["ipv4"],
      passive: true,
      listenPort,
      ...settings,
    },
    routes,
  }) satisfies DesiredPeer
const start = (): Speaker => startSpeaker({ parts: { network } })
const listeners = (speaker: Speaker): readonly ListenerReport[] => speaker.reports.at(-1)?.listeners ?? []

/** One that nobody has at this moment. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === "object" && address !== null ? address.port : 0
}

interface Router {
  start(): Promise<void>
  stop(): Promise<void>
}
const external = { asn: 64513, peerAsn: 64512 } as const
const password = "correct-horse"

async function theyConnect(
  t: ExecutionContext,
  make: (link: Link, port: number) => Router,
  settings: Partial<SessionSettings>,
  six = false,
) {
  const link = addLink()
  const port = await freePort()
  const speaker = start()
  speaker.want(passive("router", six ? link.theirs6 : link.theirs, port, settings))
  await until("listening", () => listeners(speaker).some((one) => one.port === port && one.peers === 1))
  t.is(speaker.session("router")?.state, "active")
  const router = make(link, port)
  await router.start()
  await speaker.reached("router", "established", 60_000)
  await until("routes written", () => speaker.session("router")?.prefixesSent === 1)
  t.is(listeners(speaker)[0]?.refused, 0)
  t.is(speaker.session("router")?.transport.local?.port, port)
  await speaker.system.stop()
  await router.stop()
}

for (const [title, extra, settings, over] of [
  ["plain", "", {}, undefined],
  ["password", `password "${password}";`, { password }, undefined],
  ["TTL security", "ttl security on;", { ttlSecurityHops: 1 }, undefined],
  [
    "IPv6, password and TTL security",
    `password "${password}"; ttl security on;`,
    { password, ttlSecurityHops: 1 },
    "ipv6",
  ],
] as const)
  test(name(`BIRD connects to us: ${title}`), (t) =>
    theyConnect(
      t,
      (link, connectTo) => new Bird(link, { ...external, connectTo, extra, ...(over && { over }) }),
      settings,
      over === "ipv6",
    ),
  )

test(name("GoBGP connects to us, with a password"), (t) =>
  theyConnect(
    t,
    (link, connectTo) => new GoBgp(link, { ...external, connectTo, neighbour: `auth-password = "${password}"` }),
    { password },
  ),
)

withFrr(name("FRR connects to us, with a password", frrObstacle), (t) =>
  theyConnect(
    t,
    (link, connectTo) => new Frr(link, { ...external, connectTo, extra: `neighbor ${link.ours} password ${password}` }),
    { password },
  ),
)

test(
  name("one socket for two peers, each with its own password; a stranger is refused and counted; closed with the last"),
  async (t) => {
    const [first, second] = [addLink(), addLink()]
    const stranger = addLink()
    const port = await freePort()
    const speaker = start()
    const a = passive("a", first.theirs, port, { password: "one" })
    const b = passive("b", second.theirs, port, { password: "two" })
    speaker.want(a, b)
    await until("listening", () => listeners(speaker)[0]?.peers === 2)
    t.is(listeners(speaker).length, 1)
    const birds = [
      new Bird(first, { ...external, connectTo: port, extra: `password "one";` }),
      new Bird(second, { ...external, connectTo: port, extra: `password "two";` }),
      new Bird(stranger, { ...external, connectTo: port }),
    ]
    await Promise.all(birds.map((bird) => bird.start()))
    await speaker.reached("a", "established")
    await speaker.reached("b", "established")
    await until("the stranger is refused", () => (listeners(speaker)[0]?.refused ?? 0) > 0)
    t.true(
      speaker.lines.some(
        ({ message, fields }) => message === "BGP connection refused" && fields["from"] === stranger.theirs,
      ),
    )
    t.notRegex(JSON.stringify(speaker.lines), /one"|two"/)

    // The other password is asked for from now on, and the other peer does not notice.
    const before = speaker.session("b")?.sinceMs
    speaker.want({ ...a, session: { ...a.session, password: "three" } }, b)
    await until("a is down", () => speaker.session("a")?.state === "active")
    t.is(speaker.session("b")?.sinceMs, before)
    speaker.want(b)
    await until("one is left", () => listeners(speaker)[0]?.peers === 1)
    await speaker.reached("b", "established")
    speaker.want()
    await until("none is left", () => listeners(speaker).length === 0)
    const refused = net.connect({ host: "127.0.0.1", port })
    const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException]
    t.is(error.code, "ECONNREFUSED")
    await speaker.system.stop()
    await Promise.all(birds.map((bird) => bird.stop()))
  },
)

test(name("a port that is taken: said by the session, and listened on as soon as it is free"), async (t) => {
  const server = net.createServer().listen(0, "0.0.0.0")
  await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const speaker = start()
  speaker.want(passive("router", "100.127.0.1", port))
  const want = `binding to 0.0.0.0 port ${port}: address already in use (EADDRINUSE)`
  await until(
    "said",
    () => speaker.session("router")?.lastError === want,
    10_000,
    () => JSON.stringify(speaker.session("router")),
  )
  await new Promise((resolve) => server.close(resolve))
  await until("listening", () => listeners(speaker)[0]?.error === undefined)
  await until("forgotten", () => speaker.session("router")?.lastError === undefined)
  t.pass()
  await speaker.system.stop()
})

for (const [title, routerId] of [
  ["ours is the higher identifier", "250.0.0.1"],
  ["theirs is the higher identifier", "1.0.0.1"],
] as const)
  test(name(`both sides connect at the same time: one session comes of it; ${title}`), async (t) => {
    const link = addLink()
    const port = await freePort()
    const bird = new Bird(link, { ...external, connectTo: port })
    const speaker = start()
    const { passive: _, ...both } = passive("router", link.theirs, port, { routerId }).session
    speaker.want({ name: "router", session: both, routes })
    await bird.start()
    await speaker.reached("router", "established")
    await until("route", () => bird.count() === 1)
    // It stays: nobody ends it for the sake of the other connection.
    const { sinceMs, downs } = await speaker.reached("router", "established")
    const startMs = performance.now()
    await until("both have had time to try again", () => performance.now() - startMs > 2_500)
    t.deepEqual([speaker.session("router")?.sinceMs, speaker.session("router")?.downs], [sinceMs, downs])
    t.is(bird.count(), 1)
    await speaker.system.stop()
    await bird.stop()
  })

const aoObstacle = obstacle ?? (network.tcpAo === true ? undefined : "this kernel has no TCP-AO")
const withAo = aoObstacle === undefined ? anyTest.serial : anyTest.skip
withAo(name("TCP-AO: two of ours, one waits; another key is silence", aoObstacle), async (t) => {
  const port = await freePort()
  const key = { key: "geheim", algorithm: "hmac-sha-1-96", sendId: 1, receiveId: 1 } as const
  const waiting = start()
  const settings = { myASN: 64513, peerASN: 64512, routerId: "10.0.0.1", authentication: key }
  waiting.want(passive("router", "127.0.0.1", port, settings))
  const connecting = start()
  const to = (authentication: typeof key): DesiredPeer => ({
    name: "router",
    session: { myASN: 64512, peerASN: 64513, address: "127.0.0.1", port, holdSeconds: 90, authentication },
    routes,
  })
  connecting.want(to({ ...key, key: "falsch" } as unknown as typeof key))
  await until("silence", () => (connecting.session("router")?.lastError ?? "").includes("no answer"))
  connecting.want(to(key))
  await connecting.reached("router", "established")
  t.is(waiting.session("router")?.transport.authentication, "ao")
  await Promise.all([connecting.system.stop(), waiting.system.stop()])
})

test(name("TCP-AO where the kernel has none: idle, with the version that it takes"), async (t) => {
  const speaker = startSpeaker({ parts: { network: { ...network, tcpAo: false } } })
  const authentication = { key: "geheim", algorithm: "hmac-sha-1-96", sendId: 1, receiveId: 1 } as const
  const { passive: _, listenPort: _port, ...session } = passive("router", "100.127.0.1", 1, { authentication }).session
  speaker.want({ name: "router", session, routes })
  const want =
    "a TCP-AO key (RFC 5925) is configured, but this kernel has no TCP-AO: it needs Linux 6.7 or later with CONFIG_TCP_AO"
  await until("said", () => speaker.session("router")?.lastError === want)
  t.is(speaker.session("router")?.state, "idle")
  t.notRegex(JSON.stringify([speaker.reports, speaker.lines]), /geheim/)
  await speaker.system.stop()
})
