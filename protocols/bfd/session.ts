import { diagnostic } from "./iana.ts"
import type { Packet, State } from "./packet.ts"
import {
  desiredWhileDown,
  detectionTimeUs,
  echoIntervalUs,
  jitteredMs,
  remoteDetectionTimeUs,
  transmitIntervalUs,
} from "./timing.ts"

/*
 * RFC 5880 §6, asynchronous mode. Pure: what happened goes in, what to do comes out. Timers are values.
 *
 *              peer: down            peer: init, up
 *    down ─────────────────► init ─────────────────► up
 *     │ ▲                     │                       │
 *     │ └─ detection time ────┴── detection time, ────┘
 *     └──── peer: init ─────────► peer: down,  (up)
 *                                 admin-down, echo lost
 */

export interface Settings {
  readonly desiredMinTxUs: number
  readonly requiredMinRxUs: number
  readonly detectMultiplier: number
  /** RFC 5880 §6.1: send nothing until the peer has been heard. */
  readonly passive: boolean
  /** We loop echoes back at this rate and would like to send ours at it. Absent: no echo function either way. */
  readonly echoIntervalUs?: number
}

/** What the peer's last packet said. */
export interface Remote {
  readonly discriminator: number
  readonly state: State
  readonly diagnostic: number
  readonly demand: boolean
  readonly detectMultiplier: number
  readonly desiredMinTxUs: number
  readonly requiredMinRxUs: number
  readonly requiredMinEchoRxUs: number
}

export interface Session {
  readonly settings: Settings
  readonly localDiscriminator: number
  readonly state: State
  /** Why the state last changed. */
  readonly diagnostic: number
  /** Absent: not heard for a detection time. */
  readonly remote?: Remote
  /** bfd.DesiredMinTxInterval and bfd.RequiredMinRxInterval, as our packets say. */
  readonly desiredMinTxUs: number
  readonly requiredMinRxUs: number
  /** The same as our timers take them: behind by as long as a Poll Sequence takes. */
  readonly transmitUs: number
  readonly receiveUs: number
  /** `again`: changed while one was under way, whose Final may be the answer to the values before. */
  readonly poll: "none" | "sent" | "again"
  /** The interval that the running transmit timer was set for; 0 when none runs. */
  readonly pacedUs: number
  readonly echo: EchoState
}

interface EchoState {
  readonly active: boolean
  /** Of the last one sent. */
  readonly sequence: number
  /** One has come back at some time: from then on their absence means something. */
  readonly proven: boolean
}

export type Event =
  /** The first, or after `disable`. */
  | { readonly kind: "enable" }
  /** RFC 5880 §6.8.16: held down for administrative reasons, and the peer is told so. */
  | { readonly kind: "disable" }
  | { readonly kind: "settings"; readonly settings: Settings }
  | { readonly kind: "received"; readonly packet: Packet }
  | { readonly kind: "echo-received"; readonly sequence: number }
  | { readonly kind: "timer"; readonly timer: Timer }

export type Timer = "transmit" | "detect" | "echo" | "echo-detect"

export type Effect =
  | { readonly kind: "send"; readonly packet: Packet }
  | { readonly kind: "send-echo"; readonly sequence: number }
  /** Replaces the timer of that name. */
  | { readonly kind: "set-timer"; readonly timer: Timer; readonly afterMs: number }
  | { readonly kind: "cancel-timer"; readonly timer: Timer }
  | { readonly kind: "state-changed"; readonly from: State; readonly to: State }

type Step = readonly [Session, readonly Effect[]]

/** RFC 5880 §6.8.6. Row: where we are. Column: what the peer says. Empty cell: stay. */
const table: { readonly [S in State]: { readonly [P in State]?: State } } = {
  "admin-down": {},
  down: { down: "init", init: "up" },
  init: { "admin-down": "down", init: "up", up: "up" },
  up: { "admin-down": "down", down: "down" },
}

/** How many echoes may be under way and still count when they return. */
const echoWindow = 64

export const newSession = (settings: Settings, localDiscriminator: number): Session => ({
  settings,
  localDiscriminator,
  state: "admin-down",
  diagnostic: diagnostic.none,
  desiredMinTxUs: desiredWhileDown(settings),
  requiredMinRxUs: settings.requiredMinRxUs,
  transmitUs: desiredWhileDown(settings),
  receiveUs: settings.requiredMinRxUs,
  poll: "none",
  pacedUs: 0,
  echo: { active: false, sequence: 0, proven: false },
})

