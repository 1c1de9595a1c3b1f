import test, { type ExecutionContext } from "ava"
import dgram from "node:dgram"
import net from "node:net"
import { gossipActor, type GossipMessage } from "../../cluster/gossip.ts"
import { type GossipConfig, parsePeer, resolveConfig } from "../../cluster/gossip-config.ts"
import type { GossipCounters, Members } from "../../cluster/messages.ts"
import type { Actor } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { startSystem, type System } from "../../supervision/system.ts"
import { until } from "./processes.ts"

/** Everything quick, so that a test waits little. */
const profile = {
  probeIntervalMs: 500,
  probeTimeoutMs: 200,
  gossipIntervalMs: 20,
  pushPullIntervalMs: 500,
  tcpTimeoutMs: 400,
}
const base: GossipConfig = { name: "a", bindAddress: "127.0.0.1", bindPort: 0, profile }

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}
interface Node {
  readonly ref: ActorRef<GossipMessage>
  readonly heard: Members[]
  port(): number
  names(): string[]
}

function ring(t: ExecutionContext) {
  const lines: Line[] = []
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, message, fields })
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }
  const system = startSystem({ name: "test", world: realWorld(), log })
  t.teardown(() => system.stop())
  let count = 0

  async function node(config: GossipConfig): Promise<Node> {
    const id = `${config.name}-${++count}`
    const heard: Members[] = []
    const listener: Actor<null, null, Members> = {
      kind: "listener",
      start: () => null,
      receive(state, message) {
        heard.push(message)
        return state
      },
    }
    const subscriber = system.spawn({ id: `listener-${id}`, actor: listener, config: null })
    const ref = system.spawn({ id, actor: gossipActor, config: structuredClone(config), restart: "temporary" })
    system.send(ref, { kind: "subscribe", subscriber })
    await until(
      () => heard.length > 0,
      () => `${config.name} started`,
    )
    const last = () => heard.at(-1)?.members ?? []
    return {
      ref,
      heard,
      port: () => last().find(({ name }) => name === config.name)?.port ?? 0,
      names: () => last().flatMap(({ name, state }) => (state === "alive" ? [name] : [])),
    }
  }

  async function counters(of: Node): Promise<GossipCounters> {
    const asked = await system.ask<GossipMessage, GossipCounters>(
      of.ref,
      (replyTo) => ({ kind: "counters", replyTo }),
      20_000,
    )
    if (!asked.ok) throw new Error(asked.error.kind)
    return asked.value
  }
  return { system, lines, node, counters }
}

const join = (system: System, node: Node, ...others: Node[]) =>
  system.send(node.ref, { kind: "peers", addresses: others.map((other) => `127.0.0.1:${other.port()}`) })
const together = (nodes: readonly Node[]) =>
  until(
    () => nodes.every((node) => node.names().length === nodes.length),
    () => JSON.stringify(nodes.map((node) => node.names())),
  )

for (const secretKey of ["MDEyMzQ1Njc4OWFiY2RlZg", undefined]) {
  test(`three actors find each other, one leaves, one dies: ${secretKey ? "encrypted" : "plain"}`, async (t) => {
    const { system, lines, node } = ring(t)
    const security = secretKey === undefined ? {} : { secretKey }
    const [a, b, c] = [
      await node({ ...base, ...security }),
      await node({ ...base, ...security, name: "b" }),
      await node({ ...base, ...security, name: "c" }),
    ]
    t.deepEqual(a.heard[0], {
      kind: "members",
      members: [{ name: "a", address: "127.0.0.1", port: a.port(), state: "alive" }],
    })
    join(system, b, a)
    join(system, c, b, a)
    await together([a, b, c])

    const left = await system.ask<GossipMessage, { kind: "left" }>(
      c.ref,
      (replyTo) => ({ kind: "leave", replyTo }),
      10_000,
    )
    t.true(left.ok)
    const stateOf = (seen: Node, name: string) =>
      seen.heard.at(-1)?.members.find((member) => member.name === name)?.state
    await until(
      () => stateOf(a, "c") === "left" && stateOf(b, "c") === "left",
      () => "left",
    )

    await system.kill(b.ref.path)
    await until(
      () => stateOf(a, "b") === "dead",
      () => "dead",
    )
    t.true(
      a.heard.some(({ members }) => members.some(({ state }) => state === "suspect")),
      "suspicion is told too",
    )

    const said = (message: string) => lines.filter((line) => line.message === message)
    t.true(
      said("node event - forcing sync").some(
        ({ level, fields }) =>
          level === "info" &&
          fields["node event"] === "NodeLeave" &&
          fields["node name"] === "c" &&
          fields["node addr"] === "127.0.0.1",
      ),
    )
    t.true(said("memberlist join successfully").some(({ fields }) => fields["number of other nodes"] === 1))
    t.is(said("leaving memberlist cluster").length, 1)
    t.is(said("left memberlist cluster")[0]?.fields["error"], null)
    t.is(said("no ml-secret-key set, memberlist traffic will not be encrypted").length > 0, secretKey === undefined)
    t.false(JSON.stringify(lines).includes(secretKey ?? "no such text"))
  })
}

