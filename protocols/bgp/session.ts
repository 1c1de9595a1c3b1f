import { type Family, familyOf, type Ip } from "../ip.ts"
import { familyFrom } from "./family.ts"
import { ceaseSubcode, errorCode, fsmSubcode, refreshSubtype } from "./iana.ts"
import { acceptOpen, type Negotiated, type WantedASN } from "./negotiation.ts"
import { type Fault, hardReset, type Notification, notification } from "./notification.ts"
import { type Offer, type Open, openFor, plainOffer } from "./open.ts"
import type { Message, RouteRefresh } from "./packet.ts"
import type { ReceivedUpdate } from "./update.ts"
import type { Why } from "./why.ts"

/*
 * RFC 4271 §8, the side that connects. Pure: what happened goes in, what to do comes out.
 *
 *            start                tcp-opened             open              keepalive
 *   idle ───────────► connect ───────────► open-sent ─────────► open-confirm ─────────► established
 *    ▲ ▲                │ ▲ tcp-closed          │                    │                      │
 *    │ │                ▼ │ retry-timer         │ tcp-closed         │ fault, hold-timer,   │
 *    │ │              active ◄──────────────────┘                    │ notification, …      │
 *    │ └── retry-timer: again                                        │                      │
 *    └───────────────────────────────────────────────────────────────┴──────────────────────┘
 *
 * `active` here means: not connected, waiting for the next try, or for the peer. What a listener has accepted comes in as
 * `tcp-opened`. A second connection to the same peer is a second session, until `collision.ts` says which one stays.
 */

export type State = "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established"

export interface SessionConfig {
  readonly myASN: number
  readonly peerASN: WantedASN
  /** 0: neither hold timer nor keepalives. */
  readonly holdSeconds: number
  /** Between KEEPALIVEs, where that is less than a third of the hold time that was agreed on, which is the rule. */
  readonly keepaliveSeconds?: number
  /** Absent: the local address of the connection. */
  readonly routerId?: Ip
  /** Where neither that nor the connection gives one: an IPv6 address cannot be the identifier. */
  readonly fallbackId?: Ip
  /** Absent: as MetalLB. The session itself says whether it is restarting. */
  readonly offer?: SessionOffer
  /** Never connects: waits in `active` for the peer to do so (RFC 4271 §8.1.1, PassiveTcpEstablishment). */
  readonly passive?: true
  /** Waits between tries: nothing at first, then `firstMs`, doubled each time up to `maxMs`; shortened by the jitter. */
  readonly retry: { readonly firstMs: number; readonly maxMs: number }
}

export type SessionOffer = Omit<Offer, "gracefulRestart"> & { readonly gracefulRestart?: { readonly seconds: number } }

export interface Session {
  readonly config: SessionConfig
  readonly state: State
  /** False: nobody wants it up. */
  readonly started: boolean
  /** ConnectRetryCounter: tries since the session last was up for a while. */
  readonly failures: number
  /** It was up before: what comes now is no restart of ours (RFC 4724 §3, Restart State). */
  readonly known: boolean
  /** Our identifier on this connection. */
  readonly identifier?: Ip
  /** From `open-confirm` on. */
  readonly negotiated?: Negotiated
}

export type Event =
  | { readonly kind: "start" }
  /** For good, until `start`; the NOTIFICATION goes out where there is a connection. */
  | { readonly kind: "stop"; readonly notification: Notification }
  | { readonly kind: "retry-timer" }
  | { readonly kind: "hold-timer" }
  | { readonly kind: "keepalive-timer" }
  | { readonly kind: "stable-timer" }
  /** `identifier`: an IPv4 address that stands for `local` where that is IPv6. */
  | { readonly kind: "tcp-opened"; readonly local: Ip; readonly identifier?: Ip }
  | { readonly kind: "tcp-closed"; readonly error?: string }
  | { readonly kind: "open"; readonly open: Open }
  | { readonly kind: "keepalive" }
  /** With what it says only where routes are taken from the peer; the session does not look at it. */
  | { readonly kind: "update"; readonly update?: ReceivedUpdate }
  | { readonly kind: "route-refresh"; readonly refresh: RouteRefresh }
  | { readonly kind: "notification"; readonly notification: Notification }
  /** Bytes that are no message. */
  | { readonly kind: "fault"; readonly fault: Fault }

