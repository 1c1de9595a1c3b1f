import { isDeepStrictEqual } from "node:util"
import type { NodeFacts, ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ApiMessage } from "../api.ts"
import { claimWhatIsHeld, forgetTaken, introduceOurselves, noteTaken } from "./claiming.ts"
import type { BgpReport } from "../session/messages.ts"
import { adopt, configure } from "./configuring.ts"
import { drainStatusOf } from "./drain-status.ts"
import { drainsDiffer } from "./drained.ts"
import { drain, drainDecided, leave } from "./draining.ts"
import { becomesDue, decided, evaluateDue, serviceStarted, surroundingsChanged } from "./deciding.ts"
import { electionOf } from "./electing.ts"
import { hear, type Membership, settle } from "./membership.ts"
import { bfdReported, foundRouters, tellWatched } from "./paths.ts"
import { report } from "./reporting.ts"
import { serviceActor } from "./service.ts"
import { sessionStatesSoon, tellSessionStates } from "./session-states.ts"
import { type AnnouncerConfig, type AnnouncerState, beginning, isWanted, type Message, wantedPaths } from "./state.ts"
import { compareTables } from "./contest.ts"
import { lookAtSplits, lookSoon, noteSplit, splitsOfService } from "./splitting.ts"
import { metricsOf, statusOf } from "./status.ts"
import { flush, flushSoon, lastTold, listenToLayer2, threadStarted } from "./telling.ts"
import { leaveByWitness, witnessReported } from "./witness-news.ts"
import { tellWitness } from "./witnessing.ts"
import { livenessOf, meet, recordHappening } from "./wire.ts"

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
    listenToLayer2(config, context)
    context.send(config.bgp, { kind: "subscribe", subscriber: context.self })
    if (config.witness !== undefined) context.send(config.witness.ref, { kind: "subscribe", subscriber: context.self })
    if (config.bfd !== undefined) context.send(config.bfd, { kind: "subscribe", subscriber: context.self })
    return beginning(config, context)
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
      return membershipChanged(state, hear(state.membership, message.members, state.speakerAddresses), context)
    case "settle":
      return membershipChanged(state, settle(state.membership), context)
    case "layer2-report": {
      const known = state.layer2
      state.layer2 = message
      forgetTaken(state, context.world.clock.monotonicMs())
      introduceOurselves(state, context)
      if (!isDeepStrictEqual(known?.wire, message.wire)) claimWhatIsHeld(state, context)
      tellWitness(state, context)
      if (!isDeepStrictEqual(known?.interfaces, message.interfaces)) surroundingsChanged(state, context)
      return
    }
    case "witness-report":
      return witnessReported(state, message, context)
    case "layer2-happened":
      recordHappening(state, message)
      noteSplit(state, message, context)
      compareTables(state, message, context)
      return noteTaken(state, message, context)
    case "leave-due":
      return leaveByWitness(state, context)
    case "splits-due":
      return lookAtSplits(state, context)
    case "claims-due":
      return claimWhatIsHeld(state, context)
    case "bgp-report":
      sessionsReported(state, message, context)
      return sessionStatesSoon(state, context)
    case "bfd-report":
      bfdReported(state, message, context)
      return sessionStatesSoon(state, context)
    case "thread-started":
      return threadStarted(state, message.thread, context)
    case "last-valid":
      if (state.snapshot === undefined) adopt(state, message.snapshot, context)
      return
    case "last-told":
      return lastTold(state, message, context)
    case "service-started":
      return serviceStarted(state, message.key, context)
    case "evaluate-due":
      return evaluateDue(state, context)
    case "decided":
      decided(state, message, context)
      return drainDecided(state, message.key, message.on.surroundings, context)
    case "flush":
      flush(state, context)
      if (state.refusedFor !== undefined) configure(state, context)
      return
    case "report":
      return report(state)
    case "session-states":
      return tellSessionStates(state)
    case "drain":
      return drain(state, message.drained, context)
    case "drain-status":
      return context.send(message.replyTo, drainStatusOf(state, context.world.clock.monotonicMs()))
    case "leave":
      return leave(state, message.replyTo, context)
    case "status":
      return context.send(message.replyTo, statusOf(state))
    case "metrics":
      return context.send(message.replyTo, metricsOf(state))
  }
}

function sessionsReported(
  state: AnnouncerState,
  { sessions, listeners, kernel }: BgpReport,
  context: Context<Message>,
): void {
  state.sessions = sessions
  state.bgp = { ...(listeners === undefined ? {} : { listeners }), ...(kernel === undefined ? {} : { kernel }) }
  const found = foundRouters(state.found, sessions)
  if (found === state.found) return
  state.found = found
  const watched = wantedPaths(state)
  if (watched !== undefined) tellWatched(state, watched, context)
}

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
  splitsOfService(state, key, service, context)
  becomesDue(state, key, context)
}

/** Kubernetes renews a Node all the time; three things of it matter here. */
function nodeChanged(
  state: AnnouncerState,
  name: string,
  node: NodeFacts | undefined,
  context: Context<Message>,
): void {
  const known = state.nodes.get(name)
  const same =
    known?.networkUnavailable === node?.networkUnavailable &&
    isDeepStrictEqual(known?.labels, node?.labels) &&
    isDeepStrictEqual(known?.taints, node?.taints)
  const nodes = new Map(state.nodes)
  if (node === undefined) nodes.delete(name)
  else nodes.set(name, node)
  state.nodes = nodes
  // What a node has said that is gone now is for others to end.
  if (node === undefined) lookSoon(state, context)
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
  if (!state.membership.settled) settleLater(state, context)
}

/** Before it knows its peers gossip cannot know who is alive. */
function settleLater({ speakerAddresses, config }: AnnouncerState, context: Context<Message>): void {
  if (speakerAddresses !== undefined) context.timers.set("settle", config.settleMs, { kind: "settle" })
}

/** Everything was told: what we know beyond it is gone. */
function synced(state: AnnouncerState, told: ApiMessage & { kind: "synced" }, context: Context<Message>): void {
  for (const [key, record] of state.records) if (!told.services.has(key)) record.service = undefined
  for (const key of state.endpoints.keys()) if (!state.endpointsTold.has(key)) state.endpoints.delete(key)
  state.nodes = new Map(state.nodes.entries().filter(([name]) => told.nodes.has(name)))
  // Nobody looks for speaker Pods here.
  if (state.speakerAddresses === undefined) speakersChanged(state, [], context)
  state.synced = true
  configure(state, context)
  surroundingsChanged(state, context)
}

function membershipChanged(state: AnnouncerState, membership: Membership, context: Context<Message>): void {
  const before = state.membership
  const livenessBefore = state.surroundings?.standings === true
  state.membership = membership
  introduceOurselves(state, context)
  if (membership.settled) context.timers.cancel("settle")
  else if (before.heard === undefined) settleLater(state, context)
  const met = meet(state)
  leaveByWitness(state, context)
  const liveness = livenessOf(state) === "on"
  const differ = !isDeepStrictEqual(before.speakers, membership.speakers) || drainsDiffer(state)
  if (differ || liveness !== livenessBefore) return surroundingsChanged(state, context)
  if (!met) return
  if (state.snapshot !== undefined) {
    const election = electionOf({ ...state, snapshot: state.snapshot })
    if (!isDeepStrictEqual(election, state.surroundings?.election)) return surroundingsChanged(state, context)
  }
  state.unflushed = true
  flushSoon(state, context)
}
