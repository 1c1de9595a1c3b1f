import { port } from "../../protocols/bfd/iana.ts"
import { encode, type Packet } from "../../protocols/bfd/packet.ts"
import {
  type Effect,
  type Event,
  farewellMs,
  newSession,
  type Session,
  step,
  type Timer,
} from "../../protocols/bfd/session.ts"
import { type Ip, parseIp } from "../../protocols/ip.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { DatagramSocket } from "../../supervision/world.ts"
import { counted, noCounters } from "./counters.ts"
import { EchoLink, type EchoPlace } from "./echo-link.ts"
import type { BfdCounters, BfdSessionReport, DesiredBfdSession } from "./messages.ts"
import type { Heard } from "./receiver.ts"
import { explain, reportOf, sameHeadline } from "./session-report.ts"
import { type Plan, planOf, portsOf } from "./settings.ts"

/** What a session tells its parent. */
export type SessionNews =
  | { readonly kind: "session"; readonly key: string; readonly report: BfdSessionReport; readonly urgent: boolean }
  | { readonly kind: "closed"; readonly key: string }

export interface SessionConfig {
  readonly key: string
  readonly parent: ActorRef<SessionNews>
  /** 0 … `mostSessions` − 1, nobody else's. */
  readonly slot: number
  readonly discriminator: number
}

export type SessionMessage =
  /** What should be. Also after `close`: then the session is wanted again. */
  | { readonly kind: "desired"; readonly desired: DesiredBfdSession }
  /** Says AdminDown until the peer must have heard it, then `closed`. */
  | { readonly kind: "close" }
  | Heard
  | { readonly kind: "timer"; readonly timer: Timer }
  | { readonly kind: "echo-returned"; readonly sequence: number }
  | { readonly kind: "open" }
  | { readonly kind: "farewell" }
  | { readonly kind: "tell" }

interface Sender {
  readonly socket: DatagramSocket
  readonly port: number
}

export interface SessionState {
  readonly config: SessionConfig
  readonly desired?: DesiredBfdSession
  readonly plan?: Plan
  readonly session?: Session
  readonly sender?: Sender
  readonly echoLink?: EchoLink
  readonly closing: boolean
  readonly sinceMs: number
  readonly lastDown?: { readonly atMs: number; readonly diagnostic: string }
  readonly counters: BfdCounters
  /** What keeps it from working at all. */
  readonly fault?: string
  /** Said to the log once, until something leaves again. */
  readonly sendFault?: string
  readonly echoFault?: string
  /** Counters that the parent does not know yet wait for the timer. */
  readonly telling: boolean
}
type Self = Context<SessionMessage>

const tellPauseMs = 1000
const reopenMs = 1000

/** One BFD session: the machine's shell. It owns the socket that sends; what arrives comes from the thread's receiver. */
export const bfdSessionActor: Actor<SessionConfig, SessionState, SessionMessage> = {
  kind: "bfd-session",
  start: (config, context) => ({
    config,
    closing: false,
    sinceMs: context.world.clock.wallMs(),
    counters: noCounters,
    telling: false,
  }),
  receive: (state, message, context) => tellChanges(state, handle(state, message, context), context),
  /** Without `close` it is to come back, or there is no time: one AdminDown is better than a silence. */
  stop(state, context) {
    if (state.session !== undefined && !state.closing) advance(state, { kind: "disable" }, context)
    state.echoLink?.close()
    state.sender?.socket.close()
  },
}

function handle(state: SessionState, message: SessionMessage, context: Self): SessionState {
  switch (message.kind) {
    case "desired":
      return desire(state, message.desired, context)
    case "close":
      return close(state, context)
    case "heard":
      return heard(state, message, context)
    case "timer":
      return advance(state, { kind: "timer", timer: message.timer }, context)
    case "echo-returned":
      return advance(
        { ...state, counters: counted(state.counters, "echoPacketInput") },
        { kind: "echo-received", sequence: message.sequence },
        context,
      )
    case "open":
      return begin(state, context)
    case "farewell":
      context.send(state.config.parent, { kind: "closed", key: state.config.key })
      return state
    case "tell":
      tell(state, false, context)
      return { ...state, telling: false }
    default:
      return message satisfies never
  }
}