/** What our OPEN says on this connection. */
function offerOf({ config, known }: Session): Offer {
  const { gracefulRestart, ...offer } = config.offer ?? plainOffer
  if (gracefulRestart === undefined) return offer
  return { ...offer, gracefulRestart: { seconds: gracefulRestart.seconds, restarting: !known } }
}

export type Timer = "retry" | "hold" | "keepalive" | "stable"

export type Effect =
  | { readonly kind: "connect" }
  | { readonly kind: "send"; readonly message: Message }
  /** What was sent may still leave; nothing that arrives counts any more. */
  | { readonly kind: "close" }
  /** Replaces the timer of that name. */
  | { readonly kind: "set-timer"; readonly timer: Timer; readonly afterMs: number }
  /** All of them. */
  | { readonly kind: "cancel-timers" }
  /** The peer wants all routes of the family once more. */
  | { readonly kind: "refresh"; readonly family: Family }
  | { readonly kind: "state-changed"; readonly from: State; readonly to: State; readonly why?: Why }

type Step = readonly [Session, readonly Effect[]]
/** `random` is uniform in 0 … 2³²−1. */
type Cell<K extends Event["kind"]> = (session: Session, event: Extract<Event, { kind: K }>, random: number) => Step
type Table = { readonly [S in State]: { readonly [K in Event["kind"]]: Cell<K> } }

/** How long a peer that took the connection may keep us waiting for its OPEN. The RFC suggests four minutes. */
export const openWaitMs = 10_000
/** A session that lasted this long was a good one: the next loss is not one more failure in a row. */
export const stableMs = 10_000

export const newSession = (config: SessionConfig): Session => ({
  config,
  state: "idle",
  started: false,
  failures: 0,
  known: false,
})

export function step(session: Session, event: Event, random: number): Step {
  const cell = table[session.state][event.kind] as (session: Session, event: Event, random: number) => Step
  return cell(session, event, random)
}

/** Nothing of ours is open there, or it is a leftover of a connection that is gone. */
const ignore = (session: Session): Step => [session, []]

const surprised: { readonly [S in State]?: number } = {
  "open-sent": fsmSubcode.openSent,
  "open-confirm": fsmSubcode.openConfirm,
  established: fsmSubcode.established,
}
/** RFC 6608: a message that has no place in this state. */
const unexpected = (session: Session, event: Event, random: number): Step =>
  refuse(
    session,
    notification(errorCode.fsm, surprised[session.state] ?? 0),
    `${event.kind.toUpperCase()} from the peer in state ${session.state}`,
    random,
  )

/** RFC 4271 §6.5. What TTL security (RFC 5082) drops is missed only now: the connection opens without it. */
const unheard =
  (missing: string): Cell<"hold-timer"> =>
  (session, _event, random) => {
    const because = `${missing} (TTL security on one side only looks like this)`
    return refuse(session, notification(errorCode.holdTimer, 0), because, random)
  }

const connected = {
  start: ignore,
  "retry-timer": ignore,
  "tcp-opened": ignore,
  "hold-timer": (session, _event, random) =>
    refuse(session, notification(errorCode.holdTimer, 0), "peer was silent for the hold time", random),
  "tcp-closed": (session, { error }, random) =>
    fall(session, "idle", { kind: "connection-lost", ...(error === undefined ? {} : { error }) }, random),
  // RFC 4271 §6: no answer to a NOTIFICATION, whatever it says.
  notification: (session, event, random) =>
    fall(session, "idle", { kind: "notification-received", notification: event.notification }, random),
  fault: (session, { fault }, random) =>
    refuse(session, notification(fault.code, fault.subcode, fault.data), fault.because, random),
  stop: (session, { notification }) => {
    const message = outlasting(session, notification) ? hardReset(notification) : notification
    return stopWith(session, notification, [{ kind: "send", message }])
  },
} satisfies Partial<Table["established"]>

const unconnected = {
  "hold-timer": ignore,
  "keepalive-timer": ignore,
  "stable-timer": ignore,
  open: ignore,
  keepalive: ignore,
  update: ignore,
  "route-refresh": ignore,
  notification: ignore,
  fault: ignore,
  stop: (session, event) => stopWith(session, event.notification, []),
} satisfies Partial<Table["idle"]>

