import { decodePacket, encodePacket, type PacketSecurity } from "../protocols/memberlist/packet.ts"
import type { Sealing } from "../protocols/memberlist/encryption.ts"
import type { Actor, Context } from "../supervision/actor.ts"
import type { ActorRef } from "../supervision/reference.ts"
import type { NetworkError, TcpListener, UdpPort } from "../supervision/world.ts"
import { type GossipConfig, parsePeer, type Resolved, resolveConfig } from "./gossip-config.ts"
import {
  addressText,
  type Effect,
  type Endpoint,
  type Event,
  initialState,
  membersOf,
  type State as MachineState,
} from "./machine/state.ts"
import { step } from "./machine/step.ts"
import type { GossipCommand, GossipCounters, Members, Verify } from "./messages.ts"
import { openSockets } from "./sockets.ts"
import { encodeMark } from "./speaker-mark.ts"
import { Streams } from "./streams.ts"
import { Tally } from "./tally.ts"

/** What the actor says to itself. */
type Internal =
  | { readonly kind: "datagram"; readonly bytes: Uint8Array; readonly from: Endpoint }
  | { readonly kind: "machine"; readonly event: Event }
  | { readonly kind: "stream-deadline"; readonly exchange: string }
  | { readonly kind: "fault"; readonly what: string; readonly detail: string }
  | { readonly kind: "listener-failed"; readonly error: NetworkError }

export type GossipMessage = GossipCommand | Internal

interface GossipState {
  readonly config: Resolved
  readonly security: PacketSecurity
  readonly machine: MachineState
  /** Closed: until we are told of peers nobody is heard. */
  readonly door: { open: boolean }
  readonly udp: UdpPort
  readonly listener: TcpListener
  readonly streams: Streams
  readonly tally: Tally
  readonly subscriber: ActorRef<Members> | undefined
  readonly leavers: readonly ActorRef<{ readonly kind: "left" }>[]
  /** Who asked whether a member answers, by the id given to the question. */
  readonly verifying: ReadonlyMap<string, Verify>
  readonly asked: number
  readonly packetsReceived: number
  readonly packetsSent: number
}

type Gossip = Context<GossipMessage>

/**
 * This node in the ring: sockets and timers around the machine. It starts alone; `peers` tells it whom to join. A
 * restarted one begins at incarnation 1 again, learns from the first sync what the others think of it, and speaks
 * against that.
 */
export const gossipActor: Actor<GossipConfig, GossipState, GossipMessage> = {
  kind: "gossip",

  async start(given, context) {
    const config = resolveConfig(given)
    if (!config.ok) throw new Error(config.error)
    if (config.value.keys.length === 0)
      context.log.warn("no ml-secret-key set, memberlist traffic will not be encrypted")
    return begin(config.value, context)
  },

  receive(state, message, context) {
    switch (message.kind) {
      case "datagram":
        return state.door.open ? packet(state, message.bytes, message.from, context) : state
      case "machine":
        return advance(state, message.event, context)
      case "stream-deadline":
        state.streams.expire(message.exchange)
        return state
      case "fault":
        note(state, message.what, message.detail, context)
        return state
      case "listener-failed":
        throw new Error(`gossip: the TCP listener failed: ${message.error.message}`)
      case "peers":
        state.door.open = true
        return advance(state, { kind: "peers", peers: peersOf(state, message.addresses, context) }, context)
      case "subscribe": {
        const next = { ...state, subscriber: message.subscriber }
        tellMembers(next, context)
        return next
      }
      case "leave":
        context.log.info("leaving memberlist cluster", { op: "shutdown" })
        return advance({ ...state, leavers: [...state.leavers, message.replyTo] }, { kind: "leave" }, context)
      case "mark":
        return advance(state, { kind: "meta", meta: encodeMark(message.mark) }, context)
      case "sync":
        return advance(state, { kind: "sync", node: message.name }, context)
      case "verify":
        return verify(state, message, context)
      case "counters":
        context.send(message.replyTo, countersOf(state))
        return state
      default:
        return unreachable(message)
    }
  },

  stop(state, context) {
    state.udp.close()
    state.listener.close()
    state.streams.closeAll()
    context.log.info("memberlist shutdown", { op: "shutdown", error: null })
  },
}