function desire(state: SessionState, desired: DesiredBfdSession, context: Self): SessionState {
  context.timers.cancel("farewell")
  const plan = planOf(desired)
  const { fault: _, ...rest } = state
  const next: SessionState = { ...rest, desired, closing: false }
  if (!plan.ok) {
    context.log.error("invalid BFD session", { op: "setSession", peer: desired.peer, error: plan.error })
    return { ...stopped(next, context), fault: plan.error }
  }
  const { withoutEcho, settings } = plan.value
  if (withoutEcho !== undefined && withoutEcho !== state.plan?.withoutEcho) {
    context.log.warn("BFD echo mode not used", { op: "setSession", peer: desired.peer, reason: withoutEcho })
  }
  const planned = { ...next, plan: plan.value }
  if (planned.session === undefined) return begin(planned, context)
  const changed = advance(planned, { kind: "settings", settings }, context)
  return advance(withoutIdleLink(changed), { kind: "enable" }, context)
}

/** Settings that cannot work: nothing is sent, nothing listens. */
function stopped(state: SessionState, context: Self): SessionState {
  const { session: _session, sender, echoLink, plan: _plan, ...rest } = advance(state, { kind: "disable" }, context)
  for (const timer of ["transmit", "detect", "echo", "echo-detect", "open"] as const) context.timers.cancel(timer)
  echoLink?.close()
  sender?.socket.close()
  return rest
}

/** The socket, then the machine. Without the former it is tried again. */
function begin(state: SessionState, context: Self): SessionState {
  const { plan, config } = state
  if (plan === undefined || state.session !== undefined) return state
  const sender = openSender(state, plan, context)
  if (typeof sender === "string") {
    if (sender !== state.fault) {
      context.log.error("couldn't open the BFD socket", { op: "open", peer: plan.peer, error: sender })
    }
    context.timers.set("open", reopenMs, { kind: "open" })
    return { ...state, fault: sender }
  }
  const { fault: _, ...sound } = state
  const session = newSession(plan.settings, config.discriminator)
  return advance({ ...sound, sender, session }, { kind: "enable" }, context)
}

function openSender({ desired, config }: SessionState, plan: Plan, { world }: Self): Sender | string {
  const any = plan.peer.includes(":") ? "::" : "0.0.0.0"
  const device = desired?.interface ?? desired?.vrf
  let why = "no source port is free"
  for (const from of portsOf(config.slot, world.random.u32())) {
    const at = {
      address: plan.local ?? any,
      port: from,
      ttl: 255,
      ...(device === undefined ? {} : { interface: device }),
    }
    // Nobody answers to the source port; whatever comes there is not ours.
    const opened = world.datagrams.open(at, { datagram: () => {}, error: () => {} })
    if (opened.ok) return { socket: opened.value, port: from }
    why = opened.error.message
    if (opened.error.code !== "EADDRINUSE") break
  }
  return why
}

function close(state: SessionState, context: Self): SessionState {
  const waitMs = state.session === undefined ? 0 : farewellMs(state.session)
  const next = advance({ ...state, closing: true }, { kind: "disable" }, context)
  context.timers.cancel("open")
  context.timers.set("farewell", waitMs, { kind: "farewell" })
  return next
}

function heard(state: SessionState, { packet, to, interfaceIndex }: Heard, context: Self): SessionState {
  const linked = linkEchoes(state, to, interfaceIndex, context)
  const counters = counted(linked.counters, "controlPacketInput")
  return advance({ ...linked, counters }, { kind: "received", packet }, context)
}

/** The way for echoes, where the peer's packets come from; made again when they come another way. */
function linkEchoes(state: SessionState, to: string, interfaceIndex: number, context: Self): SessionState {
  const { plan, sender, echoLink, config } = state
  const own = parseIp(to)
  if (plan?.settings.echoIntervalUs === undefined || sender === undefined || own === undefined) return state
  const place: EchoPlace = {
    peer: plan.peer,
    own,
    interfaceIndex,
    discriminator: config.discriminator,
    sourcePort: sender.port,
  }
  if (echoLink !== undefined && !echoLink.lost && samePlace(echoLink.place, own, interfaceIndex)) return state
  echoLink?.close()
  const { echoLink: _link, echoFault: before, ...rest } = state
  const opened = EchoLink.open(context.world, place, (sequence) =>
    context.send(context.self, { kind: "echo-returned", sequence }),
  )
  if (opened.ok) return { ...rest, echoLink: opened.value }
  if (before !== opened.error) {
    context.log.warn("couldn't open the BFD echo socket", { op: "openEcho", peer: plan.peer, error: opened.error })
  }
  return { ...rest, echoFault: opened.error }
}

