import { isDeepStrictEqual } from "node:util"
import { drainVersion } from "../../cluster/speaker-mark.ts"
import type { ServiceKey } from "../../config/facts.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { Prepared } from "./drain-messages.ts"
import type { AnnouncerState } from "./state.ts"
import { isEmptied, type Surroundings } from "./surroundings.ts"
import type { Table } from "./wire.ts"

/** Drained by command, or about to end. */
export interface Draining {
  /** By `troupe drain`. */
  drained: boolean
  /** Gossip was told so: not before the layer 2 thread was told what to hand over, for the answer comes by the wire. */
  marked: boolean
  leaving: boolean
  /** Services that have to be decided before the others may know; undefined: they do. */
  waitingFor: Set<ServiceKey> | undefined
  /** Who is told when this node is ready to be left. */
  replyTo: ActorRef<Prepared> | undefined
  /** Addresses that the layer 2 thread was told to hand over and has not said anything of, by when. */
  readonly handingOver: Map<string, number>
}

export const notDraining = (): Draining => ({
  drained: false,
  marked: false,
  leaving: false,
  waitingFor: undefined,
  replyTo: undefined,
  handingOver: new Map(),
})

/** The thread gives up after two seconds; it may have died meanwhile, and then it says nothing. */
const handOverWithinMs = 3000

/** Before the thread is told that table. */
export function noteHandOvers({ table, draining }: AnnouncerState, next: Table, nowMs: number): void {
  const { handingOver } = draining
  for (const { ip } of next.entries) handingOver.delete(ip)
  const answered = new Set(table?.entries.map(({ ip }) => ip))
  for (const { ip } of next.wire?.former ?? []) if (answered.has(ip)) handingOver.set(ip, nowMs)
}

export const isHandingOver = ({ draining, layer2 }: AnnouncerState, ip: string, nowMs: number): boolean =>
  nowMs - (draining.handingOver.get(ip) ?? Number.NEGATIVE_INFINITY) < handOverWithinMs ||
  layer2?.wire?.lingering?.includes(ip) === true

/** Who is drained by its own word, and who of the living would not know. */
export function drainingOf({
  config: { nodeName },
  acquaintances,
  draining: { drained: own, leaving },
}: Pick<AnnouncerState, "config" | "acquaintances" | "draining">): Pick<
  Surroundings,
  "drained" | "unaware" | "leaving"
> {
  const drained = new Set<string>(own ? [nodeName] : [])
  const unaware = new Set<string>()
  for (const { name, state, mark } of acquaintances.values()) {
    if (name === nodeName || (state !== "alive" && state !== "suspect")) continue
    if (mark?.drained === true) drained.add(name)
    if (mark === undefined || mark.version < drainVersion) unaware.add(name)
  }
  return {
    ...(drained.size === 0 ? {} : { drained }),
    ...(unaware.size === 0 ? {} : { unaware }),
    ...(leaving ? { leaving } : {}),
  }
}

/** True: others than those that the decisions were made with. */
export function drainsDiffer(state: AnnouncerState): boolean {
  const { drained, unaware } = drainingOf(state)
  const known = state.surroundings
  // Whether somebody would not know matters only when there is something to know.
  const matters = drained !== undefined || known?.drained !== undefined || state.nodes.values().some(isEmptied)
  return !isDeepStrictEqual(drained, known?.drained) || (matters && !isDeepStrictEqual(unaware, known?.unaware))
}
