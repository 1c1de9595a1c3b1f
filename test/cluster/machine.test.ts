import test from "ava"
import { decodeMessage, type PacketMessage, type PushPullNode } from "../../protocols/memberlist/message.ts"
import { versionBytes } from "../../protocols/memberlist/numbers.ts"
import { parseIp } from "../../protocols/ip.ts"
import {
  expectedConfirmations,
  pushPullDelayMs,
  remainingSuspicionMs,
  retransmitLimit,
  suspicionSpan,
} from "../../cluster/machine/formulas.ts"
import { profiles } from "../../cluster/machine/settings.ts"
import { type Effect, type Event, initialState, type Node, type State } from "../../cluster/machine/state.ts"
import { step } from "../../cluster/machine/step.ts"
import { body, bytes, type Entry, hex, message, type Transition, vectors } from "../memberlist/vectors.ts"
import { fixedRandom } from "./random.ts"

const { formulas } = vectors.golden

test("how long a suspicion lasts", (t) => {
  for (const { profile, n, minMs, maxMs } of formulas.suspicionTimeout) {
    const settings = profiles[profile.toLowerCase() as keyof typeof profiles]
    t.deepEqual(suspicionSpan(settings, n), { minMs, maxMs }, `${profile}, ${n} nodes`)
  }
  for (const { confirmations, k, minMs, maxMs, elapsedMs, remainingMs } of formulas.remainingSuspicion)
    t.is(remainingSuspicionMs(confirmations, k, { minMs, maxMs }, elapsedMs), remainingMs)
})

test("how many confirmations it takes: none with three nodes or fewer", (t) => {
  t.deepEqual(
    [1, 2, 3, 4, 5, 100].map((nodes) => expectedConfirmations(profiles.lan, nodes)),
    [0, 0, 0, 2, 2, 2],
  )
})

test("how often a message is sent, and how rare syncs become", (t) => {
  for (const { mult, n, limit } of formulas.retransmitLimit) t.is(retransmitLimit(mult, n), limit, `${mult}, ${n}`)
  for (const { intervalMs, n, scaledMs } of formulas.pushPullScale)
    t.is(pushPullDelayMs(intervalMs, n), scaledMs, `${n}`)
})

const SELF = "self"
const loopback = parseIp("127.0.0.1")
if (!loopback) throw new Error("an address")
const vsn = versionBytes

function begin(port = 7946): State {
  const advertise = { address: loopback as NonNullable<typeof loopback>, port }
  const fresh = initialState({ name: SELF, advertise, settings: profiles.lan, overheadBytes: 0 })
  return step(fresh, { kind: "start" }, 0, fixedRandom(1))[0]
}

const from = { address: "127.0.0.9", port: 7946 }
const packet = (heard: PacketMessage): Event => ({ kind: "packet", message: heard, from })
const aliveMessage = (node: string, incarnation: number, addr = bytes("7f000078")): PacketMessage => ({
  kind: "alive",
  node,
  incarnation,
  addr,
  port: 7946,
  meta: undefined,
  vsn,
})
const hear = (state: State, heard: PacketMessage, nowMs = 0) => step(state, packet(heard), nowMs, fixedRandom(7))

/** Self, p, q, r and s, and x as the recording says it was. */
function ringFor({ id, before, message: heard }: Transition): State {
  const others = id.includes("ring-of-3") ? ["p"] : ["p", "q", "r", "s"]
  const aboutSelf = id.startsWith("self")
  let state = begin(aboutSelf ? ((heard["Port"] as number | undefined) ?? before?.port) : 7946)
  for (const name of others) [state] = hear(state, aliveMessage(name, 1))
  if (aboutSelf && before) {
    const self: Node = {
      ...(state.nodes.get(SELF) as Node),
      addr: bytes(before.addr),
      port: before.port,
      incarnation: 5,
    }
    const leaving = id.startsWith("self-leaving") ? "under way" : "no"
    return { ...state, nodes: new Map([...state.nodes, [SELF, self]]), incarnation: 5, leaving, queue: [] }
  }
  if (before) {
    ;[state] = hear(state, aliveMessage("x", 5))
    const accusation = { node: "x", incarnation: 5 }
    if (before.state === "suspect") [state] = hear(state, { kind: "suspect", from: "p", ...accusation })
    if (before.state === "dead") [state] = hear(state, { kind: "dead", from: "p", ...accusation })
    if (before.state === "left") [state] = hear(state, { kind: "dead", from: "x", ...accusation })
  }
  return { ...state, queue: [] }
}

