import type { Answering } from "../../../cluster/liveness/state.ts"
import type { Answers } from "../../../protocols/ethernet/answers.ts"
import { sameBytes } from "../../../protocols/ethernet/mac.ts"
import { familyOf, type Ip } from "../../../protocols/ip.ts"
import type { Actor, Context } from "../../../supervision/actor.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import type { NetworkInterface } from "../../../supervision/world.ts"
import { again, type Bursts, heard, nextInMs, takeDue } from "./bursts.ts"
import { type Counts, Ledger } from "./counts.ts"
import type { Layer2Happened } from "./messages.ts"
import { type Protocol, Responder } from "./responder.ts"
import { watchActor, type WatchCounted, type WatchDesired, type WatchMessage, type WatchSays } from "./watch.ts"
import { nothingDiffers, withWire } from "./wire.ts"

export interface InterfaceConfig {
  readonly settings: InterfaceSettings
  readonly parent: ActorRef<InterfaceNews | WatchCounted | Layer2Happened>
}

export type InterfaceNews =
  | { readonly kind: "counted"; readonly counts: Counts }
  | { readonly kind: "interface-handed-over"; readonly name: string }

/** What the operator has asked of it, for as long as the speaker lives. */
export interface InterfaceSettings {
  readonly receive?: "all-multicast" | "promiscuous"
  /** Every address is announced again and again, this far apart; absent: when it is new. */
  readonly repeatMs?: number
}

/** What the interface should do, always all of it. */
export interface InterfaceDesired {
  readonly kind: "desired"
  readonly link: NetworkInterface
  readonly arp: boolean
  readonly ndp: boolean
  readonly answers: Answers
  /** Absent: what others claim is not listened to. frozen: what the wire has changed stays, and nobody listens any more. */
  readonly watch?: InterfaceWatch | "frozen"
}
export interface InterfaceWatch extends Pick<WatchDesired, "desired" | "gossip"> {
  /** What the actor before this one answered for in the place of others; of no interest to one that watches already. */
  readonly taken?: ReadonlySet<Ip>
}
export type InterfaceMessage =
  | InterfaceDesired
  | WatchSays
  | { readonly kind: "watch-started" }
  | { readonly kind: "watch-late" }
  | { readonly kind: "burst" }
  | { readonly kind: "flush" }
  /** Answered with the same name once what is desired is in force and nothing lingers. */
  | { readonly kind: "tell-when-handed-over"; readonly name: string }
  | { readonly kind: "failed"; readonly error: Error }

export interface InterfaceState {
  readonly config: InterfaceConfig
  readonly ledger: Ledger
  readonly desired: InterfaceDesired | undefined
  /** Not in force before the watch has said what of it the wire knows better. */
  readonly waiting: InterfaceDesired | undefined
  readonly watch: ActorRef<WatchMessage> | undefined
  readonly generation: number
  readonly wire: Answering
  readonly responders: Readonly<Partial<Record<Protocol, Responder>>>
  /** The addresses that are announced: wanted here, and their protocol has a socket. */
  readonly audible: ReadonlySet<Ip>
  readonly bursts: Bursts
  /** The name to be told; absent: nobody wants to know. */
  readonly handingOver?: string
}
type Self = Context<InterfaceMessage>

const flushMs = 200
/** The table comes into force in any case: a watch that crashes must not keep an address silent. */
const watchLateMs = 50

