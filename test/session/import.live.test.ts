import anyTest, { type ExecutionContext } from "ava"
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import type { BgpReport, DesiredPeer, ImportSettings, SessionReport } from "../../actors/session/messages.ts"
import { Bird, cleanUp, Frr, frrObstacle, GoBgp, type Link, obstacle } from "./routers.ts"
import { type LogLine, until } from "./system.ts"

/*
 *                    ┌── up1 ── router1 (BIRD) ──┐
 *  lo: 198.51.100.7  │                           ├── client  203.0.113.10
 *  node (speaker) ───┼── up2 ── router2 (BIRD) ──┘
 *                    └── mgmt ── nobody: the node's default route
 */

const test = obstacle === undefined ? anyTest.serial : anyTest.skip
const withFrr = frrObstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string, why = obstacle): string => (why === undefined ? title : `${title} (${why})`)

const ip = (...args: string[]): string =>
  execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
const space = (what: string): string => `troupe-test-${process.pid}-${what}`
const [node, one, two, client] = ["node", "r1", "r2", "client"].map(space) as [string, string, string, string]
const inside = (namespace: string, ...command: string[]): string =>
  execFileSync("ip", ["netns", "exec", namespace, ...command], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  })

function join(a: string, nameA: string, b: string, nameB: string): void {
  ip("link", "add", nameA, "netns", a, "type", "veth", "peer", "name", nameB, "netns", b)
  for (const [namespace, device] of [
    [a, nameA],
    [b, nameB],
  ] as const)
    ip("-n", namespace, "link", "set", device, "up")
}
const address = (namespace: string, device: string, ...all: string[]): void => {
  for (const text of all)
    ip("-n", namespace, "addr", "add", text, "dev", device, ...(text.includes(":") ? ["nodad"] : []))
}