async function begin(config: Resolved, context: Gossip): Promise<GossipState> {
  const { world, log, self, timers } = context
  const { settings, keys, label } = config
  const security = { keys, label, acceptPlain: !settings.gossipVerifyIncoming }
  const door = { open: !config.silentUntilPeers }
  const tell = (event: Event) => context.send(self, { kind: "machine", event })
  const streams = new Streams({
    network: world.network,
    security,
    compress: settings.enableCompression,
    sourceAddress: isUnspecified(config.bind.address) ? undefined : config.bind.address,
    sealing: () => sealing(config, context),
    inboundTimeoutMs: settings.tcpTimeoutMs,
    on: {
      request: (exchange, message) => tell({ kind: "request", exchange, message }),
      reply: (exchange, message) => tell({ kind: "reply", exchange, message }),
      noReply: (exchange, reason) => tell({ kind: "no-reply", exchange, reason }),
      fault: (what, detail) => context.send(self, { kind: "fault", what, detail }),
      deadline: (exchange, afterMs) => timers.set(`stream/${exchange}`, afterMs, { kind: "stream-deadline", exchange }),
      settled: (exchange) => timers.cancel(`stream/${exchange}`),
    },
  })
  const { udp, listener } = await openSockets(
    world.network,
    config.bind,
    {
      datagram: (bytes, from) => context.send(self, { kind: "datagram", bytes, from }),
      error: ({ code, message }) => context.send(self, { kind: "fault", what: `udp-${code}`, detail: message }),
    },
    {
      connection(connection) {
        if (door.open) return streams.accept(connection)
        connection.destroy()
        return { opened() {}, data() {}, closed() {} }
      },
      error: (error) => context.send(self, { kind: "listener-failed", error }),
    },
  )
  const advertise = { address: config.advertise.address, port: config.advertise.port || udp.local.port }
  const state: GossipState = {
    config,
    security,
    machine: initialState({
      name: config.name,
      advertise,
      settings,
      overheadBytes: config.overheadBytes,
      meta: config.mark && encodeMark(config.mark),
    }),
    door,
    udp,
    listener,
    streams,
    tally: new Tally(log),
    subscriber: undefined,
    leavers: [],
    verifying: new Map(),
    asked: 0,
    packetsReceived: 0,
    packetsSent: 0,
  }
  return advance(state, { kind: "start" }, context)
}

function verify(state: GossipState, question: Verify, context: Gossip): GossipState {
  const asked = state.asked + 1
  const id = String(asked)
  const verifying = new Map([...state.verifying, [id, question]])
  const { name, at, timeoutMs } = question
  const event: Event = { kind: "verify", id, node: name, ...(at && { at }), timeoutMs }
  return advance({ ...state, asked, verifying }, event, context)
}

const isUnspecified = (address: string): boolean => address === "0.0.0.0" || address === "::"

function packet(state: GossipState, bytes: Uint8Array, from: Endpoint, context: Gossip): GossipState {
  let next = { ...state, packetsReceived: state.packetsReceived + 1 }
  const decoded = decodePacket(bytes, state.security)
  const faults = decoded.ok ? decoded.value.faults : [decoded.error]
  for (const { kind } of faults) note(next, `packet-${kind}`, `from ${from.address}`, context)
  if (!decoded.ok) return next
  for (const message of decoded.value.messages) next = advance(next, { kind: "packet", message, from }, context)
  return next
}

function advance(state: GossipState, event: Event, context: Gossip): GossipState {
  const [machine, effects] = step(state.machine, event, context.world.clock.monotonicMs(), context.world.random)
  let next: GossipState = { ...state, machine }
  for (const effect of effects) next = perform(next, effect, context)
  if (effects.some(({ kind }) => kind === "members-changed")) tellMembers(next, context)
  return next
}