/** Row: where we are. Column: what happened. No cell may be missing: a new event does not compile until decided. */
const table: Table = {
  idle: {
    ...unconnected,
    start: (session) => connect({ ...session, started: true }),
    "retry-timer": (session) => (session.started ? connect(session) : [session, []]),
    "tcp-opened": ignore,
    "tcp-closed": ignore,
  },
  connect: {
    ...unconnected,
    start: ignore,
    // The attempt has a deadline of its own and ends with `tcp-closed`.
    "retry-timer": ignore,
    "tcp-opened": opened,
    "tcp-closed": (session, { error }, random) =>
      fall(session, "active", { kind: "connect-failed", error: error ?? "connection closed" }, random),
  },
  active: {
    ...unconnected,
    start: ignore,
    "retry-timer": (session) => connect(session),
    "tcp-opened": opened,
    "tcp-closed": ignore,
  },
  "open-sent": {
    ...connected,
    "hold-timer": unheard("peer took the connection and sent no OPEN"),
    "keepalive-timer": ignore,
    "stable-timer": ignore,
    // RFC 4271 §8.2.2, event 18: back to Active, unlike in the later states.
    "tcp-closed": (session, { error }, random) =>
      fall(session, "active", { kind: "connection-lost", ...(error === undefined ? {} : { error }) }, random),
    open: (session, { open }, random) => {
      const verdict = acceptOpen(open, {
        ...session.config,
        identifier: session.identifier,
        offer: offerOf(session),
      })
      if (!verdict.ok) {
        const { code, subcode, data, because } = verdict.error
        return refuse(session, notification(code, subcode, data), because, random)
      }
      const next: Session = { ...session, state: "open-confirm", negotiated: verdict.value }
      return [next, [sendKeepalive, ...restartTimers(next, random), changed(session, next)]]
    },
    keepalive: unexpected,
    update: unexpected,
    "route-refresh": unexpected,
  },
  "open-confirm": {
    ...connected,
    "hold-timer": unheard("peer sent an OPEN and no answer to ours"),
    "keepalive-timer": beat,
    "stable-timer": ignore,
    open: unexpected,
    keepalive: (session) => {
      const next: Session = { ...session, state: "established" }
      return [next, [...restartHold(next), stableTimer, changed(session, next)]]
    },
    update: unexpected,
    "route-refresh": unexpected,
  },
  established: {
    ...connected,
    "keepalive-timer": beat,
    "stable-timer": (session) => [{ ...session, failures: 0 }, []],
    open: unexpected,
    keepalive: (session) => [session, restartHold(session)],
    // What the peer announces is of no interest here (`rib-in.ts`), only that it lives.
    update: (session) => [session, restartHold(session)],
    // RFC 2918 §4: without the capability, or for a family that was not agreed on, it is ignored; so are BoRR and EoRR of
    // the peer, of whose routes nothing is kept (RFC 7313 §4.2).
    "route-refresh": (session, { refresh }) => {
      const family = familyFrom(refresh)
      const { routeRefresh = "no", families = [] } = session.negotiated ?? {}
      if (refresh.subtype !== refreshSubtype.request || routeRefresh === "no") return [session, []]
      return [session, family !== undefined && families.includes(family) ? [{ kind: "refresh", family }] : []]
    },
  },
}

const stableTimer: Effect = { kind: "set-timer", timer: "stable", afterMs: stableMs }
const sendKeepalive: Effect = { kind: "send", message: { kind: "keepalive" } }

const changed = (from: Session, to: Session, why?: Why): Effect => ({
  kind: "state-changed",
  from: from.state,
  to: to.state,
  ...(why === undefined ? {} : { why }),
})

function connect(session: Session): Step {
  if (session.config.passive === true) return wait(session)
  const next: Session = { ...session, state: "connect" }
  return [next, [{ kind: "connect" }, changed(session, next)]]
}

function wait(session: Session): Step {
  if (session.state === "active") return [session, []]
  const next: Session = { ...session, state: "active" }
  return [next, [changed(session, next)]]
}

/** What a session needs that takes the place of another one: its timers. */
export const rearm = (session: Session, random: number): readonly Effect[] => {
  if (session.state === "open-sent") return [{ kind: "set-timer", timer: "hold", afterMs: openWaitMs }]
  const timers = [...restartHold(session), ...restartKeepalive(session, random)]
  return session.state === "established" ? [...timers, stableTimer] : timers
}