if (obstacle === undefined) {
  anyTest.before(() => {
    for (const namespace of [node, one, two, client]) {
      ip("netns", "add", namespace)
      ip("-n", namespace, "link", "set", "lo", "up")
      inside(namespace, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
      // Answers that leave by another way than the questions came: strict filters would drop the questions.
      inside(namespace, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
    }
    join(node, "up1", one, "to-node")
    join(node, "up2", two, "to-node")
    join(node, "mgmt", client, "none")
    join(one, "lan", client, "lan1")
    join(two, "lan", client, "lan2")
    address(node, "lo", "198.51.100.7/32", "2001:db8:7::1/128")
    address(node, "up1", "100.64.1.1/30", "fd64:1::1/64")
    address(node, "up2", "100.64.2.1/30", "fd64:2::1/64")
    address(node, "mgmt", "100.64.3.1/30", "fd64:3::1/64")
    address(one, "to-node", "100.64.1.2/30", "fd64:1::2/64")
    address(two, "to-node", "100.64.2.2/30", "fd64:2::2/64")
    address(one, "lan", "203.0.113.1/25", "2001:db8:c::1/64")
    address(client, "lan1", "203.0.113.10/25", "2001:db8:c::10/64")
    // Answers to nobody are lost.
    ip("-n", node, "route", "add", "default", "via", "100.64.3.2")
    ip("-n", node, "-6", "route", "add", "default", "via", "fd64:3::2")
    ip("-n", one, "route", "add", "198.51.100.0/24", "via", "100.64.1.1")
    ip("-n", one, "-6", "route", "add", "2001:db8:7::/64", "via", "fd64:1::1")
    ip("-n", client, "route", "add", "default", "via", "203.0.113.1")
    ip("-n", client, "-6", "route", "add", "default", "via", "2001:db8:c::1")
  })
  anyTest.after.always(() => {
    for (const child of programs) child.kill("SIGKILL")
    cleanUp()
    for (const namespace of [node, one, two, client]) spawnSync("ip", ["netns", "delete", namespace])
  })
}

const programs = new Set<ChildProcess>()

interface Speaker {
  want(...peers: DesiredPeer[]): void
  kill(path: string): void
  report(): BgpReport | undefined
  session(peer: string): SessionReport | undefined
  readonly log: LogLine[]
  shutDown(): Promise<void>
  die(): Promise<void>
}

function startOnNode(t: ExecutionContext): Speaker {
  const script = new URL("import-program.ts", import.meta.url).pathname
  const child = spawn("ip", ["netns", "exec", node, process.execPath, script], { stdio: ["pipe", "pipe", "inherit"] })
  programs.add(child)
  const exited = once(child, "exit").then(() => void programs.delete(child))
  let last: BgpReport | undefined
  const log: LogLine[] = []
  createInterface({ input: child.stdout }).on("line", (line) => {
    const said = JSON.parse(line) as { report: BgpReport } | { log: LogLine }
    if ("report" in said) last = said.report
    else log.push(said.log)
  })
  t.teardown(() => child.kill("SIGKILL"))
  const tell = (command: unknown): void => void child.stdin.write(`${JSON.stringify(command)}\n`)
  return {
    want: (...want) => tell({ want }),
    kill: (path) => tell({ kill: path }),
    report: () => last,
    session: (peer) => last?.sessions.find((session) => session.name === peer),
    log,
    async shutDown() {
      tell("shutdown")
      await exited
    },
    async die() {
      child.kill("SIGKILL")
      await exited
    },
  }
}

const linkTo = (namespace: string, n: number): Link => ({
  namespace,
  ours: `100.64.${n}.1`,
  theirs: `100.64.${n}.2`,
  ours6: `fd64:${n}::1`,
  theirs6: `fd64:${n}::2`,
})
const links = [linkTo(one, 1), linkTo(two, 2)] as const
const statics = (...prefixes: string[]): string => {
  const of = (family: "ipv4" | "ipv6") => prefixes.filter((prefix) => prefix.includes(":") === (family === "ipv6"))
  return (["ipv4", "ipv6"] as const)
    .filter((family) => of(family).length > 0)
    .map(
      (family) =>
        `protocol static { ${family}; ${of(family)
          .map((p) => `route ${p} unreachable;`)
          .join(" ")} }`,
    )
    .join("\n")
}
const both = ["ipv4", "ipv6"] as const
const router = (link: Link, asn: number, prefixes: readonly string[], channel = ""): Bird =>
  new Bird(link, {
    asn,
    peerAsn: 64512,
    families: both,
    channel: `export all; ${channel}`,
    beside: statics(...prefixes),
  })
/** Started, and no longer there for the next test, whatever comes of this one. */
async function begin(t: ExecutionContext, ...routers: readonly { start(): Promise<void>; stop(): Promise<void> }[]) {
  t.teardown(() => Promise.all(routers.map((one) => one.stop())))
  await Promise.all(routers.map((one) => one.start()))
}
const peer = (title: string, link: Link, peerASN: number, settings: Partial<ImportSettings> = {}): DesiredPeer => ({
  name: title,
  session: {
    myASN: 64512,
    peerASN,
    address: link.theirs,
    port: 179,
    holdSeconds: 90,
    families: both,
    import: { prefixes: ["0.0.0.0/0+", "::/0+"], maximum: 100, beyondMaximum: "warn", table: 1790, ...settings },
  },
  routes: [{ localPref: 0, communities: [], prefixes: ["198.51.100.7/32", "2001:db8:7::1/128"] }],
})

const table = (family: "-4" | "-6" = "-4", id = "1790"): string =>
  spawnSync("ip", ["-n", node, family, "route", "show", "table", id], { encoding: "utf8" }).stdout
const rules = (family: "-4" | "-6" = "-4"): string => ip("-n", node, family, "rule", "show")
const answers = (target: string): boolean =>
  spawnSync("ip", ["netns", "exec", client, "ping", "-c", "1", "-W", "1", target]).status === 0
const seen = (): string => `${table()}${table("-6")}${rules()}${rules("-6")}`

test(
  name(
    "a default and a /24 from BIRD: in the table, with a rule; answers leave the way the questions came; gone on stop",
  ),
  async (t) => {
    const bird = router(links[0], 64513, ["0.0.0.0/0", "203.0.113.0/24", "::/0", "2001:db8:c::/48"])
    await begin(t, bird)
    t.false(answers("198.51.100.7"), "the node's own default route leads to nobody")
    const speaker = startOnNode(t)
    speaker.want(peer("r1", links[0], 64513))
    await until(
      "routes",
      () => /203\.0\.113\.0\/24/.test(table()) && /2001:db8:c::\/48/.test(table("-6")),
      30_000,
      seen,
    )
    t.regex(table(), /^default via 100\.64\.1\.2 dev up1 proto 179 metric 20/m)
    t.regex(table(), /^203\.0\.113\.0\/24 via 100\.64\.1\.2 dev up1 proto 179 metric 20/m)
    t.regex(table("-6"), /^default via \S+ dev up1 proto 179 metric 20/m)
    await until("rules", () => rules().includes("198.51.100.7"), 30_000, seen)
    t.regex(rules(), /^17900:\tfrom 198\.51\.100\.7 lookup 1790 proto 179/m)
    t.regex(rules("-6"), /^17900:\tfrom 2001:db8:7::1 lookup 1790 proto 179/m)
    await until("IPv4 answers arrive", () => answers("198.51.100.7"))
    await until("IPv6 answers arrive", () => answers("2001:db8:7::1"))
    t.regex(ip("-n", node, "route", "get", "203.0.113.10"), /via 100\.64\.3\.2/, "all else goes its own way")
    await until("told", () => speaker.session("r1")?.imported?.accepted === 4)
    t.like(speaker.session("r1")?.imported, { maximum: 100, surplus: false })
    await until("reported", () => speaker.report()?.kernel?.routes === 4 && speaker.report()?.kernel?.rules === 2)
    t.true(speaker.log.some(({ message }) => message === "imported routes"))

    // A service that is withdrawn takes its rule along, and no route.
    speaker.want({ ...peer("r1", links[0], 64513), routes: [] })
    await until("rules are gone", () => !seen().includes("17900"), 30_000, seen)
    t.regex(table(), /^default/m)
    speaker.want(peer("r1", links[0], 64513))
    await until("rules again", () => rules().includes("17900"))

    // What the peer withdraws is gone, too.
    bird.ask("disable", "static1")
    await until("withdrawn", () => !/default/.test(table()) && /default/.test(table("-6")), 30_000, seen)
    bird.ask("enable", "static1")
    await until("again", () => /default/.test(table()))
    await speaker.shutDown()
    t.notRegex(seen(), /179/)
  },
)

test(
  name("the session is lost: its routes go; killed outright: they stay, and the next speaker takes them away"),
  async (t) => {
    const bird = router(links[0], 64513, ["0.0.0.0/0", "::/0"])
    await begin(t, bird)
    const first = startOnNode(t)
    first.want(peer("r1", links[0], 64513))
    await until("routes", () => /default/.test(table()) && /default/.test(table("-6")), 30_000, seen)
    await bird.stop("SIGKILL")
    await until("gone with the session", () => !/default/.test(table() + table("-6")), 30_000, seen)
    await bird.start()
    await until("back with it", () => /default/.test(table()), 30_000, seen)

    // Crashed actors begin from what the kernel has.
    first.kill("/speaker/bgp/kernel:routes")
    await until("restarted", () => first.log.some(({ message }) => message === "actor crashed"))
    await until("routes and rules", () => /default/.test(table()) && rules().includes("17900"), 30_000, seen)
    first.kill("/speaker/bgp/r1")
    await until("crashed", () => first.log.filter(({ message }) => message === "actor crashed").length === 2)
    await first.die()
    await until("the router has noticed", () => !bird.established())
    const left = seen()
    t.regex(left, /17900:/, "nobody was there to remove the rules")

    const second = startOnNode(t)
    await until("removed", () => !/ 179|17900/.test(seen()), 30_000, seen)
    second.want(peer("r1", links[0], 64513))
    await until("and there again", () => /default/.test(table()) && rules().includes("17900"), 30_000, seen)
    await second.shutDown()
    t.notRegex(seen(), /proto 179/)
  },
)

test(
  name("two peers with the same prefix share it; the better one alone has it; a lost one leaves it to the other"),
  async (t) => {
    const first = router(links[0], 64513, ["0.0.0.0/0", "10.1.0.0/16"])
    const second = router(
      links[1],
      64514,
      ["0.0.0.0/0", "10.1.0.0/16"],
      "export filter { if net = 10.1.0.0/16 then bgp_path.prepend(64514); accept; };",
    )
    await begin(t, first, second)
    const speaker = startOnNode(t)
    speaker.want(peer("r1", links[0], 64513), peer("r2", links[1], 64514))
    const shared =
      /^default proto 179 metric 20 *\n\tnexthop via 100\.64\.1\.2 dev up1 weight 1 *\n\tnexthop via 100\.64\.2\.2 dev up2 weight 1/m
    await until("both ways", () => shared.test(table()), 30_000, seen)
    t.regex(table(), /^10\.1\.0\.0\/16 via 100\.64\.1\.2 dev up1/m, "the shorter path")
    await first.stop()
    await until("the other alone", () => /^default via 100\.64\.2\.2 dev up2/m.test(table()), 30_000, seen)
    t.regex(table(), /^10\.1\.0\.0\/16 via 100\.64\.2\.2 dev up2/m)
    await first.start()
    await until("both again", () => shared.test(table()), 60_000, seen)
    await speaker.shutDown()
  },
)

test(name("filter, loops, the peer's own routes back: what is not taken is counted by reason"), async (t) => {
  const bird = router(
    links[0],
    64513,
    ["0.0.0.0/0", "10.1.0.0/16", "10.2.0.0/16", "192.168.0.0/16"],
    "export filter { if net = 10.2.0.0/16 then bgp_path.prepend(64512); accept; };",
  )
  await begin(t, bird)
  const speaker = startOnNode(t)
  speaker.want(peer("r1", links[0], 64513, { prefixes: ["0.0.0.0/0", "10.0.0.0/8{16,24}"], table: 200 }))
  await until("taken", () => speaker.session("r1")?.imported?.accepted === 2)
  await until("in the kernel", () => /10\.1\.0\.0\/16/.test(table("-4", "200")), 30_000, seen)
  t.notRegex(table("-4", "200"), /10\.2|192\.168/)
  t.like(speaker.session("r1")?.imported?.rejected, { filtered: 1, loop: 1, maximum: 0 })
  await speaker.shutDown()
})

test(name("other sources, such as Pods: by the table where the main one has only a default for them"), async (t) => {
  const bird = router(links[0], 64513, ["0.0.0.0/0"])
  await begin(t, bird)
  address(node, "lo", "10.244.1.2/32")
  ip("-n", node, "route", "add", "10.244.2.0/24", "via", "100.64.2.2")
  const way = (to: string): string => ip("-n", node, "route", "get", to, "from", "10.244.1.2")
  t.regex(way("203.0.113.10"), /via 100\.64\.3\.2 /)
  const speaker = startOnNode(t)
  speaker.want(peer("r1", links[0], 64513, { sources: ["10.244.1.0/24"] }))
  await until("the table's", () => way("203.0.113.10").includes("via 100.64.1.2 "), 30_000, seen)
  t.regex(way("10.244.2.5"), /via 100\.64\.2\.2 /, "what the main table knows is left to it")
  t.regex(rules(), /^17899:\tfrom 10\.244\.1\.0\/24 lookup main suppress_prefixlength 0 proto 179/m)
  await speaker.shutDown()
  t.regex(way("203.0.113.10"), /via 100\.64\.3\.2 /)
  t.notRegex(rules(), /proto 179/)
})

const many = Array.from({ length: 20 }, (_, i) => `10.9.${i}.0/24`)
test(name("more than the maximum, warn: the session stays, so many are taken and no more"), async (t) => {
  const bird = router(links[0], 64513, many)
  await begin(t, bird)
  const speaker = startOnNode(t)
  speaker.want(peer("r1", links[0], 64513, { maximum: 15 }))
  await until("full", () => speaker.session("r1")?.imported?.surplus === true)
  await until("in the kernel", () => table().trim().split("\n").length === 15, 30_000, seen)
  t.like(speaker.session("r1"), { state: "established" })
  t.like(speaker.session("r1")?.imported, { accepted: 15, maximum: 15, surplus: true })
  t.true(
    speaker.log.some(
      ({ message, fields }) =>
        message === "BGP peer announces more routes than are imported" && fields["maximum"] === 15,
    ),
  )
  await speaker.shutDown()
})

test(
  name("more than the maximum, shutdown: Cease/Maximum Number of Prefixes Reached, and it stays down"),
  async (t) => {
    const bird = router(links[0], 64513, many)
    await begin(t, bird)
    const speaker = startOnNode(t)
    speaker.want(peer("r1", links[0], 64513, { maximum: 15, beyondMaximum: "shutdown" }))
    const want =
      "the peer announces more than the 15 routes to be imported; the session stays down until its settings change"
    await until("ended", () => speaker.session("r1")?.lastError === want)
    t.is(speaker.session("r1")?.state, "idle")
    t.is(speaker.session("r1")?.lastNotification?.text, "Cease/Maximum Number of Prefixes Reached")
    t.regex(bird.ask("show", "protocols", "all", "speaker"), /Received: Maximum number of prefixes reached/i)
    t.is(table(), "")
    speaker.want(peer("r1", links[0], 64513, { maximum: 30, beyondMaximum: "shutdown" }))
    await until("all of them", () => speaker.session("r1")?.imported?.accepted === 20, 60_000)
    await speaker.shutDown()
  },
)

test(name("next hop out of reach: not installed, and named; taken as soon as there is a way"), async (t) => {
  const bird = router(links[0], 64513, ["10.1.0.0/16"], "export filter { bgp_next_hop = 10.77.0.1; accept; };")
  await begin(t, bird)
  ip("-n", node, "route", "add", "unreachable", "10.77.0.0/16")
  const speaker = startOnNode(t)
  speaker.want(peer("r1", links[0], 64513))
  await until("named", () => speaker.report()?.kernel?.unreachable === 1)
  t.regex(speaker.report()?.kernel?.error ?? "", /^looking for a way to 10\.77\.0\.1: /)
  t.is(table(), "")
  ip("-n", node, "route", "replace", "10.77.0.0/16", "via", "100.64.2.2")
  await until(
    "by the router that leads there",
    () => /^10\.1\.0\.0\/16 via 100\.64\.2\.2 dev up2/m.test(table()),
    30_000,
    seen,
  )
  // An interface that goes down takes its routes along, and nobody tells us.
  ip("-n", node, "link", "set", "up2", "down")
  ip("-n", node, "link", "set", "up2", "up")
  ip("-n", node, "route", "replace", "10.77.0.0/16", "via", "100.64.2.2")
  t.is(table(), "")
  await until("put right", () => /^10\.1\.0\.0\/16 via 100\.64\.2\.2 dev up2/m.test(table()), 30_000, seen)
  ip("-n", node, "route", "del", "10.77.0.0/16")
  ip("-n", node, "addr", "replace", "fd64:2::1/64", "dev", "up2", "nodad")
  await speaker.shutDown()
})

test(
  name("an unnumbered peer of a node that forwards: IPv6 and IPv4 by its link-local address (RFC 8950)"),
  async (t) => {
    address(node, "up1", "fe80::1/64")
    address(one, "to-node", "fe80::2/64")
    // So that one of two is ours, and it is the one that BIRD expects.
    ip("-n", node, "addr", "flush", "dev", "up1", "scope", "link", "-permanent")
    const bird = new Bird(
      { ...links[0], ours6: "fe80::1", theirs6: "fe80::2" },
      {
        asn: 64513,
        peerAsn: 64512,
        over: "ipv6",
        families: both,
        extra: `interface "to-node";`,
        channel: "extended next hop on; export all;",
        beside: `${statics("0.0.0.0/0", "::/0")}
protocol radv { interface "to-node" { min ra interval 3; max ra interval 4; }; }`,
      },
    )
    await begin(t, bird)
    const speaker = startOnNode(t)
    const { session, routes } = peer("r1", links[0], 64513)
    speaker.want({
      name: "r1",
      routes,
      session: { ...session, address: "up1", interface: "up1", routerId: "10.9.8.7" },
    })
    const state = () => `${JSON.stringify(speaker.report())} ${seen()}`
    await until("both", () => /default/.test(table()) && /default/.test(table("-6")), 60_000, state)
    t.regex(table(), /^default via inet6 fe80::2 dev up1 proto 179/m)
    t.regex(table("-6"), /^default via fe80::2 dev up1 proto 179/m)
    await until("answers arrive", () => answers("198.51.100.7") && answers("2001:db8:7::1"))
    await speaker.shutDown()
  },
)

withFrr(name("FRR announces: a default of its own accord and a network", frrObstacle), async (t) => {
  const frr = new Frr(links[0], {
    asn: 64513,
    peerAsn: 64512,
    families: both,
    extra: `no bgp network import-check\n address-family ipv4 unicast\n  network 203.0.113.0/24\n  neighbor ${links[0].ours} default-originate\n exit-address-family\n address-family ipv6 unicast\n  network 2001:db8:c::/48\n exit-address-family`,
  })
  await begin(t, frr)
  const speaker = startOnNode(t)
  speaker.want(peer("r1", links[0], 64513))
  await until(
    "routes",
    () => /default/.test(table()) && /203\.0\.113\.0/.test(table()) && /2001:db8:c::/.test(table("-6")),
    30_000,
    seen,
  )
  await until("answers arrive", () => answers("198.51.100.7"))
  t.pass()
  await speaker.shutDown()
})

test(name("GoBGP announces, internal: its LOCAL_PREF decides against another internal peer"), async (t) => {
  const gobgp = new GoBgp(links[1], { asn: 64512, peerAsn: 64512, families: ["ipv4"] })
  const bird = router(links[0], 64512, ["0.0.0.0/0"], "export filter { bgp_local_pref = 50; accept; };")
  await begin(t, gobgp, bird)
  const speaker = startOnNode(t)
  speaker.want(peer("r1", links[0], 64512), peer("r2", links[1], 64512))
  await until("the only one", () => /^default via 100\.64\.1\.2/m.test(table()), 30_000, seen)
  gobgp.ask("global", "rib", "add", "0.0.0.0/0", "nexthop", "100.64.2.2", "local-pref", "200")
  await until("the better one", () => /^default via 100\.64\.2\.2/m.test(table()), 30_000, seen)
  gobgp.ask("global", "rib", "del", "0.0.0.0/0")
  await until("the other again", () => /^default via 100\.64\.1\.2/m.test(table()), 30_000, seen)
  t.pass()
  await speaker.shutDown()
})
