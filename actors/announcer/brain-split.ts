import type { WitnessConflict } from "../../cluster/witness/messages.ts"
import type { ServiceCondition } from "../../config/facts.ts"

/** Type of the condition on a Service of which two nodes were seen to have an address. */
export const brainSplit = "troupe.dev/BrainSplit"

/** So long after its last sign a split is over. What is contested is told once in ten seconds. */
export const healedAfterMs = 30_000
/** So long it is worth a write. After that it may be over, and another speaker may have said so. */
const freshMs = 12_000
const messageLimit = 4096

/** As this node sees it. */
export interface Split {
  readonly ip: string
  /** The other one. */
  readonly node: string
  readonly reason: "GossipSplit" | "BothAnnounce"
  readonly message: string
  /** Its last sign. */
  readonly seenMs: number
  /** This node has left the address to the other one, against gossip's word: it knows how long that lasts. */
  readonly yielded: boolean
}

interface OnWire {
  readonly ip: string
  readonly node: string
  readonly mac: string
  /** Ours, with its MAC. */
  readonly interface: string
  readonly ownMac: string
}

/** For the Event and for the condition. */
export const gossipSplit = (self: string, { ip, node, mac, interface: name, ownMac }: OnWire): string =>
  `brain split: gossip of node "${self}" (${ownMac}) calls "${node}" dead, which has ${ip} on ${name} with MAC ${mac}`

/** Likewise. */
export const bothAnnounce = (
  self: string,
  ownMacs: readonly string[],
  { ip, node, macs, epoch, ownEpoch }: WitnessConflict,
): string => {
  const [own, other] = [`node "${self}" (${ownMacs.join(", ")})`, `node "${node}" (${macs.join(", ")})`]
  return `brain split: ${own} and ${other} both announce ${ip}, by the witness; epochs ${ownEpoch} and ${epoch}`
}

/** Who has written such a sentence. */
const authorOf = (message: string): string | undefined =>
  /^brain split: (?:gossip of )?node "([^"]+)"/.exec(message)?.[1]

const names = (message: string, node: string): boolean => message.includes(`"${node}"`)

export interface Onlooker {
  readonly self: string
  readonly nowMs: number
  /** Since when it looks; what an earlier life saw may not have been seen again yet. */
  readonly sinceMs: number
  readonly isNode: (name: string) => boolean
}

/**
 * What is to be written of a Service, if anything. `splits`: of its addresses, those whose last sign is no older than
 * `healedAfterMs`. Two speakers see one split: who comes second leaves what stands there, unless it knows better how long
 * it lasts. What says that it is over is whoever said that there is one.
 */
export function conditionToWrite(
  present: ServiceCondition | undefined,
  splits: readonly Split[],
  by: Onlooker,
): ServiceCondition | undefined {
  const fresh = splits.filter(({ seenMs }) => by.nowMs - seenMs <= freshMs)
  if (fresh.length > 0) {
    if (fresh.some((split) => stands(present, split, by.self))) return undefined
    const [first] = fresh.toSorted(
      (a, b) => Number(b.yielded) - Number(a.yielded) || (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0),
    )
    if (first === undefined) return undefined
    return { status: "True", reason: first.reason, message: first.message.slice(0, messageLimit) }
  }
  if (splits.length > 0 || !isOursToEnd(present, by) || by.nowMs - by.sinceMs < healedAfterMs) return undefined
  const seconds = healedAfterMs / 1000
  return {
    status: "False",
    reason: "Healed",
    message: `node "${by.self}" has seen no other node with an address of this Service for ${seconds} s`,
  }
}

function stands(present: ServiceCondition | undefined, { node, yielded }: Split, self: string): boolean {
  if (present?.status !== "True" || !names(present.message, self) || !names(present.message, node)) return false
  // Who keeps the address in a split of gossip soon hears no more of it.
  return authorOf(present.message) === self || !yielded || present.reason !== "GossipSplit"
}

/** Said by this node, or of it by one that is gone from the cluster. */
export function isOursToEnd(
  present: ServiceCondition | undefined,
  { self, isNode }: Pick<Onlooker, "self" | "isNode">,
): boolean {
  if (present?.status !== "True") return false
  const author = authorOf(present.message)
  if (author === undefined) return false
  return author === self || (names(present.message, self) && !isNode(author))
}