function entry(state: State, name: string): Entry | null {
  const node = state.nodes.get(name)
  if (!node) return null
  const { addr, port, meta, incarnation } = node
  return {
    addr: hex(addr),
    incarnation,
    meta: meta ? hex(meta) : null,
    port,
    state: node.state,
    suspicionTimer: state.suspicions.has(name),
    vsn: hex(node.vsn),
  }
}

const memberEvents = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === "member-event" ? [`${effect.event}:${effect.node.name}`] : []))
const queued = (state: State): PacketMessage[] =>
  [...state.queue]
    .sort((a, b) => a.order - b.order)
    .flatMap((broadcast) => {
      const decoded = decodeMessage(broadcast.bytes)
      return decoded.ok ? [decoded.value] : []
    })

/** memberlist takes or dies of these two; we drop them, so that nobody hears them from us. */
const refusedByUs = ["vsn/unknown/alive-no-vsn", "vsn/unknown/alive-3-byte-vsn"]

let sequence: State | undefined
const names = new Map<string, number>()
for (const transition of vectors.stateMachine.transitions) {
  const { id, before, after, message: heard, broadcasts, events, healthScoreAfter, confirmationsAfter } = transition
  const times = (names.get(id) ?? 0) + 1
  names.set(id, times)
  // The rows of a sequence go on from one another: run them while collecting the tests, in order.
  const start = id.includes("/sequence/") ? (sequence ??= ringFor(transition)) : ringFor(transition)
  const event: Event = heard.pushPullEntry
    ? {
        kind: "request",
        exchange: "in/1",
        message: {
          kind: "push-pull",
          join: false,
          nodes: [body(heard.pushPullEntry) as unknown as PushPullNode],
          userState: new Uint8Array(),
        },
      }
    : packet(message(heard))
  const [end, effects] = step(start, event, 0, fixedRandom(7))
  if (sequence && id.includes("/sequence/")) sequence = { ...end, queue: [] }

  test(`${id}${times > 1 ? ` (${times})` : ""}`, (t) => {
    const subject = id.startsWith("self") ? SELF : "x"
    t.deepEqual(entry(start, subject), before)
    if (refusedByUs.includes(id)) {
      t.is(entry(end, "x"), null)
      t.like(
        effects.find((effect) => effect.kind === "refused"),
        { what: "bad-versions" },
      )
      return
    }
    t.deepEqual(entry(end, subject), after ?? null)
    t.deepEqual(memberEvents(effects), events)
    t.deepEqual(queued(end), (broadcasts ?? []).map(message))
    t.is(end.score, healthScoreAfter ?? -1)
    if (confirmationsAfter !== undefined) t.is((end.suspicions.get("x")?.accusers.length ?? 0) - 1, confirmationsAfter)
  })
}

for (const { id, ok, remote } of vectors.stateMachine.protocolCheck) {
  test(`versions of a push/pull: ${id}`, (t) => {
    let state = begin()
    for (const name of ["p", "q"]) [state] = hear(state, aliveMessage(name, 1))
    const stranger = { ...(body(remote) as unknown as PushPullNode), addr: bytes("7f000001") }
    const table: Event = {
      kind: "request",
      exchange: "in/1",
      message: { kind: "push-pull", join: true, nodes: [stranger], userState: new Uint8Array() },
    }
    const [, effects] = step(state, table, 0, fixedRandom(7))
    const refused = effects.some((effect) => effect.kind === "refused" && effect.what === "incompatible-versions")
    t.is(!refused, ok)
    const answer = effects.find((effect) => effect.kind === "answer")
    t.is(
      answer?.message.kind === "push-pull" ? answer.message.nodes.length : 0,
      3,
      "our own table goes out all the same",
    )
  })
}

test("the state before a step stays as it was", (t) => {
  const before = begin()
  const nodes = new Map(before.nodes)
  const ring = [...before.ring]
  hear(before, aliveMessage("x", 1))
  t.deepEqual([...before.nodes], [...nodes])
  t.deepEqual(before.ring, ring)
})
