import test from "ava"
import { bfdKey, type BfdSessionId, type BfdSessionReport } from "../../actors/bfd/messages.ts"
import type { BgpReport, SessionReport } from "../../actors/session/messages.ts"
import type { SpeakerMessage } from "../../actors/speaker.ts"
import { scrape } from "../../cli/daemon/metrics.ts"
import { speakerMetrics } from "../../cli/daemon/speaker-metrics.ts"
import { peerNamed } from "../support/configuration.ts"
import { plain, put, speaker } from "./harness.ts"

const fast = { name: "fast", labels: {}, spec: { receiveInterval: 50, transmitInterval: 50 } }
const base = { myASN: 64500, peerASN: 64501 }
const near = peerNamed("near", { ...base, peerAddress: "10.0.0.254", bfdProfile: "fast" })
const far = peerNamed("far", {
  ...base,
  peerAddress: "10.9.0.1",
  sourceAddress: "10.0.0.3",
  ebgpMultiHop: true,
  bfdProfile: "fast",
})
const bare = peerNamed("bare", { ...base, peerAddress: "10.0.0.253" })
const elsewhere = peerNamed("elsewhere", {
  ...base,
  peerAddress: "10.0.0.252",
  bfdProfile: "fast",
  nodeSelectors: [{ matchLabels: { rack: "other" } }],
})
const configured = { ...plain, peers: [near, far, bare, elsewhere], bfdProfiles: [fast] }

const nearId: BfdSessionId = { peer: "10.0.0.254", multihop: false }
const farId: BfdSessionId = { peer: "10.9.0.1", local: "10.0.0.3", multihop: true }

const report = (id: BfdSessionId, state: "up" | "down", pathLosses: number): BfdSessionReport => ({
  ...id,
  key: bfdKey(id),
  state,
  sinceMs: 0,
  diagnostic: "no diagnostic",
  localDiscriminator: 1,
  transmitIntervalMs: 50,
  echo: "off",
  counters: {
    controlPacketInput: 7,
    controlPacketOutput: 8,
    echoPacketInput: 0,
    echoPacketOutput: 0,
    sessionUpEvents: 1,
    sessionDownEvents: pathLosses,
    pathLosses,
    notifications: 2,
    sendErrors: 0,
  },
})

const noMessages = { opens: 0, updates: 0, notifications: 0, keepalives: 0, routeRefreshes: 0, total: 0 }
/** As BGP tells of a peer on the link of eth1, connected to that address. */
const unnumbered = (address: string): SessionReport => ({
  name: "link",
  address: "eth1",
  port: 179,
  myASN: 64500,
  peerASN: 64501,
  state: "established",
  sinceMs: 0,
  prefixesWanted: 0,
  prefixesSent: 0,
  updatesSent: 0,
  messages: { sent: noMessages, received: noMessages },
  ups: 1,
  downs: 0,
  transport: { remote: { address, port: 179 }, authentication: "none", interface: "eth1" },
})

async function watching() {
  const it = await speaker()
  await it.change((cluster) => cluster.configure(configured))
  return it
}

test("the BFD thread is told the peers of this node that have a profile; again after a restart", async (t) => {
  const it = await watching()
  const profile = fast.spec
  const wanted = [
    { ...farId, profile },
    { ...nearId, profile },
  ]
  t.deepEqual(it.watched(), wanted)
  await it.kill("/speaker/bfd")
  t.is(it.bfd.length, 2)
  t.deepEqual(it.watched(), wanted)
  t.is(it.bfd.at(-1)?.filter(({ kind }) => kind === "subscribe").length, 1)
  await it.change((cluster) => put(cluster, "web", "192.0.2.10"))
  t.is(it.bfd.at(-1)?.length, 2, "what is announced is no matter of BFD's")
})

test("an internal peer is one hop away or several, a VRF's is watched in it, an unnumbered one once BGP has found it", async (t) => {
  const it = await speaker()
  const inside = peerNamed("inside", { myASN: 64500, peerASN: 64500, peerAddress: "10.9.0.2", bfdProfile: "fast" })
  const dynamic = peerNamed("dynamic", { myASN: 64500, dynamicASN: "internal", peerAddress: "10.9.0.3" })
  const shown = peerNamed("shown", { ...base, localASN: 64501, peerAddress: "10.9.0.4", bfdProfile: "fast" })
  const red = peerNamed("red", { ...base, peerAddress: "10.0.0.251", vrf: "red", bfdProfile: "fast" })
  const link = peerNamed("link", { ...base, peerAddress: "", interface: "eth1", bfdProfile: "fast" })
  const peers = [inside, { ...dynamic, spec: { ...dynamic.spec, bfdProfile: "fast" } }, shown, red, link]
  await it.change((cluster) => cluster.configure({ ...configured, peers }))
  const one = { multihop: false, profile: fast.spec }
  const known = [
    { peer: "10.9.0.3", ...one, multihopOffLink: true },
    { peer: "10.9.0.2", ...one, multihopOffLink: true },
    { peer: "10.0.0.251", vrf: "red", ...one },
    { peer: "10.9.0.4", ...one, multihopOffLink: true },
  ]
  t.deepEqual(it.watched(), known)
  const at = (address: string): BgpReport => ({ kind: "bgp-report", sessions: [unnumbered(address)] })
  await it.bgpReport(at("eth1"))
  t.deepEqual(it.watched(), known, "nobody has been found yet")
  const found = (peer: string) => [known[0], known[1], { peer, interface: "eth1", ...one }, known[2], known[3]]
  await it.bgpReport(at("fe80::2"))
  t.deepEqual(it.watched(), found("fe80::2"))
  await it.bgpReport(at("eth1"))
  t.deepEqual(it.watched(), found("fe80::2"), "it is the one to wait for")
  await it.bgpReport(at("fe80::3"))
  t.deepEqual(it.watched(), found("fe80::3"))
})

