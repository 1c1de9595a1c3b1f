import { isDeepStrictEqual } from "node:util"
import type { DesiredServiceConditions } from "../../config/cluster-api.ts"
import type { ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { Context } from "../../supervision/actor.ts"
import {
  bothAnnounce,
  brainSplit,
  conditionToWrite,
  gossipSplit,
  healedAfterMs,
  isOursToEnd,
  type Onlooker,
  type Split,
} from "./brain-split.ts"
import type { Layer2Happened } from "./layer2/messages.ts"
import type { AnnouncerState, Message } from "./state.ts"
import { addressesOf } from "./wire.ts"

type Conditions = DesiredServiceConditions["services"]

/** What this node knows of addresses that two nodes have, and what the API is to say of them. Changed in place. */
export interface Splitting {
  readonly sinceMs: number
  readonly splits: Map<string, Split>
  told: Conditions
  /** Services beyond the limit, at the last look. */
  waiting: number
  lookedMs: number
  /** Of the next look; undefined: there is nothing to look at. */
  dueMs: number | undefined
}

export const splittingSince = (nowMs: number): Splitting => ({
  sinceMs: nowMs,
  splits: new Map(),
  told: new Map(),
  waiting: 0,
  lookedMs: Number.NEGATIVE_INFINITY,
  dueMs: undefined,
})

/** A split of a thousand addresses is told of all at once. */
const soonMs = 50
const lookEveryMs = 5_000
const mostSplits = 4096
const mostServices = 100

const keyOf = ({ reason, ip, node }: Pick<Split, "reason" | "ip" | "node">): string => `${reason} ${ip} ${node}`

/** Any sign of a split on the wire; the first is the happening of that name. */
export function noteSplit(state: AnnouncerState, happened: Layer2Happened, context: Context<Message>): void {
  const { happening, interface: name, mac: ownMac } = happened
  const seenMs = context.world.clock.monotonicMs()
  const { splits } = state.splitting
  if (happening.what === "brain-split") {
    const { ip, node, mac } = happening
    const message = gossipSplit(state.config.nodeName, { ip, node, mac, interface: name, ownMac })
    see(state, { ip, node, reason: "GossipSplit", message, seenMs, yielded: false })
    return lookSoon(state, context)
  }
  if (happening.what !== "contested" && happening.what !== "yielded") return
  const node = happening.what === "contested" ? happening.by : happening.to
  const known = splits.get(keyOf({ reason: "GossipSplit", ip: happening.ip, node }))
  if (known !== undefined && isDead(state, node)) see(state, { ...known, seenMs })
}

function see({ splitting: { splits } }: AnnouncerState, split: Split): void {
  const key = keyOf(split)
  if (splits.has(key) || splits.size < mostSplits) splits.set(key, split)
}

const isDead = ({ acquaintances }: AnnouncerState, node: string): boolean =>
  acquaintances.get(node)?.state === "dead" || !acquaintances.has(node)

/** Something may be to be said of this Service: a split is known, or its condition says so. */
export function splitsOfService(
  state: AnnouncerState,
  key: ServiceKey,
  service: ServiceFacts | undefined,
  context: Context<Message>,
): void {
  const { splits, told } = state.splitting
  if (splits.size > 0 || told.has(key) || service?.conditions?.[brainSplit]?.status === "True") lookSoon(state, context)
}

export function lookSoon({ splitting }: AnnouncerState, context: Context<Message>): void {
  const nowMs = context.world.clock.monotonicMs()
  lookAt(splitting, Math.max(nowMs + soonMs, splitting.lookedMs + lookEveryMs), nowMs, context)
}

function lookAt(splitting: Splitting, dueMs: number, nowMs: number, context: Context<Message>): void {
  if (splitting.dueMs !== undefined && splitting.dueMs <= dueMs) return
  splitting.dueMs = dueMs
  context.timers.set("splits", dueMs - nowMs, { kind: "splits-due" })
}

export function lookAtSplits(state: AnnouncerState, context: Context<Message>): void {
  const { splitting, config } = state
  const nowMs = context.world.clock.monotonicMs()
  splitting.dueMs = undefined
  splitting.lookedMs = nowMs
  // Before everything was told we do not know which nodes and Services there are.
  if (!state.synced) return lookAt(splitting, nowMs + lookEveryMs, nowMs, context)
  renew(state, nowMs)
  const by: Onlooker = {
    self: config.nodeName,
    nowMs,
    sinceMs: splitting.sinceMs,
    isNode: (name) => state.nodes.has(name),
  }
  const { conditions, waiting, unfinished } = conditionsOf(state, by)
  if (waiting > 0 && splitting.waiting === 0)
    context.log.warn("brain split: more Services are concerned than are written at once", {
      event: "brainSplitConditions",
      written: conditions.size,
      waiting,
    })
  splitting.waiting = waiting
  if (!isDeepStrictEqual(conditions, splitting.told)) {
    splitting.told = conditions
    config.api.desiredServiceConditions({ type: brainSplit, services: conditions })
  }
  if (unfinished || splitting.splits.size > 0) lookAt(splitting, nowMs + lookEveryMs, nowMs, context)
}

/** What lasts is seen anew at each look; what was not seen for long is forgotten. */
function renew(state: AnnouncerState, nowMs: number): void {
  const { splitting, witness, layer2, config } = state
  for (const conflict of witness?.conflicts ?? []) {
    if (conflict.ownEpoch === undefined) continue
    const { ip, node } = conflict
    const message = bothAnnounce(config.nodeName, layer2?.macs ?? [], conflict)
    see(state, { ip, node, reason: "BothAnnounce", message, seenMs: nowMs, yielded: false })
  }
  const left = new Set(layer2?.wire?.yielded)
  for (const [key, split] of splitting.splits) {
    if (split.reason !== "GossipSplit") continue
    const yielded = left.has(split.ip) && isDead(state, split.node)
    splitting.splits.set(key, { ...split, yielded, ...(yielded && { seenMs: nowMs }) })
  }
  for (const [key, { seenMs }] of splitting.splits) {
    if (nowMs - seenMs >= healedAfterMs) splitting.splits.delete(key)
  }
}

function conditionsOf(state: AnnouncerState, by: Onlooker) {
  const conditions = new Map<ServiceKey, Conditions extends ReadonlyMap<string, infer Wish> ? Wish : never>()
  const splits = Map.groupBy(state.splitting.splits.values(), ({ ip }) => ip)
  const left = new Set<string>(state.layer2?.wire?.yielded)
  let waiting = 0
  let unfinished = false
  for (const [key, { service, decided }] of state.records) {
    const present = service?.conditions?.[brainSplit]
    if (service === undefined || (splits.size === 0 && present?.status !== "True")) continue
    const ips = decided === undefined ? [] : addressesOf(decided)
    unfinished ||= isOursToEnd(present, by)
    const own = ips.flatMap((ip) => splits.get(ip) ?? [])
    // An announcer before this one has seen it, and the thread goes by it still.
    if (own.length === 0 && ips.some((ip) => left.has(ip))) continue
    const condition = conditionToWrite(present, own, by)
    if (condition === undefined) continue
    if (conditions.size < mostServices) conditions.set(key, { uid: service.uid, condition })
    else waiting++
  }
  return { conditions, waiting, unfinished: unfinished || waiting > 0 }
}