/** `random` is uniform in 0 … 2³²−1. */
export function step(session: Session, event: Event, random: number): Step {
  switch (event.kind) {
    case "enable":
      return session.state === "admin-down"
        ? transit(forgetRemote(session), "down", diagnostic.none, random)
        : [session, []]
    case "disable":
      if (session.state === "admin-down") return [session, []]
      return and(transit(session, "admin-down", diagnostic.administrativelyDown, random), cancel("detect"))
    case "settings":
      return changeSettings(session, event.settings, random)
    case "received":
      return heard(session, event.packet, random)
    case "echo-received":
      return echoReturned(session, event.sequence)
    case "timer":
      return expired(session, event.timer, random)
    default:
      return event satisfies never
  }
}

function expired(session: Session, timer: Timer, random: number): Step {
  switch (timer) {
    case "transmit":
      return transmit({ ...session, pacedUs: 0 }, random)
    case "detect": {
      // RFC 5880 §6.8.1: silent for a detection time, in whichever state, and its discriminator is forgotten.
      const alone = forgetRemote(session)
      if (session.state === "down" || session.state === "admin-down") return pace(alone, random)
      return transit(alone, "down", diagnostic.detectionTimeExpired, random)
    }
    case "echo":
      return sendEcho(session)
    case "echo-detect":
      return session.echo.active ? transit(session, "down", diagnostic.echoFailed, random) : [session, []]
    default:
      return timer satisfies never
  }
}

/** RFC 5880 §6.8.6 from where the session is known, in its order. */
function heard(before: Session, packet: Packet, random: number): Step {
  const session = answered({ ...before, remote: remoteIn(packet) }, packet.final)
  // "If bfd.SessionState is AdminDown, discard the packet."
  if (session.state === "admin-down") return pace(session, random)
  const to = table[session.state][packet.state]
  const moved =
    to === undefined
      ? pace(session, random)
      : transit(session, to, to === "down" ? diagnostic.neighbourSignaledDown : diagnostic.none, random)
  return chain(
    moved,
    watchSilence,
    adjustEcho,
    // "the receiving system MUST transmit a BFD Control packet with the Poll (P) bit clear and the Final (F) bit set as
    // soon as practicable, without respect to the transmission timer or any other transmission limitations"
    (next) => [next, packet.poll ? [send(next, "final")] : []],
  )
}

const remoteIn = (packet: Packet): Remote => ({
  discriminator: packet.myDiscriminator,
  state: packet.state,
  diagnostic: packet.diagnostic,
  demand: packet.demand,
  detectMultiplier: packet.detectMultiplier,
  desiredMinTxUs: packet.desiredMinTxUs,
  requiredMinRxUs: packet.requiredMinRxUs,
  requiredMinEchoRxUs: packet.requiredMinEchoRxUs,
})

/** The end of a Poll Sequence: from now on the peer goes by what our packets say, and so do we. */
function answered(session: Session, final: boolean): Session {
  if (!final || session.poll === "none") return session
  if (session.poll === "again") return { ...session, poll: "sent" }
  return { ...session, poll: "none", transmitUs: session.desiredMinTxUs, receiveUs: session.requiredMinRxUs }
}

/** To another state, and word of it at once: "in order to more rapidly communicate a change in state" (§6.8.7). */
function transit(session: Session, to: State, why: number, random: number): Step {
  const { state: from, settings } = session
  const there = { ...session, state: to, diagnostic: why }
  const next =
    to === "up"
      ? advertise(there, settings.desiredMinTxUs, settings.requiredMinRxUs)
      : advertise(there, desiredWhileDown(settings), settings.requiredMinRxUs)
  return chain([next, [{ kind: "state-changed", from, to }]], (now) => transmit(now, random), adjustEcho)
}

function changeSettings(before: Session, settings: Settings, random: number): Step {
  const desired = before.state === "up" ? settings.desiredMinTxUs : desiredWhileDown(settings)
  const session = advertise({ ...before, settings }, desired, settings.requiredMinRxUs)
  if (sameWords(before, session) && before.settings.passive === settings.passive) return adjustEcho(session)
  return chain(transmit(session, random), adjustEcho)
}

const sameWords = (a: Session, b: Session): boolean =>
  a.desiredMinTxUs === b.desiredMinTxUs &&
  a.requiredMinRxUs === b.requiredMinRxUs &&
  a.settings.detectMultiplier === b.settings.detectMultiplier &&
  a.settings.echoIntervalUs === b.settings.echoIntervalUs

/**
 * RFC 5880 §6.8.3. While Up, the peer must have agreed by a Final before we send more slowly or expect it to send
 * faster; the other directions are safe at once. While not Up nobody counts on anything.
 */
function advertise(session: Session, desiredMinTxUs: number, requiredMinRxUs: number): Session {
  const said = { ...session, desiredMinTxUs, requiredMinRxUs }
  if (session.state !== "up") return { ...said, poll: "none", transmitUs: desiredMinTxUs, receiveUs: requiredMinRxUs }
  if (session.desiredMinTxUs === desiredMinTxUs && session.requiredMinRxUs === requiredMinRxUs) return said
  return {
    ...said,
    poll: session.poll === "none" ? "sent" : "again",
    transmitUs: Math.min(session.transmitUs, desiredMinTxUs),
    receiveUs: Math.max(session.receiveUs, requiredMinRxUs),
  }
}