const samePlace = (place: EchoPlace, own: Ip, interfaceIndex: number): boolean =>
  place.own === own && place.interfaceIndex === interfaceIndex

function withoutIdleLink(state: SessionState): SessionState {
  if (state.plan?.settings.echoIntervalUs !== undefined || state.echoLink === undefined) return state
  state.echoLink.close()
  const { echoLink: _, ...rest } = state
  return rest
}

function advance(state: SessionState, event: Event, context: Self): SessionState {
  if (state.session === undefined) return state
  const [session, effects] = step(state.session, event, context.world.random.u32())
  return effects.reduce<SessionState>((next, effect) => perform(next, effect, context), { ...state, session })
}

function perform(state: SessionState, effect: Effect, context: Self): SessionState {
  switch (effect.kind) {
    case "send":
      return send(state, effect.packet, context)
    case "send-echo": {
      const left = state.echoLink?.send(effect.sequence) === true
      return left ? { ...state, counters: counted(state.counters, "echoPacketOutput") } : state
    }
    case "set-timer":
      context.timers.set(effect.timer, effect.afterMs, { kind: "timer", timer: effect.timer })
      return state
    case "cancel-timer":
      context.timers.cancel(effect.timer)
      return state
    case "state-changed":
      return changed(state, effect, context)
    default:
      return effect satisfies never
  }
}

function send(state: SessionState, packet: Packet, context: Self): SessionState {
  const { sender, plan, desired } = state
  if (sender === undefined || plan === undefined) return state
  const to = { address: plan.peer, port: desired?.multihop === true ? port.multihop : port.singleHop }
  const sent = sender.socket.send(encode(packet), to)
  const { sendFault, ...rest } = state
  if (sent.ok) return { ...rest, counters: counted(state.counters, "controlPacketOutput") }
  if (sendFault === undefined) {
    context.log.warn("couldn't send a BFD packet", { op: "send", peer: plan.peer, error: sent.error.message })
  }
  return { ...rest, sendFault: sent.error.message, counters: counted(state.counters, "sendErrors") }
}

function changed(
  state: SessionState,
  { from, to }: Extract<Effect, { kind: "state-changed" }>,
  context: Self,
): SessionState {
  const sinceMs = context.world.clock.wallMs()
  const why = state.session === undefined ? "" : explain(state.session)
  const { interface: device, vrf } = state.desired ?? {}
  const fields = { peer: state.plan?.peer, ...(device && { interface: device }), ...(vrf && { vrf }) }
  if (to === "up") {
    context.log.info("BFD session up", { event: "bfdUp", ...fields })
    return { ...state, sinceMs, counters: counted(state.counters, "sessionUpEvents") }
  }
  if (from !== "up") return { ...state, sinceMs }
  context.log.warn("BFD session down", { event: "bfdDown", ...fields, reason: why })
  // RFC 5882 §4.2: a session that was ended on purpose says nothing about the path.
  const onPurpose = to === "admin-down" || state.session?.remote?.state === "admin-down"
  const counters = counted(state.counters, "sessionDownEvents", ...(onPurpose ? [] : (["pathLosses"] as const)))
  return { ...state, sinceMs, counters, lastDown: { atMs: sinceMs, diagnostic: why } }
}

/** Changes of state at once, counters when their time comes. */
function tellChanges(before: SessionState, after: SessionState, context: Self): SessionState {
  if (after.desired === undefined || before === after) return after
  const same = sameHeadline(before.session, after.session)
  if (!same || before.desired !== after.desired || before.fault !== after.fault) {
    const next = { ...after, counters: counted(after.counters, "notifications"), telling: false }
    context.timers.cancel("tell")
    tell(next, true, context)
    return next
  }
  if (after.telling || before.counters === after.counters) return after
  context.timers.set("tell", tellPauseMs, { kind: "tell" })
  return { ...after, telling: true }
}

function tell(state: SessionState, urgent: boolean, context: Self): void {
  const { desired, config } = state
  if (desired === undefined) return
  context.send(config.parent, { kind: "session", key: config.key, report: reportOf({ ...state, desired }), urgent })
}
