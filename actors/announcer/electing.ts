import { isDeepStrictEqual } from "node:util"
import { policiesVersion, type SpeakerMark } from "../../cluster/speaker-mark.ts"
import type { EndpointFacts, ServiceFacts } from "../../config/facts.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import { considered, localNodes, type Question, scoreOf, whyDropped, whyNever } from "./candidates.ts"
import { type ElectionFacts, factsFrom, policiesFor } from "./policies.ts"
import { selectsAny } from "./selects.ts"
import { serviceAddresses } from "./service-decision.ts"
import { noSpread, type Spread, type SpreadEntry, spreadOver } from "./spread.ts"
import type { AnnouncerState } from "./state.ts"
import type { Surroundings } from "./surroundings.ts"
import { livenessOf } from "./wire.ts"

/** The last layout, and what it was made of. */
export interface Spreading {
  readonly entries: readonly SpreadEntry[]
  readonly spread: Spread
}

export const nothingSpread: Spreading = { entries: [], spread: noSpread }

/**
 * What election policies are decided from. All living members must go by them: one that does not would choose otherwise.
 * Undefined: nobody asks for one.
 */
export function electionOf(
  state: Pick<AnnouncerState, "config" | "acquaintances" | "spreading"> & { readonly snapshot: Snapshot },
): ElectionFacts | undefined {
  if (!asksFor(state.snapshot, () => true)) return undefined
  const marks = new Map<string, SpeakerMark>()
  for (const { name, state: is, mark } of state.acquaintances.values()) {
    const lives = is === "alive" || is === "suspect"
    if (mark !== undefined) marks.set(name, mark)
    if (!lives || (mark !== undefined && mark.version >= policiesVersion)) continue
    const what = mark === undefined ? "is no speaker of ours, or does not listen on the wire" : "knows of none"
    return { kind: "off", why: `${name} ${what}` }
  }
  const liveness = livenessOf(state)
  if (liveness === "on") return factsFrom(marks, state.spreading.spread)
  return { kind: "off", why: `speakers do not hear each other on the wire: ${liveness?.off ?? "nobody listens"}` }
}

const asksFor = ({ pools }: Snapshot, which: (policy: string) => boolean): boolean =>
  pools.values().some(({ l2Advertisements }) => l2Advertisements.some(({ election }) => election?.some(which) === true))

/** Lays the addresses with the policy `spread` out anew if they or their nodes have changed. True: it came out otherwise. */
export function spreadAnew(state: AnnouncerState): boolean {
  const { surroundings } = state
  const election = surroundings?.election
  if (surroundings === undefined || election?.kind !== "on") return false
  const entries = asksFor(surroundings.snapshot, (policy) => policy === "spread") ? entriesOf(state, surroundings) : []
  if (isDeepStrictEqual(entries, state.spreading.entries)) return false
  const spread = spreadOver(entries)
  const same = isDeepStrictEqual(spread, state.spreading.spread)
  state.spreading = { entries, spread: same ? state.spreading.spread : spread }
  if (!same) state.surroundings = { ...surroundings, election: { ...election, spread } }
  return !same
}

/** In the order of the addresses; of several Services on one address the first speaks for all. */
function entriesOf({ records, endpoints }: AnnouncerState, surroundings: Surroundings): readonly SpreadEntry[] {
  const byIp = new Map<string, SpreadEntry>()
  for (const [key, { service }] of [...records].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const entry = service && spreadEntry(service, endpoints.get(key), surroundings)
    if (entry !== undefined && !byIp.has(entry.ip)) byIp.set(entry.ip, entry)
  }
  return [...byIp.values()].sort((a, b) => (a.ip < b.ip ? -1 : 1))
}

/** Endpoints that come and go move nothing, unless the Service needs one on the node itself. */
function spreadEntry(
  service: ServiceFacts,
  endpoints: EndpointFacts | undefined,
  surroundings: Surroundings,
): SpreadEntry | undefined {
  const { speakers } = surroundings
  const found = serviceAddresses(service, surroundings)
  if (found === undefined || speakers === "unknown") return undefined
  const { ips, pool } = found
  const advertisements = pool.l2Advertisements.filter(({ serviceSelectors }) =>
    selectsAny(serviceSelectors, service.labels),
  )
  const { policies } = policiesFor(advertisements, surroundings.election)
  if (policies?.spread !== true) return undefined
  const local = localNodes(service, endpoints)
  const question: Question = { ips, advertisements, local, policies, surroundings }
  const nodes = considered(surroundings, speakers)
  // Preferences come first: it is spread over those that are preferred alike.
  const preferred = (among: readonly string[]): readonly string[] => {
    const scores = among.map((node) => scoreOf(node, advertisements))
    const most = Math.max(...scores)
    return among.filter((_, i) => scores[i] === most)
  }
  return {
    ip: ips[0],
    fit: preferred(nodes.filter((node) => whyNever(node, question) === undefined)),
    able: preferred(nodes.filter((node) => whyDropped(node, question, speakers) === undefined)),
  }
}
