import { goesOn, gone, lingering } from "./hand-over.ts"
import { known } from "./remember.ts"
import type { Address, Answering, Desired, Member, Watched } from "./state.ts"
import { answeringChanged, heardLately, newAddress, setPeer, type Turn, writablePeers } from "./turn.ts"

const mostWitnesses = 3

/** What gossip says now. What the wire has said meanwhile stays in force where the two do not meet. */
export function desire(turn: Turn, desired: Desired, adopted: Answering | undefined): void {
  const { draft } = turn
  const others = known(turn, desired)
  forgetChanged(turn, others)
  draft.desired = desired
  draft.members = new Map(others.map((member) => [member.name, member]))
  draft.named = new Map(others.flatMap(({ name, macs }) => macs.map((mac) => [mac, name] as const)))
  draft.byAddress = new Map(others.map(({ name, address }) => [address, name]))
  draft.witnesses = witnessesOf(others, desired.self)
  const before = draft.addresses
  draft.addresses = new Map()
  turn.copied.addresses = true
  for (const watched of desired.addresses) {
    const was = before.get(watched.ip) ?? heldBefore(watched, adopted)
    draft.addresses.set(watched.ip, continued(turn, watched, was))
  }
  answeringChanged(turn)
}

/** By the machine before this one. */
function heldBefore(watched: Watched, adopted: Answering | undefined): Address | undefined {
  if (adopted?.lingering?.has(watched.ip) === true) return { ...newAddress(watched), role: "own", answering: true }
  if (adopted?.taken.has(watched.ip) !== true) return undefined
  return { ...newAddress(watched), role: "standby", answering: true, takenFrom: watched.before[0] }
}

/**
 * A member that is another machine now has to be met again. So has the port of one that gossip calls dead: what has come
 * between may refuse connections in its name.
 */
function forgetChanged(turn: Turn, others: readonly Member[]): void {
  const { draft } = turn
  const now = new Map(others.map((member) => [member.name, member]))
  for (const name of draft.peers.keys()) {
    const [was, is] = [draft.members.get(name), now.get(name)]
    if (is === undefined || is.address !== was?.address || is.port !== was.port) writablePeers(turn).delete(name)
    else if (is.state === "dead" && was.state === "alive")
      setPeer(turn, name, { portWorks: false, nextPortMs: turn.nowMs })
  }
}

/** Those that follow us by name, so that the questions spread over all. */
function witnessesOf(others: readonly Member[], self: string): readonly string[] {
  const names = others.filter(({ state }) => state === "alive").map(({ name }) => name)
  names.sort()
  const first = names.findIndex((name) => name > self)
  const from = first < 0 ? 0 : first
  return [...names.slice(from), ...names.slice(0, from)].slice(0, mostWitnesses)
}

function continued(turn: Turn, watched: Watched, was: Address | undefined): Address {
  const { liveness } = turn.draft.desired
  if (goesOn(watched, was)) return lingering(turn, watched, was)
  if (watched.role === "former") return gone(watched)
  const { rivals: _, ...rest } = was ?? newAddress(watched)
  const fresh = { ...rest, ...watched, lingerMs: undefined, successor: undefined }
  if (!liveness) {
    const nothing = { holder: undefined, takenFrom: undefined, yieldedMs: undefined, confirm: undefined }
    return { ...fresh, ...nothing, answering: watched.role === "own" && fresh.ceasedMs === undefined }
  }
  return watched.role === "own" ? leading(turn, fresh, was) : standingBy(turn, fresh, was)
}

function leading(turn: Turn, fresh: Address, was: Address | undefined): Address {
  const { before, rivals = [], ceasedMs } = fresh
  const leader = { ...fresh, takenFrom: stillAsked(turn, fresh, was), confirm: undefined }
  if (ceasedMs !== undefined) return leader
  const holder = was?.answering === true ? undefined : was?.holder
  // Gossip calls the one before us dead, and we hear it: the wire knows better.
  const isHeard =
    holder !== undefined &&
    (before.includes(holder) || (rivals.includes(holder) && fresh.yieldedMs !== undefined)) &&
    mayHold(turn, holder, fresh.yieldedMs !== undefined)
  if (isHeard) return { ...leader, answering: false, yieldedMs: fresh.yieldedMs ?? turn.nowMs }
  return {
    ...leader,
    answering: true,
    holder: undefined,
    unansweredMs: undefined,
    yieldedMs: undefined,
    splitTold: false,
  }
}

/**
 * By the policy `sticky` we lead now what we took, and whom we took it from may have missed it: behind a cut that is too
 * short for gossip to notice. It goes on for as long as gossip may need to mend that.
 */
function stillAsked({ draft, nowMs }: Turn, { before, takenFrom, takenMs }: Address, was: Address | undefined) {
  if (was?.answering !== true || takenFrom === undefined || before.includes(takenFrom)) return undefined
  return nowMs - takenMs < draft.settings.askBackMs ? takenFrom : undefined
}

/**
 * Who said good-bye answers to the end only for the sake of those who have not heard of us yet, unless it has claimed the
 * address since: then it has begun again, and gossip has yet to find out. One that we watch already may pause, as any leader: that we are told everything once more is no reason to take what it has.
 */
function mayHold(turn: Turn, holder: string, isWatched: boolean): boolean {
  const { draft, nowMs } = turn
  if (draft.members.get(holder)?.state === "left" && !isWatched) return false
  const { heardMs = Number.NEGATIVE_INFINITY } = draft.peers.get(holder) ?? {}
  return heardLately(turn, holder) || (isWatched && nowMs - heardMs <= draft.settings.silentMs)
}

function standingBy(turn: Turn, fresh: Address, was: Address | undefined): Address {
  const { members } = turn.draft
  const state = (name: string | undefined) => (name === undefined ? undefined : members.get(name)?.state)
  const taken = was?.role === "standby" && was.answering
  const holds = fresh.holder !== undefined && (state(fresh.holder) === "alive" || heardLately(turn, fresh.holder))
  const holder = taken ? undefined : holds ? fresh.holder : expected(turn, fresh)
  return {
    ...fresh,
    answering: taken,
    takenFrom: taken ? fresh.takenFrom : undefined,
    holder,
    unansweredMs: holder === was?.holder ? fresh.unansweredMs : undefined,
    yieldedMs: undefined,
    splitTold: false,
    confirm: was?.role === "standby" ? fresh.confirm : undefined,
    ceasedMs: undefined,
  }
}

/** Who has it if all is as gossip says. */
export const expected = ({ draft }: Turn, { before }: Watched): string | undefined =>
  before.find((name) => draft.members.get(name)?.state === "alive")
