import test, { type ExecutionContext } from "ava"
import { advertiserActor } from "../../actors/session/advertiser.ts"
import type { DesiredPeer } from "../../actors/session/messages.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { startSystem } from "../../supervision/system.ts"
import type { Network } from "../../supervision/world.ts"
import { type LogLine, startSpeaker, until } from "./system.ts"

type Told = ReturnType<NonNullable<Network["tellLink"]>>
const told: Told = { ok: true, value: undefined }
const down: Told = { ok: false, error: { code: "ENETDOWN", message: "no link" } }

/** One advertiser whose waits are noted, on a clock that jumps from one to the next. After all outcomes the link is there. */
async function advertise(t: ExecutionContext, outcomes: readonly Told[], rounds: number) {
  const waits: number[] = []
  const sent: Uint8Array[] = []
  const lines: LogLine[] = []
  let tries = 0
  let nowMs = 0
  const write =
    (level: LogLine["level"]) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void lines.push({ level, message, fields })
  const world = realWorld({
    clock: { monotonicMs: () => nowMs, wallMs: () => nowMs },
    timers: {
      after(delayMs, run) {
        waits.push(delayMs)
        if (waits.length >= rounds) return () => {}
        const handle = setImmediate(() => {
          nowMs += delayMs
          run()
        })
        return () => clearImmediate(handle)
      },
    },
    network: {
      tellLink(device, message) {
        t.is(device, "eth0")
        const outcome = outcomes[tries++] ?? told
        if (outcome.ok) sent.push(message)
        return outcome
      },
    },
  })
  const log = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") }
  const system = startSystem({ name: "advertiser-test", world, log })
  system.spawn({ id: "advertiser", actor: advertiserActor, config: { device: "eth0" } })
  await until("all rounds", () => waits.length >= rounds)
  const seen = { waits: [...waits], sent: [...sent], lines: [...lines] }
  await system.stop()
  return seen
}

test("the first at once, three in six seconds, then one every 7.5 to 10 seconds (RFC 4861 §6.2.4)", async (t) => {
  const { waits, sent } = await advertise(t, [], 40)
  t.is(sent.length, 40)
  t.deepEqual(waits.slice(0, 2), [3_000, 3_000])
  const later = waits.slice(2)
  t.true(later.every((wait) => wait >= 7_500 && wait <= 10_000))
  // Two neighbours that began together do not stay together.
  t.true(new Set(later).size > 1)
  t.is(sent[0]?.[0], 134)
})

test("without a link it tries every second and says so once; when it is back, it begins again", async (t) => {
  const { waits, sent, lines } = await advertise(t, [told, told, told, told, down, down, down], 11)
  t.is(sent.length, 8)
  t.deepEqual(waits.slice(0, 2), [3_000, 3_000])
  t.deepEqual(waits.slice(4, 9), [1_000, 1_000, 1_000, 3_000, 3_000])
  t.true((waits[9] ?? 0) >= 7_500)
  t.deepEqual(
    lines.map(({ level, fields }) => [level, fields["device"], fields["error"]]),
    [
      ["info", "eth0", undefined],
      ["warn", "eth0", "no link (ENETDOWN)"],
      ["info", "eth0", undefined],
    ],
  )
})

test("one sender for each link with an unnumbered peer, until the last such peer goes", async (t) => {
  const devices: string[] = []
  const speaker = startSpeaker({
    parts: {
      network: {
        tcpRouting: true,
        tellLink(device) {
          devices.push(device)
          return told
        },
        connectTcp(to, on) {
          setImmediate(() => on.closed({ code: "ECONNREFUSED", message: "nobody" }))
          return { local: undefined, remote: to, send: () => false, end: () => {}, destroy: () => {} }
        },
      },
    },
  })
  t.teardown(() => speaker.system.stop())
  const peer = (name: string, address: string, device?: string): DesiredPeer => ({
    name,
    session: {
      myASN: 64512,
      peerASN: 64513,
      address,
      port: 179,
      holdSeconds: 90,
      ...(device === undefined ? {} : { interface: device }),
    },
    routes: [],
  })
  const [a, b, c] = [peer("a", "eth0", "eth0"), peer("b", "eth0", "eth0"), peer("c", "eth1", "eth1")]
  const numbered = [peer("d", "192.0.2.1"), peer("e", "fe80::1", "eth2")]
  const listed = (names: string): boolean =>
    speaker.reports
      .at(-1)
      ?.sessions.map(({ name }) => name)
      .join("") === names
  speaker.want(a, b, c, ...numbered)
  await until("all peers", () => listed("abcde"))
  t.deepEqual(devices.sort(), ["eth0", "eth1"])
  // With one of its two peers gone, the sender on eth0 goes on: it does not begin again.
  speaker.want(b, ...numbered)
  await until("peers gone", () => listed("bde"))
  t.deepEqual(devices, ["eth0", "eth1"])
  // The one of eth1 was stopped: with its peer another one begins.
  speaker.want(b, c, ...numbered)
  await until("back", () => devices.length > 2)
  t.deepEqual(devices, ["eth0", "eth1", "eth1"])
})
