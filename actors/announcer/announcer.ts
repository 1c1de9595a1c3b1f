import { isDeepStrictEqual } from "node:util"
import type { NodeFacts, ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ApiMessage } from "../api.ts"
import { decideConfiguration, describeFault } from "./configuration.ts"
import { hear, type Membership, settle, unsettled } from "./membership.ts"
import type { AnnouncerCommand } from "./messages.ts"
import { type Decided, serviceActor } from "./service.ts"
import {
  type AnnouncerConfig,
  type AnnouncerState,
  announcementsOf,
  beginning,
  isWanted,
  surroundingsOf,
  wantedPeers,
  wantedTable,
} from "./state.ts"
import { metricsOf, statusOf } from "./status.ts"

type Message = AnnouncerCommand | Decided | Own
/** To itself. */
type Own =
  | { readonly kind: "service-started"; readonly key: ServiceKey }
  | { readonly kind: "evaluate-due" }
  | { readonly kind: "flush" }
  | { readonly kind: "settle" }

/**
 *     API actor ── facts ──►┌───────────┐── evaluate ──►┌─────────┐ one per Service,
 *     gossip ── members ───►│ announcer │◄── decided ───│ service │ below this actor
 *     threads ── reports ──►└───────────┘               └─────────┘
 *                            │  whole table ──► layer 2 thread
 *                            └─ whole set ────► BGP thread
 *
 * Facts change what is due; what is due is evaluated, and what was decided is told to the threads, each by a message to
 * itself: so that whatever waits in the mailbox is taken together, and everything happens in one turn. A thread is told
 * only when the whole differs from what it was told before.
 */
export const announcerActor: Actor<AnnouncerConfig, AnnouncerState, Message> = {
  kind: "announcer",
  supervision: {
    strategy: "one_for_one",
    // A Service whose actor dies again and again must not take the others' announcements with it.
    intensity: { restarts: Number.POSITIVE_INFINITY, withinMs: 5_000 },
    backoff: { minMs: 10, maxMs: 5_000, jitter: 0.2 },
  },
  start(config, context) {
    if (config.gossip !== undefined) context.send(config.gossip, { kind: "subscribe", subscriber: context.self })
    context.send(config.layer2, { kind: "subscribe", subscriber: context.self })
    context.send(config.bgp, { kind: "subscribe", subscriber: context.self })
    return beginning(config)
  },
  receive(state, message, context) {
    handle(state, message, context)
    return state
  },
}

function handle(state: AnnouncerState, message: Message, context: Context<Message>): void {
  switch (message.kind) {
    case "service":
      state.updates++
      return serviceChanged(state, message.key, message.service, context)
    case "endpoints":
      state.updates++
      state.endpointsTold.add(message.key)
      if (message.endpoints.endpoints.length === 0) state.endpoints.delete(message.key)
      else state.endpoints.set(message.key, message.endpoints)
      return becomesDue(state, message.key, context)
    case "node":
      state.updates++
      return nodeChanged(state, message.name, message.node, context)
    case "configuration":
      state.updates++
      state.facts = message.facts
      if (state.synced) configure(state, context)
      return
    case "speaker-pods":
      return speakersChanged(
        state,
        message.pods.map(({ podIP }) => podIP),
        context,
      )
    case "synced":
      return synced(state, message, context)
    case "connection":
      state.connection = { connected: message.connected, reason: message.reason }
      return
    case "api-gone":
      state.endpointsTold = new Set()
      return
    case "members":
      return membershipChanged(state, hear(state.membership, message.members, state.speakerAddresses ?? []), context)
    case "settle":
      return membershipChanged(state, settle(state.membership), context)
    case "layer2-report": {
      const known = state.layer2?.interfaces
      state.layer2 = message
      if (!isDeepStrictEqual(known, message.interfaces)) surroundingsChanged(state, context)
      return
    }
    case "bgp-report":
      state.sessions = message.sessions
      return
    case "thread-started":
      return threadStarted(state, message.thread, context)
    case "last-valid":
      if (state.snapshot === undefined) adopt(state, message.snapshot, context)
      return
    case "service-started":
      return serviceStarted(state, message.key, context)
    case "evaluate-due":
      return evaluateDue(state, context)
    case "decided":
      return decided(state, message, context)
    case "flush":
      return flush(state, context)
    case "status":
      return context.send(message.replyTo, statusOf(state))
    case "metrics":
      return context.send(message.replyTo, metricsOf(state))
  }
}

