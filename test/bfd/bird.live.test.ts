import test from "ava"
import type { BfdSessionId } from "../../actors/bfd/messages.ts"
import { until } from "../io/namespaces.ts"
import { address, Network, withoutBird } from "./network.ts"

const live = withoutBird === undefined ? test.serial : test.skip
if (withoutBird !== undefined) test(`skipped: ${withoutBird}`, (t) => t.pass())

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
const interval = 'interface "eth0" { interval 50 ms; multiplier 3; };'
const neighbour = `neighbor ${address.host} dev "eth0";`
const isUp = ({ state }: { readonly state: string }): boolean => state === "up"
const isUnblocked = (line: unknown): boolean => (line as { readonly kind?: string }).kind === "unblocked"
const isDown = ({ state }: { readonly state: string }): boolean => state !== "up"
interface Snapshot {
  readonly kind: string
  readonly descriptors: number
}
/** Scheduling on a machine that does other things too; far below the second that an idle session would take. */
const slackMs = 700

live("one hop: up, intervals as agreed, loss of the link and of the peer seen in time, up again", async (t) => {
  const net = network("one")
  const bird = await net.bird("client", `${interval} ${neighbour}`)
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile }] })
  const first = await net.settled(direct)
  t.is(first.transmitIntervalMs, 50)
  t.is(first.detectionTimeMs, 150)
  t.deepEqual(
    { ...first.remote, discriminator: 0 },
    {
      discriminator: 0,
      state: "up",
      diagnostic: "no diagnostic",
      detectMultiplier: 3,
      transmitInterval: 50,
      receiveInterval: 50,
      echoInterval: 0,
    },
  )
  t.regex(bird.ask("show", "bfd", "sessions"), /192\.0\.2\.2\s+eth0\s+Up\s+\S+\s+0\.050\s+0\.150/)

  const cutMs = Date.now()
  net.link("down")
  const cut = await net.reached(direct, isDown)
  const cutAfterMs = (cut.lastDown?.atMs ?? 0) - cutMs
  t.is(cut.lastDown?.diagnostic, "control detection time expired")
  t.true(cutAfterMs < 150 + slackMs, `noticed after ${cutAfterMs} ms`)
  t.log(`link down noticed after ${cutAfterMs} ms`)
  net.link("up")
  await net.reached(direct, isUp)

  const stoppedMs = Date.now()
  process.kill(bird.program.pid, "SIGSTOP")
  const stopped = await net.reached(direct, isDown)
  const stoppedAfterMs = (stopped.lastDown?.atMs ?? 0) - stoppedMs
  t.true(stoppedAfterMs < 150 + slackMs, `noticed after ${stoppedAfterMs} ms`)
  t.log(`stopped peer noticed after ${stoppedAfterMs} ms`)
  process.kill(bird.program.pid, "SIGCONT")
  const last = await net.reached(direct, isUp)
  t.true(last.counters.pathLosses >= first.counters.pathLosses + 2)
})

live("ten seconds at 50 ms × 3 with the main thread blocked: no flap", async (t) => {
  const net = network("block")
  await net.bird("client", `${interval} ${neighbour}`)
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile }] })
  await net.settled(direct)
  // A virtual machine may be stopped for longer than three intervals, which no thread can help: a second and third try.
  for (let tries = 1; ; tries++) {
    const before = await net.settled(direct)
    const unblocked = net.speaker.lines.filter(isUnblocked).length
    net.tell({ kind: "block", ms: 10_000 })
    t.truthy(await until(() => net.speaker.lines.filter(isUnblocked).length > unblocked, 30_000))
    const after = await net.reached(direct, ({ counters }) => {
      return counters.controlPacketOutput - before.counters.controlPacketOutput >= 200
    })
    if (after.sinceMs !== before.sinceMs && tries < 3) continue
    t.is(after.state, "up")
    t.is(after.sinceMs, before.sinceMs, after.lastDown?.diagnostic)
    t.true(after.counters.controlPacketInput - before.counters.controlPacketInput >= 200)
    return
  }
})

live("10 ms: up and steady", async (t) => {
  const net = network("fast")
  await net.bird("client", `interface "eth0" { interval 10 ms; multiplier 50; }; ${neighbour}`)
  const fast = { transmitInterval: 10, receiveInterval: 10, detectMultiplier: 50 }
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile: fast }] })
  const before = await net.settled(direct, 300)
  t.is(before.transmitIntervalMs, 10)
  const after = await net.reached(direct, (it) => it.counters.controlPacketInput >= 1000)
  t.is(after.sinceMs, before.sinceMs)
})

live("other intervals: agreed by a Poll Sequence without a flap, ours and the peer's", async (t) => {
  const net = network("poll")
  const bird = await net.bird("client", `interface "eth0" { interval 50 ms; multiplier 10; }; ${neighbour}`)
  const patient = { ...profile, detectMultiplier: 10 }
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile: patient }] })
  const before = await net.settled(direct)
  const slower = { transmitInterval: 200, receiveInterval: 120, detectMultiplier: 20 }
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile: slower }] })
  await net.reached(direct, (it) => it.transmitIntervalMs === 200 && it.detectionTimeMs === 10 * 120)
  t.truthy(await until(() => /\s0\.120\s+4\.000/.test(bird.ask("show", "bfd", "sessions"))))
  bird.configure(`interface "eth0" { interval 300 ms; multiplier 15; }; ${neighbour}`)
  await net.reached(direct, (it) => it.transmitIntervalMs === 300 && it.detectionTimeMs === 15 * 300)
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile: patient }] })
  const last = await net.reached(direct, (it) => it.remote?.transmitInterval === 300)
  t.is(last.sinceMs, before.sinceMs)
})