/** Answers ARP and NDP on one interface and announces what is new there. Told its table, it converges; see `settle`. */
export const interfaceActor: Actor<InterfaceConfig, InterfaceState, InterfaceMessage> = {
  kind: "interface",
  supervision: {
    strategy: "one_for_one",
    // Only the watch is below; whatever is wrong with it, the interface answers.
    intensity: { restarts: Number.POSITIVE_INFINITY, withinMs: 5_000 },
    backoff: { minMs: 20, maxMs: 5_000, jitter: 0.2 },
  },
  start: (config, context) => ({
    config,
    ledger: new Ledger(() => context.timers.set("flush", flushMs, { kind: "flush" })),
    desired: undefined,
    waiting: undefined,
    watch: undefined,
    generation: 0,
    wire: nothingDiffers,
    responders: {},
    audible: new Set(),
    bursts: new Map(),
  }),
  receive(state, message, context) {
    switch (message.kind) {
      case "desired":
        return desired(state, message, context)
      case "watch-started":
        tellWatch(state, context)
        return state
      case "watch-late":
        return settle(inForce(state), context)
      case "wire":
        return wired(state, message, context)
      case "announce":
        return announceAgain(state, message.ip, message.how, context)
      case "burst":
        return announce(state, context)
      case "flush":
        flush(state, context)
        return state
      case "tell-when-handed-over":
        return tellHandedOver({ ...state, handingOver: message.name }, context)
      case "failed":
        throw message.error
      default:
        return message satisfies never
    }
  },
  stop(state, context) {
    for (const responder of Object.values(state.responders)) responder.stop()
    flush(state, context)
  },
}

/** The watch hears it first: what somebody else is heard to have must not be claimed, not even for a moment. */
function desired(state: InterfaceState, message: InterfaceDesired, context: Self): InterfaceState {
  const { watch: wanted } = message
  if (wanted === undefined || wanted === "frozen") {
    if (state.watch !== undefined) context.stop(state.watch)
    const wire = wanted === "frozen" ? state.wire : nothingDiffers
    return settle({ ...inForce(state), desired: message, watch: undefined, wire }, context)
  }
  const watch = state.watch ?? spawnWatch(state.config, context)
  const wire = state.watch === undefined && wanted.taken ? { ...state.wire, taken: wanted.taken } : state.wire
  const next = { ...state, waiting: message, watch, wire, generation: state.generation + 1 }
  context.timers.set("watch-late", watchLateMs, { kind: "watch-late" })
  if (state.watch !== undefined) tellWatch(next, context)
  return next
}

function inForce(state: InterfaceState): InterfaceState {
  return { ...state, desired: state.waiting ?? state.desired, waiting: undefined }
}

function spawnWatch({ parent }: InterfaceConfig, context: Self): ActorRef<WatchMessage> {
  return context.spawn({
    id: "watch",
    actor: watchActor,
    config: { parent: context.self, reporter: parent },
    started: () => ({ kind: "watch-started" }),
  })
}

function tellWatch(state: InterfaceState, context: Self): void {
  const { waiting, desired, watch, generation } = state
  const newest = waiting ?? desired
  if (watch === undefined || newest?.watch === undefined || newest.watch === "frozen") return
  const { link, arp, ndp } = newest
  const { desired: onWire, gossip } = newest.watch
  const adopt = adopted(state, newest.watch)
  context.send(watch, {
    kind: "desired",
    generation,
    link,
    arp,
    ndp,
    desired: onWire,
    ...(gossip && { gossip }),
    adopt,
  })
}

/** For a watch that has just begun: what is answered for here, and is no longer ours, has yet to be handed over. */
function adopted({ wire, audible }: InterfaceState, { desired }: InterfaceWatch): Answering {
  const others = desired.addresses.filter(({ ip, role }) => role !== "own" && audible.has(ip) && !wire.taken.has(ip))
  if (others.length === 0) return wire
  return { ...wire, lingering: new Set([...(wire.lingering ?? []), ...others.map(({ ip }) => ip)]) }
}

function wired(
  state: InterfaceState,
  { generation, wire }: Extract<WatchSays, { kind: "wire" }>,
  context: Self,
): InterfaceState {
  if (state.watch === undefined) return state
  if (generation !== state.generation) return settle({ ...state, wire }, context)
  context.timers.cancel("watch-late")
  return settle({ ...inForce(state), wire }, context)
}

