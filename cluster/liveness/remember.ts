import type { Desired, Member } from "./state.ts"
import { count, type Turn } from "./turn.ts"

/*
 * What this segment knows of a member outlives what it is told. Gossip forgets the dead, an announcer that has just begun
 * knows nodes and not their MACs, and a node that was deleted may go on announcing because it hears nobody: whoever is heard
 * keeps its name, and is no stranger. Its place before us is not kept: who is a candidate is for Kubernetes to say.
 */

/** Those heard last; it would take a split with as many deleted nodes to reach it. */
const mostRemembered = 64

/** All that are known here. */
export function known(turn: Turn, { self, members, liveness }: Desired): readonly Member[] {
  const { draft } = turn
  const told = members
    .filter(({ name }) => name !== self)
    .map((member) => withMacs(member, draft.members.get(member.name)))
  if (!liveness) return told
  // One that has the MAC or the address of a forgotten one may be the same machine by another name.
  const taken = new Set([self, ...told.flatMap(({ name, address, macs }) => [name, address, ...macs])])
  const forgotten = [...draft.members.values()]
    .filter(({ name, state }) => state !== "left" && silenceMs(turn, name) <= draft.settings.rememberMs)
    .filter(({ name, address, macs }) => ![name, address, ...macs].some((each) => taken.has(each)))
    .sort((a, b) => silenceMs(turn, a.name) - silenceMs(turn, b.name))
    .slice(0, mostRemembered)
    .map(({ name, address, port, macs }): Member => ({ name, address, port, macs, state: "dead" }))
  const before = new Set(draft.desired.members.map(({ name }) => name))
  for (const { name } of forgotten) if (before.has(name)) count(turn, "remembered")
  return [...told, ...forgotten]
}

/** Nobody says by which MACs it announces: by those that it named before, if it is where it was. */
function withMacs(member: Member, was: Member | undefined): Member {
  const isSame = was !== undefined && was.address === member.address && was.port === member.port
  return isSame && member.macs.length === 0 && member.unheard !== true ? { ...member, macs: was.macs } : member
}

/** Since its speaker was heard here. */
const silenceMs = ({ draft, nowMs }: Turn, name: string): number =>
  nowMs - (draft.peers.get(name)?.heardMs ?? Number.NEGATIVE_INFINITY)
