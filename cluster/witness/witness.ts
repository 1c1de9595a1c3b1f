import { isDeepStrictEqual } from "node:util"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { rivalOf } from "./judge.ts"
import type {
  WitnessAnswer,
  WitnessCommand,
  WitnessConflict,
  WitnessCounts,
  WitnessQuestion,
  WitnessReport,
  WitnessStore,
} from "./messages.ts"

export interface WitnessConfig {
  readonly nodeName: string
  readonly store: WitnessStore
  readonly settings?: Partial<WitnessSettings>
}

/** Milliseconds. */
export interface WitnessSettings {
  /** How often claims are renewed. */
  readonly everyMs: number
  /** How long a claim lives without. */
  readonly ttlMs: number
  /** An exchange may take so long; what comes later is not looked at. */
  readonly withinMs: number
  /** The pause doubles with each failure in a row, up to this. */
  readonly mostPauseMs: number
}

const defaults: WitnessSettings = { everyMs: 1000, ttlMs: 5000, withinMs: 2000, mostPauseMs: 15_000 }
const mostClaims = 4096

export type WitnessMessage =
  | WitnessCommand
  | { readonly kind: "due" }
  | { readonly kind: "answered"; readonly exchange: number; readonly answers: readonly WitnessAnswer[] }
  | { readonly kind: "failed"; readonly exchange: number; readonly why: string }

type Announced = Omit<Extract<WitnessCommand, { readonly kind: "announced" }>, "kind">

interface WitnessState {
  readonly config: WitnessConfig
  readonly settings: WitnessSettings
  readonly announced: Announced
  /** By address, of those claimed here. */
  readonly epochs: ReadonlyMap<string, number>
  /** Claimed until now, and not announced any more. */
  readonly released: ReadonlySet<string>
  readonly underWay: { readonly exchange: number; readonly questions: readonly WitnessQuestion[] } | undefined
  /** Something is to be said that the exchange under way does not say. */
  readonly again: boolean
  readonly exchanges: number
  readonly failuresInARow: number
  readonly up: boolean | undefined
  readonly conflicts: readonly WitnessConflict[]
  readonly counts: WitnessCounts
  readonly subscriber: ActorRef<WitnessReport> | undefined
  readonly said: WitnessReport | undefined
}
type Self = Context<WitnessMessage>

/**
 * Claims in a store out of the network's way what this node announces, and sees who else does. Nobody waits for it:
 * it hears what is announced when that is done, and what it finds is news for the announcer. A store that does not answer
 * is a warning and nothing else.
 */
export const witnessActor: Actor<WitnessConfig, WitnessState, WitnessMessage> = {
  kind: "witness",
  start: (config) => ({
    config,
    settings: { ...defaults, ...config.settings },
    announced: { macs: [], claim: [], watch: [] },
    epochs: new Map(),
    released: new Set(),
    underWay: undefined,
    again: false,
    exchanges: 0,
    failuresInARow: 0,
    up: undefined,
    conflicts: [],
    counts: { failures: 0, splits: 0 },
    subscriber: undefined,
    said: undefined,
  }),
  receive(state, message, context) {
    switch (message.kind) {
      case "announced": {
        const { kind: _, ...announced } = message
        return exchange(release({ ...state, announced }), context)
      }
      case "due":
        return expired(state, context)
      case "answered":
        return message.exchange === state.underWay?.exchange ? answered(state, message.answers, context) : state
      case "failed":
        return message.exchange === state.underWay?.exchange ? failed(state, message.why, context) : state
      case "subscribe":
        return report({ ...state, subscriber: message.subscriber, said: undefined }, context)
    }
  },
}

/** What is not announced any more is not claimed either; and what is announced again is not released. */
function release(state: WitnessState): WitnessState {
  const { epochs, announced } = state
  const claimed = new Set(announced.claim)
  const released = new Set([...state.released].filter((ip) => !claimed.has(ip)))
  for (const ip of epochs.keys()) if (!claimed.has(ip)) released.add(ip)
  // Claims live on for a few seconds; more than this nobody waits for.
  const bounded = new Set([...released].slice(-mostClaims))
  return { ...state, epochs: new Map([...epochs].filter(([ip]) => claimed.has(ip))), released: bounded }
}

function questionsOf({ announced, epochs, released }: WitnessState): readonly WitnessQuestion[] {
  const claims = announced.claim.slice(0, mostClaims).map((ip): WitnessQuestion => {
    const epoch = epochs.get(ip)
    return { ip, what: { kind: "claim", ...(epoch !== undefined && { epoch }) } }
  })
  const watched = announced.watch.slice(0, mostClaims).map((ip): WitnessQuestion => ({ ip, what: { kind: "watch" } }))
  return [...claims, ...watched, ...[...released].map((ip): WitnessQuestion => ({ ip, what: { kind: "release" } }))]
}

