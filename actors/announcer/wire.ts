import { isDeepStrictEqual } from "node:util"
import type { Member as WireMember } from "../../cluster/liveness/state.ts"
import type { Member } from "../../cluster/messages.ts"
import type { SpeakerMark } from "../../cluster/speaker-mark.ts"
import type { ServiceKey } from "../../config/facts.ts"
import { type Ip, parseIp } from "../../protocols/ip.ts"
import { describeHappening } from "./happening.ts"
import { layer2Standby, layer2Table, type Standings } from "./desired.ts"
import type { Layer2Entry, Layer2Former, Layer2Happened, Layer2Wire } from "./layer2/messages.ts"
import type { Standing } from "./layer2-decision.ts"
import { type Decided, successorOf } from "./service.ts"
import type { AnnouncerState } from "./state.ts"
import { nodeFault } from "./surroundings.ts"
import { withoutLeft } from "./left.ts"
import type { Announcement } from "./transition.ts"

/** What the layer 2 thread is told. */
export interface Table {
  readonly entries: readonly Layer2Entry[]
  readonly wire?: Layer2Wire
}

export function tableOf(state: AnnouncerState, announcements: ReadonlyMap<ServiceKey, Announcement>): Table {
  const { config, acquaintances } = state
  const standings = standingsOf(state)
  const entries = layer2Table(withoutLeft(announcements, state.left), standings)
  if (config.wire === undefined) return { entries }
  const former = formerOf(state, entries)
  if (config.gossip === undefined) return former.length === 0 ? { entries } : { entries, wire: alone(state, former) }
  const wire: Layer2Wire = {
    self: config.nodeName,
    liveness: livenessOf(state) === "on",
    strangers: config.wire.strangers,
    members: [...acquaintances.values()].filter(({ name }) => name !== config.nodeName).flatMap(onWire),
    standby: layer2Standby(standings, entries, (name) => mayAnswer(acquaintances.get(name)), takenIn(state)),
    ...(former.length === 0 ? {} : { former }),
    gossip: config.gossip,
  }
  return { entries, wire }
}

/** What this node answers for in the place of others, as far as the thread has said. */
export const takenIn = ({ taken, layer2 }: AnnouncerState): ReadonlySet<string> =>
  new Set<string>([...taken.keys(), ...(layer2?.wire?.taken ?? [])])

const alone = ({ config }: AnnouncerState, former: readonly Layer2Former[]): Layer2Wire => ({
  self: config.nodeName,
  liveness: false,
  strangers: "defend",
  members: [],
  standby: [],
  former,
})

/**
 * What the thread was told to answer for, and another node leads now: it goes on until that one is heard. What nobody
 * leads, or this node cannot serve any more, is let go of at once.
 */
function formerOf(
  { table, records, config }: AnnouncerState,
  entries: readonly Layer2Entry[],
): readonly Layer2Former[] {
  const before = [...(table?.entries ?? []), ...(table?.wire?.former ?? [])]
  if (before.length === 0) return []
  const kept = new Set(entries.map(({ ip }) => ip))
  const followed = new Set<string>()
  for (const { decided } of records.values()) {
    if (decided === undefined || successorOf(decided, config.nodeName) === undefined) continue
    for (const ip of addressesOf(decided)) followed.add(ip)
  }
  return before
    .filter(({ ip }) => !kept.has(ip) && followed.has(ip))
    .sort((a, b) => (a.ip < b.ip ? -1 : 1))
    .map(({ ip, interfaces }) => ({ ip, interfaces }))
}

function standingsOf({ records }: AnnouncerState): Standings {
  const standings = new Map<string, Standing>()
  const inOrder = [...records].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [, { decided }] of inOrder) {
    const { standing } = decided ?? {}
    for (const ip of standing?.ips ?? []) if (standing !== undefined && !standings.has(ip)) standings.set(ip, standing)
  }
  return standings
}

/** A suspect is alive, as in elections. */
const stateOf = (member: Member | undefined): WireMember["state"] =>
  member?.state === "left" ? "left" : member?.state === "alive" || member?.state === "suspect" ? "alive" : "dead"

/** It says itself that none of its interfaces can announce now. */
const isUnheard = (member: Member | undefined): boolean => member?.mark?.macs.length === 0

const mayAnswer = (member: Member | undefined): boolean => stateOf(member) === "alive" && !isUnheard(member)