// --- facts ---

function serviceChanged(
  state: AnnouncerState,
  key: ServiceKey,
  service: ServiceFacts | undefined,
  context: Context<Message>,
): void {
  const record = state.records.get(key)
  if (record !== undefined) record.service = service
  else if (isWanted(service, state.config)) {
    const actor = context.spawn({
      id: key.replace("/", "~"),
      actor: serviceActor,
      config: { key, api: state.config.api, announcer: context.self },
      started: () => ({ kind: "service-started", key }),
    })
    state.records.set(key, { service, actor, starts: 0, decided: undefined })
    state.undecided.add(key)
  }
  becomesDue(state, key, context)
}

/** Kubernetes renews a Node all the time; two things of it matter here. */
function nodeChanged(
  state: AnnouncerState,
  name: string,
  node: NodeFacts | undefined,
  context: Context<Message>,
): void {
  const known = state.nodes.get(name)
  const same = known?.networkUnavailable === node?.networkUnavailable && isDeepStrictEqual(known?.labels, node?.labels)
  const nodes = new Map(state.nodes)
  if (node === undefined) nodes.delete(name)
  else nodes.set(name, node)
  state.nodes = nodes
  if (!same) surroundingsChanged(state, context)
}

function speakersChanged(state: AnnouncerState, podIPs: readonly string[], context: Context<Message>): void {
  const addresses = [...new Set(podIPs)].filter((address) => address !== "").sort()
  if (isDeepStrictEqual(addresses, state.speakerAddresses)) return
  state.speakerAddresses = addresses
  const { gossip } = state.config
  if (gossip !== undefined) context.send(gossip, { kind: "peers", addresses })
  const { membership } = state
  if (membership.heard === undefined) return
  membershipChanged(state, hear(membership, membership.heard, addresses), context)
}

/** Everything was told: what we know beyond it is gone. */
function synced(state: AnnouncerState, told: ApiMessage & { kind: "synced" }, context: Context<Message>): void {
  for (const [key, record] of state.records) if (!told.services.has(key)) record.service = undefined
  for (const key of state.endpoints.keys()) if (!state.endpointsTold.has(key)) state.endpoints.delete(key)
  state.nodes = new Map(state.nodes.entries().filter(([name]) => told.nodes.has(name)))
  state.synced = true
  configure(state, context)
  surroundingsChanged(state, context)
}

function membershipChanged(state: AnnouncerState, membership: Membership, context: Context<Message>): void {
  const before = state.membership
  state.membership = membership
  if (membership.settled) context.timers.cancel("settle")
  else if (before.heard === undefined) context.timers.set("settle", state.config.settleMs, { kind: "settle" })
  if (!isDeepStrictEqual(before.speakers, membership.speakers)) surroundingsChanged(state, context)
}

// --- configuration ---

function configure(state: AnnouncerState, context: Context<Message>): void {
  if (state.facts === undefined) return
  const { log } = context
  const verdict = decideConfiguration(state.facts, state.config.nodeName, state.snapshot, announcementsOf(state))
  const refusedBefore = state.refusedFor
  state.refusedFor = undefined
  state.faults = []
  state.stale = verdict.kind === "invalid" || verdict.kind === "refused"
  switch (verdict.kind) {
    case "accepted":
      log.info("config reloaded", { event: "config reloaded" })
      context.send(state.config.keeper, { kind: "accepted", snapshot: verdict.snapshot })
      return adopt(state, verdict.snapshot, context)
    case "unchanged":
      return log.debug("configuration did not change, ignoring")
    case "invalid":
      state.updateErrors++
      state.faults = verdict.faults.map(describeFault)
      return log.error("failed to parse the configuration", { error: state.faults[0], faults: state.faults })
    case "refused": {
      const error = "service has no configuration under new config"
      state.refusedFor = verdict.service
      state.faults = [`${verdict.service}: ${error}`]
      if (refusedBefore === verdict.service) return
      state.updateErrors++
      return log.error("new configuration rejected", { op: "setConfig", service: verdict.service, error })
    }
  }
}

function adopt(state: AnnouncerState, snapshot: Snapshot, context: Context<Message>): void {
  state.snapshot = snapshot
  surroundingsChanged(state, context)
}

