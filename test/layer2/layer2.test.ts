// The whole layer 2 tree in virtual time: `a` answers, `b` on the same segment asks and listens.
import test from "ava"
import { layer2Actor } from "../../actors/announcer/layer2/layer2.ts"
import type { Layer2Command, Layer2Entry, Layer2Report } from "../../actors/announcer/layer2/messages.ts"
import { arpFrame, decodeArp, operations } from "../../protocols/arp/packet.ts"
import { broadcastMac, formatMac } from "../../protocols/ethernet/mac.ts"
import type { Actor } from "../../supervision/actor.ts"
import { type Simulator, simulate } from "../../supervision/simulated-world.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import type { PacketPort, PacketSocket, World } from "../../supervision/world.ts"
import { recordingLog } from "../supervision/help.ts"
import { ip, mac } from "../arp/frames.ts"

const vip = "10.0.0.100"
const everywhere = (...ips: readonly string[]): Layer2Entry[] => ips.map((ip) => ({ ip, interfaces: "all" }))
const withinMs = 60_000

interface Seen {
  readonly atMs: number
  readonly operation: number
  readonly senderIp: string
  readonly senderMac: string
  readonly targetIp: string
}

interface Scene {
  readonly sim: Simulator
  readonly log: ReturnType<typeof recordingLog>
  /** ARP that reached `b`. */
  readonly seen: Seen[]
  readonly reports: { readonly atMs: number; readonly report: Layer2Report }[]
  table(entries: readonly Layer2Entry[]): void
  /** `b` asks, and whether an answer came within a second. */
  answered(address?: string): Promise<boolean>
  ask(address?: string): void
  kill(path: string): Promise<boolean>
}

function scene(change: (packets: PacketPort) => Partial<PacketPort> = () => ({})): Scene {
  const sim = simulate(1)
  const card = (...addresses: readonly string[]) => ({ interfaces: [{ name: "eth0", segment: "lan", addresses }] })
  const plain = sim.world("a", card("10.0.0.1", "fe80::1"))
  const world: World = { ...plain, packets: { ...plain.packets, ...change(plain.packets) } }
  const log = recordingLog()
  const reports: Scene["reports"] = []
  const parent: Actor<
    undefined,
    undefined,
    Layer2Report | { readonly kind: "table"; entries: readonly Layer2Entry[] }
  > = {
    kind: "speaker",
    start(_, context) {
      const child = context.spawn<object, unknown, never>({
        id: "layer2",
        actor: layer2Actor,
        config: {},
      })
      const layer2 = child as unknown as Parameters<typeof context.send<Layer2Command>>[0]
      context.send(layer2, { kind: "subscribe", subscriber: context.self })
      return undefined
    },
    receive(state, message, context) {
      if (message.kind === "table") context.send(refTo<Layer2Command>("/speaker/layer2"), message)
      else reports.push({ atMs: sim.nowMs(), report: message })
      return state
    },
  }
  const system = startSystem({ name: "layer2", world, log })
  system.spawn({ id: "speaker", actor: parent, config: undefined })
  const seen: Seen[] = []
  const asker = listen(sim, seen)
  const ask = (address = vip) => {
    const sender = { senderMac: asker.mac, senderIp: ip("10.0.0.2"), targetMac: new Uint8Array(6) }
    asker.socket.send(
      arpFrame(broadcastMac, asker.mac, { operation: operations.request, ...sender, targetIp: ip(address) }),
    )
  }
  return {
    sim,
    log,
    seen,
    reports,
    ask,
    table: (entries) => system.send(refTo<Layer2Command>("/speaker"), { kind: "table", entries }),
    kill: (path) => system.kill(path),
    async answered(address = vip) {
      const from = seen.length
      ask(address)
      await sim.runFor(1000)
      return seen.slice(from).some(({ senderIp, targetIp }) => senderIp === address && targetIp === "10.0.0.2")
    },
  }
}

function listen(sim: Simulator, seen: Seen[]): { readonly socket: PacketSocket; readonly mac: Uint8Array } {
  const { packets } = sim.world("b", { interfaces: [{ name: "eth0", segment: "lan", addresses: ["10.0.0.2"] }] })
  const links = packets.interfaces()
  const eth0 = links.ok ? links.value[0] : undefined
  if (eth0 === undefined) throw new Error("no interface")
  const opened = packets.open(
    { interfaceIndex: eth0.index, frames: "arp" },
    {
      frame(bytes) {
        const packet = decodeArp(bytes.subarray(14))
        if (!packet.ok) throw new Error(packet.error.kind)
        const { operation, senderIp, senderMac, targetIp } = packet.value
        seen.push({ atMs: sim.nowMs(), operation, senderIp, senderMac: formatMac(senderMac), targetIp })
      },
      error: (error) => {
        throw new Error(error.message)
      },
    },
  )
  if (!opened.ok) throw new Error(opened.error.message)
  return { socket: opened.value, mac: eth0.mac }
}

const created = ({ log }: Scene) => log.lines.filter(({ message }) => message.startsWith("created")).length

