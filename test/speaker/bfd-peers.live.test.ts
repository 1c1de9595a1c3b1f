// BFD and BGP together, for peers of each kind: without an address, internal and off the link, in a VRF; and when the
// profile changes, or the speaker is killed while the router would keep its routes.
import test from "ava"
import { execFileSync, spawnSync } from "node:child_process"
import type { BGPPeerSpec } from "../../config/facts.ts"
import { address, type Bird, type Frr, Network, withoutBird, withoutFrr } from "../bfd/network.ts"
import { until } from "../io/namespaces.ts"
import type { Seen, Told } from "./programs/watching.ts"

const live = withoutBird === undefined ? test.serial : test.skip
const liveFrr = withoutFrr === undefined ? test.serial : test.skip
const name = (title: string, why: string | undefined): string => (why === undefined ? title : `${title} (${why})`)

const networks: Network[] = []
test.after.always(async () => {
  for (const each of networks) await each.down()
})

/** Half a second: what is judged here is what happens, not how soon; a busy machine is no lost path. */
const profile = { transmitInterval: 50, receiveInterval: 50, detectMultiplier: 10 }
const linkLocal = { host: "fe80::ff:fe00:a", client: "fe80::ff:fe00:b" }
const prefix = "203.0.113.10/32"
const program = new URL("./programs/watching.ts", import.meta.url)

function network(title: string): Network {
  const net = new Network(title, program)
  networks.push(net)
  return net
}

function tell(net: Network, peer: Partial<BGPPeerSpec>, more: Told["profile"] = {}): void {
  const told: Told = { peer: { myASN: 64500, peerASN: 64501, ...peer }, profile: { ...profile, ...more } }
  net.speaker.tell(told)
}

const seenBy = (net: Network): Seen | undefined => net.speaker.lines.at(-1) as Seen | undefined

async function sees(net: Network, what: string, so: (seen: Seen) => boolean): Promise<Seen> {
  const found = await until(() => {
    const seen = seenBy(net)
    return seen !== undefined && so(seen) ? seen : undefined
  }, 60_000)
  if (found === undefined) throw new Error(`not within a minute: ${what}; ${JSON.stringify(seenBy(net))}`)
  return found
}

const isUp = ({ bgp, bfd }: Seen): boolean => bgp === "established" && bfd === "up"
/** Once both are up, and the intervals are those of the profile: until then BFD keeps to one second (RFC 5880 §6.8.3). */
const watchedBy = async (net: Network): Promise<string | undefined> =>
  (await sees(net, "both up", (seen) => isUp(seen) && seen.watches?.includes("1000 ms") === false)).watches
const lostByBfd = ({ bgp, lastError = "" }: Seen): boolean =>
  bgp !== "established" && /BFD lost the path to the peer/.test(lastError)
const hasRoute = (bird: Bird): boolean => bird.ask("show", "route", prefix).includes(prefix)
const frrUp = (frr: Frr): Promise<unknown> => until(() => /Status: up/.test(frr.vtysh("show bfd peers")), 60_000)

const interval = 'interface "eth0" { interval 50 ms; multiplier 10; };'
const external = (more: string, bfd = "on"): string => `protocol bgp speaker {
  local ${address.client} as 64501;
  neighbor ${address.host} as 64500;
  passive; bfd ${bfd}; hold time 90; error wait time 1, 2; connect delay time 1; ${more}
  ipv4 { import all; export none; };
}
`

live(
  name("BIRD, unnumbered: BFD watches whom BGP has found on the link, and takes BGP down", withoutBird),
  async (t) => {
    const net = network("bulink")
    tell(net, { peerAddress: "", interface: "eth0" })
    await sees(net, "a session that finds nobody", ({ lastError = "" }) => lastError.includes("no router"))
    t.is(seenBy(net)?.bfd, undefined, "nobody to watch yet")
    await net.bird(
      "client",
      interval,
      `protocol radv { interface "eth0" { min ra interval 3; max ra interval 4; }; }
protocol bgp speaker {
  local ${linkLocal.client} as 64501;
  neighbor ${linkLocal.host} as 64500;
  interface "eth0"; passive; bfd on; hold time 90; error wait time 1, 2;
  ipv6 { import all; export none; };
}
`,
    )
    t.is(await watchedBy(net), `${linkLocal.client} 50 ms`)
    net.link("down")
    await sees(net, "BGP down by BFD", lostByBfd)
    net.link("up")
    await sees(net, "both up again", isUp)
  },
)

liveFrr(name("FRR, unnumbered: both sides watch the link-local address of the other", withoutFrr), async (t) => {
  const net = network("fulink")
  const frr = await net.frr(
    "client",
    ["bfd", " profile p", "  transmit-interval 50", "  receive-interval 50", "  detect-multiplier 10", " exit", "exit"],
    [
      "router bgp 64501",
      ` bgp router-id ${address.client}`,
      " no bgp ebgp-requires-policy",
      " neighbor eth0 interface remote-as 64500",
      " neighbor eth0 passive",
      " neighbor eth0 bfd profile p",
      " address-family ipv6 unicast",
      "  neighbor eth0 activate",
      " exit-address-family",
    ],
  )
  tell(net, { peerAddress: "", interface: "eth0" })
  t.is(await watchedBy(net), `${linkLocal.client} 50 ms`)
  t.truthy(await frrUp(frr))
  net.link("down")
  await sees(net, "BGP down by BFD", lostByBfd)
})