function announceAgain(state: InterfaceState, ip: Ip, how: "burst" | "once", context: Self): InterfaceState {
  if (!state.audible.has(ip)) return state
  if (how === "burst") {
    return announce({ ...state, bursts: again(state.bursts, ip, context.world.clock.monotonicMs()) }, context)
  }
  state.responders[protocolOf(ip)]?.announce(ip)
  return state
}

/** Makes what is what should be: sockets, their tables, groups, announcements. The same if called twice. */
function settle(state: InterfaceState, context: Self): InterfaceState {
  if (state.desired === undefined) return state
  const desired = { ...state.desired, answers: withWire(state.desired.answers, state.wire) }
  const arp = responderFor("arp", state, desired, context)
  const ndp = responderFor("ndp", state, desired, context)
  const responders = { ...(arp === undefined ? {} : { arp }), ...(ndp === undefined ? {} : { ndp }) }
  const here = Array.from(desired.answers).flatMap(([ip, where]) => (where === "here" ? [ip] : []))
  const answered = here.filter((ip) => responders[protocolOf(ip)] !== undefined)
  ndp?.listenFor(new Set(answered.filter((ip) => familyOf(ip) === "ipv6")))
  // What another leads is the other's to announce.
  const audible = new Set(answered.filter((ip) => state.wire.lingering?.has(ip) !== true))
  // A socket that is new has announced nothing: what another one said before does not count.
  const before = new Set([...state.audible].filter((ip) => sameResponder(state, responders, protocolOf(ip))))
  const bursts = heard(state.bursts, before, audible, context.world.clock.monotonicMs())
  return tellHandedOver(announce({ ...state, responders, audible, bursts }, context), context)
}

function tellHandedOver(state: InterfaceState, context: Self): InterfaceState {
  const { handingOver: name, waiting, wire, ...rest } = state
  if (name === undefined || waiting !== undefined || wire.lingering !== undefined) return state
  context.send(state.config.parent, { kind: "interface-handed-over", name })
  return { ...rest, waiting, wire }
}

const protocolOf = (ip: Ip): Protocol => (familyOf(ip) === "ipv4" ? "arp" : "ndp")

const sameResponder = (state: InterfaceState, now: InterfaceState["responders"], protocol: Protocol): boolean =>
  state.responders[protocol] === now[protocol]

/** The one there is when it still fits, a new one when it does not; undefined when none is wanted or it cannot be. */
function responderFor(
  protocol: Protocol,
  state: InterfaceState,
  desired: InterfaceDesired,
  context: Self,
): Responder | undefined {
  const { link, answers } = desired
  const present = state.responders[protocol]
  const fits = present?.open === true && present.index === link.index && sameBytes(present.mac, link.mac)
  if (!desired[protocol] || !fits) present?.stop()
  if (!desired[protocol]) return undefined
  const { world, log } = context
  const { receive } = state.config.settings
  const failed = (error: Error) => context.send(context.self, { kind: "failed", error })
  const responder = fits
    ? present
    : new Responder(protocol, link, { world, log, ledger: state.ledger, receive, failed })
  responder.answers = answers
  if (!fits) responder.start()
  return responder.open ? responder : undefined
}

function announce(state: InterfaceState, context: Self): InterfaceState {
  const { due, bursts } = takeDue(state.bursts, context.world.clock.monotonicMs(), state.config.settings.repeatMs)
  for (const ip of due) state.responders[protocolOf(ip)]?.announce(ip)
  const waitMs = nextInMs(bursts, context.world.clock.monotonicMs())
  if (waitMs === undefined) context.timers.cancel("burst")
  else context.timers.set("burst", waitMs, { kind: "burst" })
  return { ...state, bursts }
}

function flush({ ledger, config }: InterfaceState, context: Self): void {
  const counts = ledger.take()
  if (counts !== undefined) context.send(config.parent, { kind: "counted", counts })
}
