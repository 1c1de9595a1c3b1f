import type { Member } from "../../cluster/messages.ts"

/**
 * Which speakers are alive, as far as elections rely on it. A gossip actor that has just begun knows itself alone; to
 * believe it would make this node the leader of everything. So what it says is held back until it has heard of every
 * speaker that we know of, or until a while has passed. What was relied on before stays in force meanwhile.
 */
export interface Membership {
  /** In force. */
  readonly speakers: ReadonlySet<string> | "unknown"
  /** The newest that gossip said, in force or not. Undefined: nothing since it began. */
  readonly heard?: readonly Member[]
  readonly settled: boolean
}

export const nothingHeard: Membership = { speakers: "unknown", settled: false }

/** Gossip began anew. */
export const unsettled = ({ speakers }: Membership): Membership => ({ speakers, settled: false })

/** `speakerAddresses`: of the Pods that should be members; undefined while the API server has not told them. */
export function hear(
  membership: Membership,
  heard: readonly Member[],
  speakerAddresses: readonly string[] | undefined,
): Membership {
  if (!membership.settled && !knowsAll(heard, membership.speakers, speakerAddresses)) return { ...membership, heard }
  return settle({ ...membership, heard })
}

/** Enough waiting: what was heard counts. */
export function settle({ speakers, heard }: Membership): Membership {
  if (heard === undefined) return { speakers, settled: false }
  return { speakers: alive(heard), heard, settled: true }
}

/** A suspect stays a candidate until it is declared dead, as in MetalLB: all speakers must agree on the candidates. */
const alive = (members: readonly Member[]): ReadonlySet<string> =>
  new Set(members.filter(({ state }) => state === "alive" || state === "suspect").map(({ name }) => name))

/** In whatever state: to know that one is dead is to know it. */
function knowsAll(
  heard: readonly Member[],
  before: Membership["speakers"],
  speakerAddresses: readonly string[] | undefined,
): boolean {
  if (speakerAddresses === undefined) return false
  const names = new Set(heard.map(({ name }) => name))
  const addresses = new Set(heard.map(({ address }) => address))
  return (
    speakerAddresses.every((address) => addresses.has(address)) &&
    (before === "unknown" || [...before].every((name) => names.has(name)))
  )
}