/** One packet now, the next when its time comes; nothing where the RFC forbids periodic packets. */
function transmit(session: Session, random: number): Step {
  if (!transmits(session)) return pace(session, random)
  const paced = startPacing(session, random)
  return [paced[0], [send(session, session.poll === "none" ? undefined : "poll"), ...paced[1]]]
}

/** RFC 5880 §6.8.7. */
function transmits({ settings, state, remote, poll }: Session): boolean {
  if (remote === undefined) return !settings.passive
  if (remote.requiredMinRxUs === 0) return false
  return !(remote.demand && state === "up" && remote.state === "up" && poll === "none")
}

/** The transmit timer as it should be now: a shorter interval counts from now on, a longer one from the next packet on. */
function pace(session: Session, random: number): Step {
  if (!transmits(session)) return [{ ...session, pacedUs: 0 }, session.pacedUs === 0 ? [] : [cancel("transmit")]]
  const due = session.pacedUs === 0 || transmitIntervalUs(session) < session.pacedUs
  return due ? startPacing(session, random) : [session, []]
}

function startPacing(session: Session, random: number): Step {
  const pacedUs = transmitIntervalUs(session)
  const afterMs = jitteredMs(pacedUs, session.settings.detectMultiplier, random)
  return [{ ...session, pacedUs }, [{ kind: "set-timer", timer: "transmit", afterMs }]]
}

function watchSilence(session: Session): Step {
  const timeUs = detectionTimeUs(session)
  return [session, timeUs === undefined ? [] : [{ kind: "set-timer", timer: "detect", afterMs: timeUs / 1000 }]]
}

function forgetRemote(session: Session): Session {
  const { remote: _, ...alone } = session
  return alone
}

function send(session: Session, bit: "poll" | "final" | undefined): Effect {
  const { settings, state, remote } = session
  const packet: Packet = {
    diagnostic: session.diagnostic,
    state,
    poll: bit === "poll",
    final: bit === "final",
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier: settings.detectMultiplier,
    myDiscriminator: session.localDiscriminator,
    yourDiscriminator: remote?.discriminator ?? 0,
    desiredMinTxUs: session.desiredMinTxUs,
    requiredMinRxUs: session.requiredMinRxUs,
    requiredMinEchoRxUs: settings.echoIntervalUs ?? 0,
  }
  return { kind: "send", packet }
}

/** Starts or ends the echoes as the moment allows (§6.8.9). */
function adjustEcho(session: Session): Step {
  const active = echoIntervalUs(session) !== undefined
  if (active === session.echo.active) return [session, []]
  const next = { ...session, echo: { ...session.echo, active } }
  if (!active) return [next, [cancel("echo"), cancel("echo-detect")]]
  return chain(sendEcho(next), (now) => [now, now.echo.proven ? watchEchoes(now) : []])
}

function sendEcho(session: Session): Step {
  const intervalUs = echoIntervalUs(session)
  if (intervalUs === undefined) return [session, []]
  const sequence = (session.echo.sequence + 1) >>> 0
  return [
    { ...session, echo: { ...session.echo, sequence } },
    [
      { kind: "send-echo", sequence },
      { kind: "set-timer", timer: "echo", afterMs: intervalUs / 1000 },
    ],
  ]
}

function echoReturned(session: Session, sequence: number): Step {
  const age = (session.echo.sequence - sequence) >>> 0
  if (!session.echo.active || age >= echoWindow) return [session, []]
  const next = { ...session, echo: { ...session.echo, proven: true } }
  return [next, watchEchoes(next)]
}

function watchEchoes(session: Session): readonly Effect[] {
  const intervalUs = echoIntervalUs(session)
  if (intervalUs === undefined) return []
  return [{ kind: "set-timer", timer: "echo-detect", afterMs: (session.settings.detectMultiplier * intervalUs) / 1000 }]
}

/** RFC 5880 §6.8.16: how long a session that is to end goes on saying AdminDown. 0 when nobody has heard of it. */
export const farewellMs = (session: Session): number => (remoteDetectionTimeUs(session) ?? 0) / 1000

const cancel = (timer: Timer): Effect => ({ kind: "cancel-timer", timer })
const and = ([session, effects]: Step, ...more: readonly Effect[]): Step => [session, [...effects, ...more]]

function chain(first: Step, ...rest: readonly ((session: Session) => Step)[]): Step {
  let [session, effects] = first
  for (const next of rest) {
    const [after, more] = next(session)
    session = after
    effects = [...effects, ...more]
  }
  return [session, effects]
}