// --- decisions ---

function surroundingsChanged(state: AnnouncerState, context: Context<Message>): void {
  state.surroundings = surroundingsOf(state)
  becomesDue(state, undefined, context)
}

/** One Service, or all of them. */
function becomesDue(state: AnnouncerState, key: ServiceKey | undefined, context: Context<Message>): void {
  if (key === undefined) state.unflushed = true
  if (!state.synced || state.surroundings === undefined) return
  if (state.due === undefined) context.send(context.self, { kind: "evaluate-due" })
  if (key === undefined || state.due === "all") state.due = "all"
  else state.due = (state.due ?? new Set()).add(key)
}

function evaluateDue(state: AnnouncerState, context: Context<Message>): void {
  const keys = state.due === "all" ? state.records.keys() : (state.due ?? [])
  let asked = 0
  for (const key of keys) if (evaluate(state, key, context)) asked++
  state.due = undefined
  // Otherwise the first decision flushes, behind all others that are already on their way.
  if (asked === 0) flushSoon(state, context)
}

/** An actor that has not started yet is asked when it has. */
function evaluate(state: AnnouncerState, key: ServiceKey, context: Context<Message>): boolean {
  const record = state.records.get(key)
  const { surroundings } = state
  if (record === undefined || record.starts === 0 || !state.synced || surroundings === undefined) return false
  context.send(record.actor, {
    kind: "evaluate",
    service: record.service,
    endpoints: state.endpoints.get(key),
    surroundings,
    announcement: record.decided?.announcement,
  })
  return true
}

/** An actor that has died so often without a decision does not hold up the others any longer. */
const startsWaitedFor = 3

function serviceStarted(state: AnnouncerState, key: ServiceKey, context: Context<Message>): void {
  const record = state.records.get(key)
  if (record === undefined) return
  record.starts++
  evaluate(state, key, context)
  if (record.starts > startsWaitedFor && state.undecided.delete(key)) flushSoon(state, context)
}

function decided(state: AnnouncerState, message: Decided, context: Context<Message>): void {
  const { key, announcement, on } = message
  const record = state.records.get(key)
  if (record === undefined) return
  // The same announcement is the same object.
  if (announcement !== record.decided?.announcement) state.unflushed = true
  record.decided = message
  state.undecided.delete(key)
  const { config } = state
  if (announcement === undefined && !isWanted(on.service, config) && !isWanted(record.service, config)) {
    state.records.delete(key)
    context.stop(record.actor)
  }
  flushSoon(state, context)
}

// --- the threads ---

function flushSoon(state: AnnouncerState, context: Context<Message>): void {
  if (state.flushing || !state.unflushed || state.undecided.size > 0) return
  state.flushing = true
  context.send(context.self, { kind: "flush" })
}

function flush(state: AnnouncerState, context: Context<Message>): void {
  state.flushing = false
  if (state.undecided.size > 0) return
  const table = wantedTable(state)
  if (table !== undefined && !isDeepStrictEqual(table, state.table)) {
    state.table = table
    context.send(state.config.layer2, { kind: "table", entries: table })
  }
  const peers = wantedPeers(state)
  state.unflushed = table === undefined || peers === undefined
  if (peers !== undefined && !isDeepStrictEqual(peers, state.peers)) {
    state.peers = peers
    context.send(state.config.bgp, { kind: "peers", peers })
  }
  if (state.refusedFor !== undefined) configure(state, context)
}

function threadStarted(state: AnnouncerState, thread: "gossip" | "layer2" | "bgp", context: Context<Message>): void {
  const { gossip, layer2, bgp } = state.config
  switch (thread) {
    case "gossip":
      if (gossip === undefined) return
      state.membership = unsettled(state.membership)
      context.send(gossip, { kind: "subscribe", subscriber: context.self })
      if (state.speakerAddresses !== undefined) {
        context.send(gossip, { kind: "peers", addresses: state.speakerAddresses })
      }
      return
    case "layer2":
      context.send(layer2, { kind: "subscribe", subscriber: context.self })
      if (state.table !== undefined) context.send(layer2, { kind: "table", entries: state.table })
      return
    case "bgp":
      context.send(bgp, { kind: "subscribe", subscriber: context.self })
      if (state.peers !== undefined) context.send(bgp, { kind: "peers", peers: state.peers })
  }
}