liveFrr(name("FRR, internal: one hop on the link, several off it, without being told", withoutFrr), async (t) => {
  const bgp = (own: string): readonly string[] => [
    "router bgp 64500",
    ` bgp router-id ${own}`,
    ` neighbor ${address.host} remote-as 64500`,
    ` neighbor ${address.host} passive`,
    ` neighbor ${address.host} update-source ${own}`,
    ` neighbor ${address.host} bfd`,
  ]
  for (const where of ["client", "far"] as const) {
    const net = network(`fi${where}`)
    const frr = await net.frr(where, [], bgp(address[where]))
    tell(net, { peerASN: 64500, peerAddress: address[where] }, { transmitInterval: 300, receiveInterval: 300 })
    t.is(await watchedBy(net), `${address[where]}${where === "far" ? " multihop" : ""} 300 ms`)
    t.truthy(await frrUp(frr))
    t.is(/multihop/.test(frr.vtysh("show bfd peers")), where === "far")
  }
})

live(name("BIRD, internal and off the link: several hops, down by BFD when the way is cut", withoutBird), async (t) => {
  const net = network("bifar")
  const bird = await net.bird(
    "far",
    "multihop { interval 50 ms; multiplier 10; };",
    `protocol bgp speaker {
  local ${address.far} as 64500;
  neighbor ${address.host} as 64500;
  multihop; passive; bfd on; hold time 90; error wait time 1, 2;
  ipv4 { import all; export none; };
}
`,
  )
  // BIRD sends over several hops with the system's TTL.
  tell(net, { peerASN: 64500, peerAddress: address.far }, { minimumTtl: 60 })
  t.is(await watchedBy(net), `${address.far} multihop 50 ms`)
  t.regex(bird.ask("show", "bfd", "sessions"), /192\.0\.2\.2\s+---\s+Up/)
  net.link("down")
  await sees(net, "BGP down by BFD", lostByBfd)
})

live(
  name("bound as for a VRF: BFD has sockets of its own there, beside those of the default one", withoutBird),
  async (t) => {
    // Any device will do to be bound to; that packets of a real VRF come to such a socket, only a VRF can show.
    const net = network("bvrf")
    await net.bird("client", interval, external(""))
    tell(net, { peerAddress: address.client, vrf: "eth0" })
    t.is(await watchedBy(net), `${address.client} in eth0 50 ms`)
    net.link("down")
    await sees(net, "BGP down by BFD", lostByBfd)
  },
)

const noVrf = ((): string | undefined => {
  if (withoutBird !== undefined) return withoutBird
  const device = `vrft${process.pid % 100_000}`
  const made = spawnSync("ip", ["link", "add", device, "type", "vrf", "table", "9999"], { encoding: "utf8" })
  if (made.status !== 0) return "this kernel has no VRF"
  execFileSync("ip", ["link", "del", device])
  return undefined
})()

;(noVrf === undefined ? test.serial : test.skip)(name("in a VRF: BGP and BFD, up and down", noVrf), async (t) => {
  const net = network("vrf")
  const inside = (...command: readonly string[]) => net.wire.onHost("ip", ...command)
  await inside("link", "add", "red", "type", "vrf", "table", "100")
  await inside("link", "set", "red", "up")
  await inside("link", "set", "eth0", "master", "red")
  await net.bird("client", interval, external(""))
  tell(net, { peerAddress: address.client, vrf: "red" })
  t.is(await watchedBy(net), `${address.client} in red 50 ms`)
  net.link("down")
  await sees(net, "BGP down by BFD", lostByBfd)
})

live(
  name("another profile: BFD agrees on it with the peer, and the BGP session does not notice", withoutBird),
  async (t) => {
    const net = network("bprof")
    const bird = await net.bird("client", interval, external(""))
    tell(net, { peerAddress: address.client })
    const before = await sees(net, "both up", isUp)
    tell(net, { peerAddress: address.client }, { transmitInterval: 200, receiveInterval: 120, detectMultiplier: 20 })
    await sees(net, "agreed", ({ watches }) => watches === `${address.client} 200 ms`)
    t.true(await until(() => /\s0\.120\s+4\.000/.test(bird.ask("show", "bfd", "sessions"))))
    const after = seenBy(net)
    t.deepEqual([after?.bgp, after?.sinceMs, after?.bfd, after?.losses], ["established", before.sinceMs, "up", 0])
  },
)

for (const [bfd, kept] of [
  ["on", false],
  ["graceful", true],
] as const) {
  const what = kept ? "keeps the routes for as long as it may" : "drops them when BFD's detection time is over"
  live(
    name(`graceful restart and BFD: the speaker is killed; BIRD with "bfd ${bfd}" ${what}`, withoutBird),
    async (t) => {
      const net = network(`bgr${bfd}`)
      const bird = await net.bird("client", interval, external("graceful restart aware;", bfd))
      tell(net, { peerAddress: address.client, enableGracefulRestart: true })
      await sees(net, "both up", isUp)
      t.true(await until(() => hasRoute(bird)))
      process.kill(net.speaker.pid, "SIGKILL")
      const down = /192\.0\.2\.2\s+eth0\s+Down/
      t.true(await until(() => down.test(bird.ask("show", "bfd", "sessions"))), "BFD has seen it")
      if (kept) t.true(hasRoute(bird))
      else t.true(await until(() => !hasRoute(bird)))
    },
  )
}