function onWire(member: Member): WireMember[] {
  const address = parseIp(member.address)
  if (address === undefined) return []
  const { name, port, mark } = member
  const unheard = isUnheard(member) ? { unheard: true as const } : {}
  return [{ name, address, port, macs: mark?.macs ?? [], ...unheard, state: stateOf(member) }]
}

/**
 * Whether this node and the others rely on hearing each other. All must: a speaker that does not know of it would go on
 * answering for what another has taken. Undefined: nobody looks at the wire.
 */
export function livenessOf({
  config,
  acquaintances,
}: Pick<AnnouncerState, "config" | "acquaintances">): "on" | { readonly off: string } | undefined {
  if (config.wire === undefined) return undefined
  if (config.gossip === undefined) return { off: "there is no gossip" }
  if (!config.wire.liveness) return { off: "it is switched off" }
  if (acquaintances.size === 0) return { off: "gossip has just begun" }
  const takesPart = ({ mark }: Member) => mark !== undefined && mark.deaf !== true
  const other = acquaintances.values().find((member) => stateOf(member) === "alive" && !takesPart(member))
  return other === undefined ? "on" : { off: `${other.name} takes no part in it` }
}

/** Takes note of who is there; what a member said of itself is kept when it is dead. True: something is new. */
export function meet(state: AnnouncerState): boolean {
  const { membership, acquaintances, nodes } = state
  const { heard, settled } = membership
  if (heard === undefined || !settled) return false
  const next = new Map<string, Member>()
  const names = new Set(heard.map(({ name }) => name))
  for (const [name, member] of acquaintances) {
    if (!names.has(name) && nodes.has(name)) next.set(name, { ...member, state: "dead" })
  }
  for (const member of heard) {
    const mark = markOf(member, acquaintances.get(member.name)?.mark)
    next.set(member.name, mark === undefined ? member : { ...member, mark })
  }
  for (const member of neverHeard(state)) if (!next.has(member.name)) next.set(member.name, member)
  state.acquaintances = new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1)))
  return !isDeepStrictEqual(acquaintances, state.acquaintances)
}

/**
 * Nodes that have a speaker which gossip has never told us of, by the Kubernetes API. They may be in a ring of their own, as
 * after a restart behind a partition or with another key: on the wire they must not be taken for strangers.
 */
function neverHeard({ nodes, speakerAddresses = [], membership, config }: AnnouncerState): readonly Member[] {
  const speakers = new Set(speakerAddresses)
  const port = membership.heard?.find(({ name }) => name === config.nodeName)?.port
  if (port === undefined) return []
  return [...nodes.values()].flatMap(({ name, internalIPs }): Member[] => {
    const address = internalIPs.find((ip) => speakers.has(ip))
    return address === undefined ? [] : [{ name, address, port, state: "dead" }]
  })
}

/** What it has not said again since it began anew, or is dead, is still what it said before. */
function markOf(member: Member, before: SpeakerMark | undefined): SpeakerMark | undefined {
  const { mark } = member
  if (mark === undefined) return stateOf(member) === "alive" ? undefined : before
  const subnets = mark.subnets ?? before?.subnets
  const claims = mark.claims ?? before?.claims
  return { ...mark, ...(subnets !== undefined && { subnets }), ...(claims !== undefined && { claims }) }
}

/** For people, on each Service that has the address. */
export function recordHappening(state: AnnouncerState, happened: Layer2Happened): void {
  const { config, records, surroundings } = state
  if (happened.happening.what === "handed-over") {
    const { heard, unheard } = state.handOvers
    state.draining.handingOver.delete(happened.happening.ip)
    const wasHeard = happened.happening.mac !== undefined
    state.handOvers = wasHeard ? { heard: heard + 1, unheard } : { heard, unheard: unheard + 1 }
  }
  const told = describeHappening(happened, config.nodeName, surroundings && nodeFault(surroundings, config.nodeName))
  if (told === undefined) return
  for (const [key, { service, decided }] of records) {
    const ips: readonly string[] = decided === undefined ? [] : addressesOf(decided)
    if (service === undefined || !ips.includes(told.ip)) continue
    const { type, reason, message } = told
    const about = { key, uid: service.uid, component: "metallb-speaker", gatherOn: config.nodeName }
    config.api.recordEvent({ ...about, type, reason, message })
  }
}

export function addressesOf({ announcement, standing, verdict: { decision } }: Decided): readonly Ip[] {
  if (announcement !== undefined) return announcement.ips
  if (standing !== undefined) return standing.ips
  return decision.kind === "considered" ? decision.ips : []
}
