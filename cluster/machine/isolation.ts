import type { Suspect } from "../../protocols/memberlist/message.ts"
import { endpointOf, isMember } from "./state.ts"
import { sendWithGossip, setTimer, type Turn } from "./turn.ts"

/*
 * Who heard nobody for a while was cut off, and accused everybody. Back again it would spread that: memberlist does, and
 * takes addresses from the living. So what it was about to say of others it does not say, and whom it doubts gets the time
 * to speak that it could not be heard in. What it has come to believe while it was alone the others put right by themselves.
 */

/** Something that somebody else has sent. In a ring that works there is more than one in each interval. */
export function hearing(turn: Turn): void {
  const { draft, nowMs } = turn
  const silentMs = nowMs - draft.heardMs
  draft.heardMs = nowMs
  if (!Number.isFinite(silentMs) || silentMs <= silentIntervals * draft.settings.probeIntervalMs) return
  draft.queue = draft.queue.filter(({ accuses }) => !accuses)
  for (const [name, suspicion] of draft.suspicions) {
    const node = draft.nodes.get(name)
    if (node === undefined || !isMember(node)) continue
    const afterMs = Math.max(suspicion.minMs, suspicion.dueMs - nowMs)
    draft.suspicions.set(name, { ...suspicion, startedMs: nowMs, dueMs: nowMs + afterMs })
    setTimer(turn, `suspicion/${name}`, afterMs)
    const accused: Suspect = { kind: "suspect", node: name, from: draft.name, incarnation: node.incarnation }
    sendWithGossip(turn, endpointOf(node), accused)
  }
}

const silentIntervals = 3