function opened(
  session: Session,
  { local, identifier: standIn }: Extract<Event, { kind: "tcp-opened" }>,
  random: number,
): Step {
  const { myASN, holdSeconds, routerId, fallbackId } = session.config
  const identifier = routerId ?? standIn ?? (familyOf(local) === "ipv4" ? local : fallbackId)
  if (identifier === undefined) {
    const error = "there is no IPv4 address for the BGP identifier, and no router id is configured"
    return fall(session, "active", { kind: "connect-failed", error }, random)
  }
  const next: Session = { ...session, state: "open-sent", identifier }
  return [
    next,
    [
      { kind: "send", message: openFor(myASN, holdSeconds, identifier, offerOf(session)) },
      { kind: "set-timer", timer: "hold", afterMs: openWaitMs },
      changed(session, next),
    ],
  ]
}

/** RFC 4271 §4.4: a third of the hold time; §10: less up to a quarter, so that peers do not beat in step. */
function beat(session: Session, _event: Event, random: number): Step {
  return [session, [sendKeepalive, ...restartKeepalive(session, random)]]
}

/** Before the jitter; 0: none are sent. */
export const keepaliveSecondsOf = ({ config, negotiated }: Session): number =>
  Math.min(config.keepaliveSeconds ?? Number.POSITIVE_INFINITY, (negotiated?.holdSeconds ?? 0) / 3)

function restartKeepalive(session: Session, random: number): readonly Effect[] {
  const seconds = keepaliveSecondsOf(session)
  if (seconds === 0) return []
  return [{ kind: "set-timer", timer: "keepalive", afterMs: jittered(seconds * 1000, random) }]
}

function restartHold({ negotiated }: Session): readonly Effect[] {
  const holdSeconds = negotiated?.holdSeconds ?? 0
  return holdSeconds === 0 ? [] : [{ kind: "set-timer", timer: "hold", afterMs: holdSeconds * 1000 }]
}

/** The wait for the OPEN is over; with a hold time of 0 nothing takes its place. */
const restartTimers = (session: Session, random: number): readonly Effect[] => [
  { kind: "cancel-timers" },
  ...restartHold(session),
  ...restartKeepalive(session, random),
]

const wasKnown = ({ known, state }: Session): boolean => known || state === "established"

/**
 * RFC 8538 §3, §4: where a NOTIFICATION does not end the peer's patience, one that is meant for good says so. A session
 * that comes back with other settings keeps its routes meanwhile.
 */
const outlasting = ({ negotiated }: Session, { code, subcode }: Notification): boolean =>
  negotiated?.gracefulRestart?.notifications === true &&
  code === errorCode.cease &&
  subcode !== ceaseSubcode.otherConfigurationChange

/** Tell the peer what is wrong, then give up this connection. */
function refuse(session: Session, message: Notification, because: string, random: number): Step {
  const why: Why = { kind: "notification-sent", notification: message, because }
  const [next, effects] = fall(session, "idle", why, random)
  return [next, [{ kind: "send", message }, ...effects]]
}

/** This connection is over; the next try follows by itself. */
function fall(session: Session, state: State, why: Why, random: number): Step {
  const { config, started, failures } = session
  const next: Session = { config, started, failures: failures + 1, state, known: wasKnown(session) }
  return [
    next,
    [
      { kind: "close" },
      { kind: "cancel-timers" },
      { kind: "set-timer", timer: "retry", afterMs: retryMs(session, random) },
      changed(session, next, why),
    ],
  ]
}

function stopWith(session: Session, message: Notification, first: readonly Effect[]): Step {
  const next: Session = { config: session.config, state: "idle", started: false, failures: 0, known: wasKnown(session) }
  const why: Why = { kind: "stopped", notification: message }
  return [next, [...first, { kind: "close" }, { kind: "cancel-timers" }, changed(session, next, why)]]
}

/** 0, 1, 2, 4 … 120 seconds with MetalLB's numbers. */
function retryMs({ config, failures }: Session, random: number): number {
  if (failures === 0) return 0
  return jittered(Math.min(config.retry.maxMs, config.retry.firstMs * 2 ** Math.min(failures - 1, 30)), random)
}

/** RFC 4271 §10: a factor between 0.75 and 1. */
const jittered = (ms: number, random: number): number => Math.round(ms * (0.75 + (0.25 * random) / 2 ** 32))