live("a session no longer wanted says AdminDown; shut down, all do; wanted again, it comes up", async (t) => {
  const net = network("admin")
  const bird = await net.bird("client", `${interval} ${neighbour} neighbor ${address.host6} dev "eth0";`)
  const six: BfdSessionId = { peer: address.client6, multihop: false }
  const both = [direct, six].map((id) => ({ ...id, profile }))
  const shows = (pattern: RegExp) => until(() => pattern.test(bird.ask("show", "bfd", "sessions")))
  net.tell({ kind: "sessions", sessions: both })
  await net.reached(direct, isUp)
  await net.reached(six, isUp)
  net.tell({ kind: "sessions", sessions: both.slice(1) })
  t.truthy(await shows(/192\.0\.2\.2\s+eth0\s+Down/))
  t.truthy(await until(() => net.session(direct) === undefined))
  net.tell({ kind: "sessions", sessions: both })
  await net.reached(direct, isUp)
  t.truthy(await shows(/192\.0\.2\.2\s+eth0\s+Up/))
  net.tell({ kind: "shutdown" })
  await net.speaker.line(
    ({ kind, ok }: { readonly kind?: string; readonly ok?: boolean }) => kind === "shut-down" && ok === true,
  )
  t.truthy(await shows(/2001:db8::2\s+eth0\s+Down/))
})

live("stopped and going on, it tells that the peer took the session down, and accuses nobody", async (t) => {
  const net = network("pause")
  const bird = await net.bird("client", `${interval} ${neighbour}`)
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile }] })
  const before = await net.settled(direct)
  process.kill(net.speaker.pid, "SIGSTOP")
  t.truthy(await until(() => /192\.0\.2\.2\s+eth0\s+Down/.test(bird.ask("show", "bfd", "sessions"))))
  process.kill(net.speaker.pid, "SIGCONT")
  const down = await net.reached(direct, ({ counters }) => counters.pathLosses > before.counters.pathLosses)
  t.regex(down.lastDown?.diagnostic ?? "", /^neighbor signaled session down/)
  await net.reached(direct, isUp)
})

live("IPv6: global, and link-local through its interface", async (t) => {
  const net = network("six")
  const linkLocal = { host: "fe80::ff:fe00:a", client: "fe80::ff:fe00:b" }
  await net.bird("client", `${interval} neighbor ${address.host6} dev "eth0"; neighbor ${linkLocal.host} dev "eth0";`)
  const sessions: readonly BfdSessionId[] = [
    { peer: address.client6, multihop: false },
    { peer: linkLocal.client, interface: "eth0", multihop: false },
  ]
  net.tell({ kind: "sessions", sessions: sessions.map((id) => ({ ...id, profile })) })
  for (const id of sessions) await net.reached(id, (it) => isUp(it) && it.detectionTimeMs === 150)
  net.link("down")
  for (const id of sessions) await net.reached(id, isDown)
  t.pass()
})

live("several hops: port 4784, TTL below the minimum refused, at the minimum up", async (t) => {
  const net = network("far")
  const bird = await net.bird(
    "far",
    `multihop { interval 100 ms; multiplier 3; }; neighbor ${address.host} local ${address.far} multihop;`,
  )
  const far: BfdSessionId = { peer: address.far, local: address.host, multihop: true }
  const slow = { transmitInterval: 100, receiveInterval: 100 }
  const wanting = (minimumTtl: number) => [{ ...far, profile: { ...slow, minimumTtl } }]
  // BIRD sends over several hops with the system's TTL, 64, and the client has forwarded it once.
  net.tell({ kind: "sessions", sessions: wanting(64) })
  t.truthy(await until(() => (net.report()?.dropped["ttl"] ?? 0) > 1))
  t.is(net.session(far)?.state, "down")
  t.is(net.session(far)?.counters.controlPacketInput, 0)
  net.tell({ kind: "sessions", sessions: wanting(63) })
  await net.reached(far, (it) => isUp(it) && it.detectionTimeMs === 300)
  t.regex(bird.ask("show", "bfd", "sessions"), /192\.0\.2\.2\s+---\s+Up/)
  process.kill(bird.program.pid, "SIGSTOP")
  await net.reached(far, isDown)
  process.kill(bird.program.pid, "SIGCONT")
  await net.reached(far, isUp)
})

live("killed: the thread and a session's actor come back and the session with them; no socket is lost", async (t) => {
  const net = network("kill")
  await net.bird("client", `${interval} ${neighbour}`)
  net.tell({ kind: "sessions", sessions: [{ ...direct, profile }] })
  const { counters } = await net.settled(direct)
  const snapshots = () => net.speaker.lines.filter((line) => (line as Snapshot).kind === "snapshot") as Snapshot[]
  const descriptors = async (): Promise<number | undefined> => {
    const count = snapshots().length
    net.tell({ kind: "snapshot" })
    await until(() => snapshots().length > count)
    return snapshots().at(-1)?.descriptors
  }
  const before = await descriptors()
  net.tell({ kind: "kill", path: `/speaker/bfd/${address.client}` })
  const told = await net.reached(direct, (it) => it.counters.sessionDownEvents > counters.sessionDownEvents)
  t.is(told.counters.sessionUpEvents, counters.sessionUpEvents, "counters outlive the actor")
  t.is(told.counters.pathLosses, counters.pathLosses, "a fault of ours says nothing about the path")
  await net.reached(direct, (it) => it.counters.sessionUpEvents > counters.sessionUpEvents)
  net.tell({ kind: "kill", path: "/speaker/bfd" })
  await net.reached(direct, (it) => isDown(it) && it.counters.sessionUpEvents === 0)
  await net.reached(direct, isUp)
  t.truthy(await until(async () => (await descriptors()) === before))
})