test("peers that are not there yet are asked again until they are", async (t) => {
  const { system, lines, node, counters } = ring(t)
  const [a, early] = [await node(base), await node({ ...base, name: "early" })]
  const port = early.port()
  await system.kill(early.ref.path)
  system.send(a.ref, { kind: "peers", addresses: [`127.0.0.1:${port}`, "", "nonsense"] })
  const failed = () => lines.filter(({ message }) => message === "partial join")
  await until(
    () => failed().length > 0,
    () => "a failed round",
  )
  t.like(failed()[0], { level: "error", fields: { op: "memberDiscovery", joined: 0, expected: 1 } })
  const late = await node({ ...base, name: "late", bindPort: port })
  await together([a, late])
  t.deepEqual((await counters(a)).faults, { "bad-peer": 1 })
})

test("garbage is counted, and logged once", async (t) => {
  const { lines, node, counters } = ring(t)
  const a = await node({ ...base, secretKey: "secret" })
  const socket = dgram.createSocket("udp4")
  for (let i = 0; i < 50; i++) socket.send(Buffer.alloc(60, 1), a.port(), "127.0.0.1")
  await until(
    () => lines.some(({ message }) => message.startsWith("packet-no-key-fits")),
    () => "a line",
  )
  let received = 0
  while (received < 50) ({ packetsReceived: received } = await counters(a))
  socket.close()
  t.deepEqual((await counters(a)).faults, { "packet-no-key-fits": 50 })
  t.is(lines.filter(({ message }) => message.startsWith("packet-no-key-fits")).length, 1)
})

test("a stream that says nothing, or nonsense, or too little, is closed and nothing is kept of it", async (t) => {
  const { node, counters } = ring(t)
  const a = await node(base)
  const answers = await Promise.all(
    ["", "0d", "06", "0a000000100000", "f403616263", "0982a4416c676f00a3427566a3000302"].map(
      (hex) =>
        new Promise<string>((resolve) => {
          const socket = net.connect({ port: a.port(), host: "127.0.0.1", allowHalfOpen: true })
          const chunks: Buffer[] = []
          socket.on("data", (chunk) => chunks.push(chunk))
          socket.on("error", () => resolve("reset"))
          socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")))
          socket.on("end", () => socket.end())
          if (hex !== "") socket.write(Buffer.from(hex, "hex"))
        }),
    ),
  )
  const [silent, errorType, half, encrypted, label, nothing] = answers
  t.deepEqual([silent, half], ["", ""])
  t.deepEqual([errorType, label], ["", ""])
  for (const answer of [encrypted, nothing]) t.true((answer ?? "").length > 20, "told why")
  const { faults, streamsAccepted } = await counters(a)
  t.is(streamsAccepted, 6)
  t.like(faults, { "stream-wrong-label": 1, "stream-encrypted-unexpectedly": 1, "stream-inflates-to-nothing": 1 })
})

test("a configuration that cannot be is refused by field and rule, and no secret is in the text", (t) => {
  const refused = (change: Partial<GossipConfig>) => {
    const result = resolveConfig({ ...base, secretKey: "very secret", ...change })
    return result.ok ? "accepted" : result.error
  }
  t.is(refused({ name: "" }), "gossip: name must not be empty")
  t.is(refused({ bindAddress: "node-a" }), 'gossip: bindAddress "node-a" is not an IP address')
  t.is(refused({ bindPort: 70_000 }), "gossip: bindPort 70000 is not a port (0 to 65535)")
  t.is(
    refused({ bindAddress: "0.0.0.0" }),
    "gossip: advertise.address is required, as nobody can be reached at 0.0.0.0",
  )
  t.is(refused({ advertise: { address: "x" } }), 'gossip: advertise.address "x" is not an IP address')
  t.is(refused({ label: "x".repeat(256) }), "gossip: label has 256 bytes; 255 is the most")
  t.is(refused({ profile: { probeIntervalMs: 0 } }), "gossip: probeIntervalMs must be above 0")
  t.is(refused({ profile: { gossipNodes: Number.NaN } }), "gossip: gossipNodes must be a number of at least 0, not NaN")
  t.is(refused({ bindAddress: "::", advertise: { address: "2001:db8::1", port: 1 } }), "accepted")
})

test("a bad configuration or a taken port is a crash that says so", async (t) => {
  const { system, lines, node } = ring(t)
  const a = await node(base)
  system.spawn({ id: "bad", actor: gossipActor, config: { ...base, bindAddress: "?" }, restart: "temporary" })
  system.spawn({ id: "taken", actor: gossipActor, config: { ...base, bindPort: a.port() }, restart: "temporary" })
  const errors = () => lines.filter(({ level }) => level === "error").map(({ fields }) => String(fields["error"]))
  await until(
    () => errors().length >= 2,
    () => JSON.stringify(errors()),
  )
  t.true(errors().some((text) => text.includes('gossip: bindAddress "?" is not an IP address')))
  t.true(errors().some((text) => text.includes(`gossip: cannot bind UDP 127.0.0.1 port ${a.port()}`)))
})

test("an address with or without a port", (t) => {
  t.deepEqual(
    ["192.0.2.1", "192.0.2.1:1", "2001:DB8::1", "[2001:db8::1]:65535", "::ffff:192.0.2.1"].map((text) =>
      parsePeer(text, 7946),
    ),
    [
      { address: "192.0.2.1", port: 7946 },
      { address: "192.0.2.1", port: 1 },
      { address: "2001:db8::1", port: 7946 },
      { address: "2001:db8::1", port: 65_535 },
      { address: "192.0.2.1", port: 7946 },
    ],
  )
  for (const text of ["", "a", "192.0.2.1:0", "192.0.2.1:65536", "[::1]", "192.0.2.1:", "1.2.3:4", "[1.2.3]:4"])
    t.is(parsePeer(text, 7946), undefined, text)
})
