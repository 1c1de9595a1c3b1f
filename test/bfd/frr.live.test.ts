import test from "ava"
import type { BfdSessionId } from "../../actors/bfd/messages.ts"
import { until } from "../io/namespaces.ts"
import { address, type Frr, Network, withoutFrr } from "./network.ts"

const live = withoutFrr === undefined ? test.serial : test.skip
if (withoutFrr !== undefined) test(`skipped: ${withoutFrr}`, (t) => t.pass())

const networks: Network[] = []
function network(name: string): Network {
  const made = new Network(name)
  networks.push(made)
  return made
}
test.after.always(async () => {
  for (const each of networks) await each.down()
})

const direct: BfdSessionId = { peer: address.client, multihop: false }
const profile = { transmitInterval: 50, receiveInterval: 50, detectMultiplier: 3 }
const isUp = ({ state }: { readonly state: string }): boolean => state === "up"
const isDown = ({ state }: { readonly state: string }): boolean => state !== "up"

/** `more` are lines of the profile. */
const peer = (...more: readonly string[]): readonly string[] => [
  "bfd",
  " profile p",
  "  transmit-interval 50",
  "  receive-interval 50",
  ...more.map((line) => `  ${line}`),
  " exit",
  ` peer ${address.host} local-address ${address.client} interface eth0`,
  "  profile p",
  " exit",
  "exit",
]
const shows = (frr: Frr, pattern: RegExp): Promise<true | undefined | false> =>
  until(() => pattern.test(frr.vtysh("show bfd peers")))

live("one hop: up, FRR stopped and going on, FRR's own shutdown told as such", async (t) => {
  const net = network("frr")
  const frr = await net.frr("client", peer())
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile }] })
  t.is((await net.settled(direct)).detectionTimeMs, 150)
  t.truthy(await shows(frr, /Status: up/))
  const stoppedMs = Date.now()
  process.kill(frr.program.pid, "SIGSTOP")
  const stopped = await net.reached(direct, isDown)
  t.log(`stopped peer noticed after ${(stopped.lastDown?.atMs ?? 0) - stoppedMs} ms`)
  t.is(stopped.lastDown?.diagnostic, "control detection time expired")
  process.kill(frr.program.pid, "SIGCONT")
  const before = await net.settled(direct)
  frr.vtysh(
    "configure terminal",
    "bfd",
    `peer ${address.host} local-address ${address.client} interface eth0`,
    "shutdown",
  )
  const down = await net.reached(direct, isDown)
  t.is(down.remote?.state, "admin-down")
  t.is(down.diagnostic, "the peer is administratively down")
  t.is(down.counters.sessionDownEvents, before.counters.sessionDownEvents + 1)
  t.is(down.counters.pathLosses, before.counters.pathLosses)
})

live("10 ms: up and steady", async (t) => {
  const net = network("frrfast")
  const fast = ["transmit-interval 10", "receive-interval 10", "detect-multiplier 50"]
  const frr = await net.frr("client", peer(...fast))
  net.tell({
    kind: "sessions",
    sessions: [{ ...direct, profile: { transmitInterval: 10, receiveInterval: 10, detectMultiplier: 50 } }],
  })
  const before = await net.settled(direct, 100)
  t.is(before.transmitIntervalMs, 10)
  t.is(before.detectionTimeMs, 500)
  const after = await net.reached(direct, ({ counters }) => counters.controlPacketInput >= 500)
  t.is(after.sinceMs, before.sinceMs)
  t.regex(frr.vtysh("show bfd peers"), /Detect-multiplier: 50/)
})

live("passive on our side: FRR begins", async (t) => {
  const net = network("passive")
  const sessions = [{ ...direct, profile: { ...profile, passiveMode: true } }]
  net.tell({ kind: "sessions", sessions })
  const silent = await net.reached(direct, (it) => it.diagnostic.startsWith("passive"))
  t.is(silent.counters.controlPacketOutput, 0)
  await net.frr("client", peer())
  await net.reached(direct, isUp)
})

live("several hops: the minimum TTL of 254 that both have by default allows one router", async (t) => {
  const net = network("frrfar")
  const frr = await net.frr("far", [
    "bfd",
    ` peer ${address.host} multihop local-address ${address.far}`,
    " exit",
    "exit",
  ])
  const far: BfdSessionId = { peer: address.far, local: address.host, multihop: true }
  net.tell({ kind: "sessions", sessions: [{ ...far, profile }] })
  await net.reached(far, isUp)
  t.truthy(await shows(frr, /Status: up/))
  t.deepEqual(net.report()?.dropped, {})
})

live("echo both ways through the other's kernel; when FRR's no longer forwards, the session falls", async (t) => {
  const net = network("echo")
  // The kernels that send the echoes back do it when they find the time; that is not what is judged here.
  const patient = { ...profile, echoMode: true, detectMultiplier: 20 }
  const echoing = ["detect-multiplier 20", "echo-mode", "echo transmit-interval 50", "echo receive-interval 50"]
  const frr = await net.frr("client", peer(...echoing))
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile: patient }] })
  const before = await net.reached(direct, ({ echo, counters }) => echo === "active" && counters.echoPacketInput > 60)
  const after = await net.reached(direct, ({ counters }) => counters.echoPacketInput > 120)
  t.is(after.sinceMs, before.sinceMs)
  const counted = /Echo packet input: (\d+)/.exec(frr.vtysh("show bfd peers counters"))?.[1]
  t.true(Number(counted) > 60, `FRR's own: ${counted}`)
  await net.wire.onClient("sysctl", "-qw", "net.ipv4.ip_forward=0")
  // It comes up again at once, for control packets arrive, and falls again.
  const down = await net.reached(direct, ({ counters }) => counters.pathLosses > after.counters.pathLosses)
  t.is(down.lastDown?.diagnostic, "echo function failed")
})