function perform(state: GossipState, effect: Effect, context: Gossip): GossipState {
  const { streams, config } = state
  switch (effect.kind) {
    case "send": {
      const seal = sealing(config, context)
      const wrapping = { label: config.label, compress: config.settings.enableCompression, checksum: effect.checksum }
      state.udp.send(encodePacket(effect.payload, { ...wrapping, ...(seal ? { sealing: seal } : {}) }), effect.to)
      return { ...state, packetsSent: state.packetsSent + 1 }
    }
    case "open":
      streams.open(effect.exchange, effect.to, effect.message, effect.timeoutMs)
      return state
    case "answer":
      streams.answer(effect.exchange, effect.message)
      return state
    case "close":
      streams.close(effect.exchange)
      return state
    case "set-timer": {
      const { timer, afterMs } = effect
      context.timers.set(timer, afterMs, { kind: "machine", event: { kind: "timer", timer } })
      return state
    }
    case "cancel-timer":
      context.timers.cancel(effect.timer)
      return state
    case "left":
      context.log.info("left memberlist cluster", { op: "shutdown", error: effect.complete ? null : "timeout" })
      for (const leaver of state.leavers) context.send(leaver, { kind: "left" })
      return { ...state, leavers: [] }
    case "refused":
      note(state, effect.what, effect.detail, context)
      return state
    case "late-success":
      note(state, "tcp-only", `${effect.node} answers over TCP but not over UDP`, context)
      return state
    case "verified": {
      const question = state.verifying.get(effect.id)
      if (question === undefined) return state
      context.send(question.replyTo, { kind: "verified", name: question.name, outcome: effect.outcome })
      return { ...state, verifying: new Map([...state.verifying].filter(([id]) => id !== effect.id)) }
    }
    case "member-event":
      logMemberEvent(state, effect, context)
      return state
    case "join-ended":
      logJoin(effect, context)
      return state
    case "members-changed":
      return state // told once, after the step
    default:
      return unreachable(effect)
  }
}

const nodeEvents = { join: "NodeJoin", leave: "NodeLeave", update: "NodeUpdate" } as const

function logMemberEvent(
  state: GossipState,
  { event, node }: Extract<Effect, { kind: "member-event" }>,
  context: Gossip,
): void {
  const address = addressText(node.addr)
  if (event === "conflict")
    return note(state, "name-conflict", `${node.name} is also claimed at ${address} port ${node.port}`, context)
  context.log.info("node event - forcing sync", {
    "node addr": address,
    "node event": nodeEvents[event],
    "node name": node.name,
  })
}

function logJoin({ expected, joined, errors }: Extract<Effect, { kind: "join-ended" }>, context: Gossip): void {
  if (joined < expected)
    context.log.error("partial join", { op: "memberDiscovery", joined, expected, error: errors.join("; ") })
  else context.log.info("memberlist join successfully", { op: "Member detection", "number of other nodes": joined })
}

function sealing({ keys, settings }: Resolved, context: Gossip): Sealing | undefined {
  const [key] = keys
  return key && settings.gossipVerifyOutgoing ? { key, nonce: context.world.random.bytes(12) } : undefined
}

function peersOf(state: GossipState, addresses: readonly string[], context: Gossip): Endpoint[] {
  const peers = new Map<string, Endpoint>()
  for (const text of addresses) {
    const peer = parsePeer(text, state.machine.advertise.port)
    if (peer) peers.set(`${peer.address} ${peer.port}`, peer)
    // A pod that has no address yet is listed as an empty text.
    else if (text !== "") note(state, "bad-peer", `"${text}" is not an address`, context)
  }
  return [...peers.values()]
}

function tellMembers(state: GossipState, context: Gossip): void {
  if (state.subscriber) context.send(state.subscriber, { kind: "members", members: membersOf(state.machine) })
}

function note(state: GossipState, what: string, detail: string, context: Gossip): void {
  state.tally.note(what, context.world.clock.monotonicMs(), `${what}: ${detail}`, { fault: what })
}

function countersOf(state: GossipState): GossipCounters {
  return {
    kind: "gossip-counters",
    packetsReceived: state.packetsReceived,
    packetsSent: state.packetsSent,
    streamsAccepted: state.streams.accepted,
    streamsOpened: state.streams.opened,
    faults: state.tally.totals(),
    healthScore: state.machine.score,
  }
}

function unreachable(value: never): never {
  throw new Error(`no such case: ${String(value)}`)
}