/** One at a time; while the store is away, only when the pause is over. */
function exchange(state: WitnessState, context: Self): WitnessState {
  if (state.underWay !== undefined || state.failuresInARow > 0) return { ...state, again: true }
  return begin(state, context)
}

function begin(state: WitnessState, context: Self): WitnessState {
  const { config, settings, announced } = state
  const number = state.exchanges + 1
  const questions = questionsOf(state)
  context.timers.set("due", settings.withinMs, { kind: "due" })
  const by = { node: config.nodeName, macs: announced.macs, ttlMs: settings.ttlMs }
  const say = (message: WitnessMessage) => context.send(context.self, message)
  config.store.exchange(by, questions).then(
    (answers) => say({ kind: "answered", exchange: number, answers }),
    (error: unknown) => say({ kind: "failed", exchange: number, why: error instanceof Error ? error.message : "" }),
  )
  return { ...state, exchanges: number, underWay: { exchange: number, questions }, again: false }
}

/** Either an exchange has taken too long, or it is time for the next one. */
function expired(state: WitnessState, context: Self): WitnessState {
  if (state.underWay === undefined) return begin(state, context)
  return failed(state, `no answer within ${state.settings.withinMs} ms`, context)
}

function answered(state: WitnessState, answers: readonly WitnessAnswer[], context: Self): WitnessState {
  const { underWay, settings, config } = state
  const epochs = new Map(state.epochs)
  const released = new Set(state.released)
  const claimed = new Set(state.announced.claim)
  const conflicts: WitnessConflict[] = []
  for (const [i, { ip, what }] of (underWay?.questions ?? []).entries()) {
    const answer = answers[i]
    if (answer === undefined) continue
    const { own } = answer
    // What has changed since it was asked is for the next exchange.
    if (what.kind === "release") released.delete(ip)
    if (what.kind === "claim" && own !== undefined) {
      if (claimed.has(ip)) epochs.set(ip, own.epoch)
      else released.add(ip)
    }
    const rival = what.kind === "release" ? undefined : rivalOf(answer)
    if (rival === undefined) continue
    const { node, macs, epoch } = rival
    conflicts.push({ ip, node, macs, epoch, ...(own !== undefined && { ownEpoch: own.epoch }) })
  }
  if (state.up === false) context.log.info("the witness answers again", { op: "witness", witness: config.store.where })
  const fresh = conflicts.filter(({ ip, ownEpoch }) => ownEpoch !== undefined && !isKnown(state.conflicts, ip))
  for (const { ip, node, macs, epoch, ownEpoch } of fresh) {
    context.log.error("brain split: another node announces an address of this node, by the witness", {
      event: "brainSplit",
      ip,
      node,
      macs,
      epoch,
      ownEpoch,
      ownMACs: state.announced.macs,
    })
  }
  context.timers.set("due", settings.everyMs, { kind: "due" })
  const counts = { ...state.counts, splits: state.counts.splits + fresh.length }
  const next = { ...state, epochs, released, conflicts, counts, underWay: undefined, failuresInARow: 0, up: true }
  const told = report(next, context)
  return state.again ? begin(told, context) : told
}

const isKnown = (conflicts: readonly WitnessConflict[], ip: string): boolean =>
  conflicts.some((conflict) => conflict.ip === ip && conflict.ownEpoch !== undefined)

/** Nothing is withdrawn for it; what was known of others holds until their claims would have ended. */
function failed(state: WitnessState, why: string, context: Self): WitnessState {
  const { settings, config } = state
  const failuresInARow = Math.min(30, state.failuresInARow + 1)
  const pauseMs = Math.min(settings.mostPauseMs, settings.everyMs * 2 ** (failuresInARow - 1))
  const jitter = 0.75 + context.world.random.u32() / 2 ** 32 / 2
  context.timers.set("due", pauseMs * jitter, { kind: "due" })
  if (state.up !== false) {
    const fields = { op: "witness", witness: config.store.where, error: why }
    context.log.warn("the witness does not answer; announcing goes on without it", fields)
  }
  const gone = failuresInARow * settings.everyMs >= settings.ttlMs
  const counts = { ...state.counts, failures: state.counts.failures + 1 }
  const conflicts = gone ? [] : state.conflicts
  return report({ ...state, underWay: undefined, failuresInARow, up: false, conflicts, counts }, context)
}

function report(state: WitnessState, context: Self): WitnessState {
  const { subscriber, announced, config, up, conflicts, epochs, counts, said } = state
  const now: WitnessReport = {
    kind: "witness-report",
    where: config.store.where,
    up,
    claims: epochs.size,
    unclaimed: Math.max(0, announced.claim.length - mostClaims),
    conflicts,
    counts,
  }
  if (subscriber === undefined || isDeepStrictEqual(now, said)) return state
  context.send(subscriber, now)
  return { ...state, said: now }
}