test("another profile changes the BFD session and leaves the BGP session alone; without one it goes", async (t) => {
  const it = await watching()
  const told = it.bgp.flat().length
  const slow = { ...fast, spec: { receiveInterval: 500 } }
  await it.change((cluster) => cluster.configure({ ...configured, bfdProfiles: [slow] }))
  t.deepEqual(
    it.watched()?.map(({ profile }) => profile),
    [slow.spec, slow.spec],
  )
  t.is(it.bgp.flat().length, told)
  await it.change((cluster) => cluster.configure({ ...configured, peers: [bare] }))
  t.deepEqual(it.watched(), [])
})

test("a profile that is not there: the configuration before stays, and is said to be stale", async (t) => {
  const it = await watching()
  await it.change((cluster) => cluster.configure({ ...configured, bfdProfiles: [] }))
  const { configuration } = await it.status()
  t.true(configuration.stale)
  t.deepEqual(configuration.faults, [
    "BGPPeer far, bfdProfile: peer far referencing non existing bfd profile fast",
    "BGPPeer near, bfdProfile: peer near referencing non existing bfd profile fast",
  ])
  t.is(it.watched()?.length, 2)
})

test("BGP is told what BFD says of each peer, when it changes, and again in a new life", async (t) => {
  const it = await watching()
  t.is(it.paths(), undefined)
  await it.bfdReport([report(nearId, "up", 0), report(farId, "down", 0)])
  const first = { far: { losses: 0, up: false }, near: { losses: 0, up: true } }
  t.deepEqual(it.paths(), first)
  const told = it.bgp.flat().length
  await it.bfdReport([report(nearId, "up", 0), report(farId, "down", 0)])
  t.is(it.bgp.flat().length, told)
  await it.bfdReport([report(nearId, "down", 1), report(farId, "down", 0)])
  const lost = { ...first, near: { losses: 1, up: false } }
  t.deepEqual(it.paths(), lost)
  await it.kill("/speaker/bgp")
  t.deepEqual(it.paths(), lost)
})

test("status and metrics have the sessions under MetalLB's names", async (t) => {
  const it = await watching()
  const red = { ...nearId, vrf: "red" }
  await it.bfdReport([report(nearId, "up", 0), report(red, "down", 0), report(farId, "down", 3)])
  t.deepEqual(
    (await it.status()).bfd.map(({ key, state }) => [key, state]),
    [
      ["10.0.0.254", "up"],
      ["10.0.0.254 vrf red", "down"],
      ["10.9.0.1 from 10.0.0.3 multihop", "down"],
    ],
  )
  const metrics = await it.metrics()
  const lines = (await scrape((to) => speakerMetrics(to, metrics))).split("\n")
  for (const line of [
    'metallb_bfd_session_up{peer="10.0.0.254",vrf="default"} 1',
    'metallb_bfd_session_up{peer="10.0.0.254",vrf="red"} 0',
    'metallb_bfd_session_up{peer="10.9.0.1",vrf="default"} 0',
    'metallb_bfd_control_packet_input{peer="10.0.0.254",vrf="default"} 7',
    'metallb_bfd_control_packet_output{peer="10.0.0.254",vrf="default"} 8',
    'metallb_bfd_echo_packet_input{peer="10.0.0.254",vrf="default"} 0',
    'metallb_bfd_echo_packet_output{peer="10.0.0.254",vrf="default"} 0',
    'metallb_bfd_session_up_events{peer="10.0.0.254",vrf="default"} 1',
    'metallb_bfd_session_down_events{peer="10.9.0.1",vrf="default"} 3',
    'metallb_bfd_zebra_notifications{peer="10.9.0.1",vrf="default"} 2',
  ])
    t.true(lines.includes(line), line)
})

test("an orderly end: BFD is told after BGP", async (t) => {
  const it = await watching()
  const asked = it.system.ask<SpeakerMessage, { kind: "shut-down" }>(
    it.root,
    (replyTo) => ({ kind: "shutdown", replyTo }),
    5000,
  )
  await it.pass(250)
  t.true((await asked).ok)
  t.is(it.bgp.flat().at(-1)?.kind, "shutdown")
  t.is(it.bfd.flat().at(-1)?.kind, "shutdown")
})