test("announcements come at 0, 1.1, 2.2, 3.3 and 4.4 seconds, a request and a reply each", async (t) => {
  const s = scene()
  s.table(everywhere(vip))
  await s.sim.runFor(10_000)
  const first = s.seen[0]?.atMs ?? 0
  // A frame takes up to 2 ms to arrive.
  const bursts = s.seen.map(({ atMs }) => Math.round((atMs - first) / 100) / 10)
  t.deepEqual(
    bursts.toSorted((a, b) => a - b),
    [0, 0, 1.1, 1.1, 2.2, 2.2, 3.3, 3.3, 4.4, 4.4],
  )
  t.is(s.seen.filter(({ operation }) => operation === operations.request).length, 5)
  t.deepEqual([...new Set(s.seen.map(({ senderMac }) => senderMac))], [formatMac(mac("02:00:00:00:00:01"))])
})

test("a table that repeats an address begins no announcements, one that leaves it out ends them", async (t) => {
  const s = scene()
  s.table(everywhere(vip))
  await s.sim.runFor(2000)
  s.table(everywhere(vip))
  await s.sim.runFor(20_000)
  t.is(s.seen.length, 10)
  s.table(everywhere(vip, "10.0.0.101"))
  await s.sim.runFor(1500)
  s.table(everywhere(vip))
  await s.sim.runFor(20_000)
  t.is(s.seen.length, 14)
  t.false(await s.answered("10.0.0.101"))
})

test("reports come at most once a second and miss nothing", async (t) => {
  const s = scene()
  s.table(everywhere(vip))
  await s.sim.runFor(6000)
  const from = s.reports.length
  for (let i = 0; i < 300; i++) {
    s.ask()
    await s.sim.runFor(10)
  }
  await s.sim.runFor(3000)
  const since = s.reports.slice(from)
  for (const [i, { atMs }] of since.entries()) t.true(i === 0 || atMs - (since[i - 1]?.atMs ?? 0) >= 999)
  const { report } = since.at(-1) ?? {}
  t.deepEqual([report?.requestsReceived[vip], report?.responsesSent[vip]], [300, 300])
  t.is(report?.gratuitousSent[vip], 10)
  await s.sim.runFor(20_000)
  t.is(s.reports.length - from, since.length)
})

test("a link that goes away takes its responders along; when it is back, addresses are announced again", async (t) => {
  const s = scene()
  s.table(everywhere(vip))
  await s.sim.runFor(500)
  t.true(await s.answered())
  await s.sim.runFor(10_000)
  s.sim.network.setLink("a", "eth0", false)
  await s.sim.runUntil(() => s.log.lines.some(({ message }) => message === "deleted ARP responder for interface"), {
    withinMs,
  })
  const quiet = s.seen.length
  s.sim.network.setLink("a", "eth0", true)
  await s.sim.runUntil(() => s.seen.length === quiet + 10, { withinMs })
  t.true(await s.answered())
})

test("a socket that cannot be opened is an error in the log and is tried again", async (t) => {
  let failures = 1
  const s = scene((packets) => ({
    open(at, on) {
      if (at.frames === "arp" && failures-- > 0)
        return { ok: false, error: { code: "EPERM", message: "not permitted" } }
      return packets.open(at, on)
    },
  }))
  s.table(everywhere(vip))
  t.false(await s.answered())
  t.like(
    s.log.lines.find(({ level }) => level === "error"),
    { message: "failed to create ARP responder", fields: { op: "createARPResponder", error: "not permitted" } },
  )
  await s.sim.runFor(10_000)
  t.true(await s.answered())
})

test("while interfaces cannot be listed, what was known goes on", async (t) => {
  let broken = false
  const s = scene((packets) => ({
    interfaces: () => (broken ? { ok: false, error: { code: "ENOBUFS", message: "no room" } } : packets.interfaces()),
  }))
  s.table(everywhere(vip))
  await s.sim.runFor(500)
  t.true(await s.answered())
  broken = true
  await s.sim.runFor(25_000)
  t.true(s.log.lines.some(({ message }) => message === "couldn't list interfaces"))
  t.true(await s.answered())
  t.is(created(s), 2)
})

test("an exception while answering crashes the interface's actor alone, and it comes back with its table", async (t) => {
  let throws = false
  const s = scene((packets) => ({
    open(at, on) {
      const opened = packets.open(at, on)
      if (!opened.ok) return opened
      const send: PacketSocket["send"] = (frame) => {
        if (throws) {
          throws = false
          throw new Error("meant to")
        }
        return opened.value.send(frame)
      }
      return { ok: true, value: { ...opened.value, send } }
    },
  }))
  s.table(everywhere(vip))
  await s.sim.runFor(10_000)
  throws = true
  t.false(await s.answered())
  t.true(await s.answered())
  const crashes = s.log.lines.filter(({ message }) => message === "actor crashed")
  t.deepEqual(
    crashes.map(({ fields }) => [fields["actor"], fields["error"]]),
    [["/speaker/layer2/eth0", "meant to"]],
  )
})

test("a killed interface actor keeps the totals and answers again", async (t) => {
  const s = scene()
  s.table(everywhere(vip))
  await s.sim.runFor(500)
  t.true(await s.answered())
  await s.sim.runFor(2000)
  t.true(await s.sim.settle(s.kill("/speaker/layer2/eth0"), { withinMs }))
  await s.sim.runFor(1000)
  t.true(await s.answered())
  await s.sim.runFor(2000)
  t.is(s.reports.at(-1)?.report.responsesSent[vip], 2)
})
