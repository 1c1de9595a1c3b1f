import { ipToBytes } from "../../protocols/ip.ts"
import type { IndirectPing, Ping } from "../../protocols/memberlist/message.ts"
import { type Effect, type Event, endpointOf, machineLimits, type Node } from "./state.ts"
import { nextSeqNo, pickRandom, sendWithGossip, setTimer, source, type Turn } from "./turn.ts"

type EventOf<Kind extends Event["kind"]> = Extract<Event, { readonly kind: Kind }>
type Target = Pick<Node, "addr" | "port">

/**
 * Whether a node answers now, asked by somebody who has reason to doubt it: the direct ping and those through others
 * leave together, since there is no time to try one after the other. It changes nothing in the ring. One that has been dead
 * for so long that the ring has forgotten it is asked all the same by whoever knows where it was: nobody needs to know a
 * node to ping it.
 */
export function verify(turn: Turn, { id, node: name, at, timeoutMs }: EventOf<"verify">): void {
  const { draft } = turn
  const target: Target | undefined = draft.nodes.get(name) ?? (at && { addr: ipToBytes(at.address), port: at.port })
  if (!target || name === draft.name || draft.verifications.size >= machineLimits.verifications)
    return say(turn, id, "unknown")
  const seqNo = nextSeqNo(turn)
  draft.verifications.set(seqNo, id)
  const ping: Ping = { kind: "ping", node: name, seqNo, ...source(turn) }
  sendWithGossip(turn, endpointOf(target), ping)
  const relays = [...draft.nodes.values()].filter(
    (node) => node.state === "alive" && node.name !== draft.name && node.name !== name,
  )
  const { addr, port } = target
  const indirect: IndirectPing = {
    kind: "indirect-ping",
    seqNo,
    target: addr,
    port,
    node: name,
    nack: false,
    ...source(turn),
  }
  for (const relay of pickRandom(relays, draft.settings.indirectChecks, turn.random))
    sendWithGossip(turn, endpointOf(relay), indirect)
  setTimer(turn, `verify/${seqNo}`, timeoutMs)
}

/** True when the number was one of ours. */
export function verified(turn: Turn, seqNo: number): boolean {
  const id = turn.draft.verifications.get(seqNo)
  if (id === undefined) return false
  turn.draft.verifications.delete(seqNo)
  turn.effects.push({ kind: "cancel-timer", timer: `verify/${seqNo}` })
  say(turn, id, "alive")
  return true
}

export function verifyTimer(turn: Turn, seqNo: number): void {
  const id = turn.draft.verifications.get(seqNo)
  if (id === undefined) return
  turn.draft.verifications.delete(seqNo)
  say(turn, id, "silent")
}

function say(turn: Turn, id: string, outcome: Extract<Effect, { kind: "verified" }>["outcome"]): void {
  turn.effects.push({ kind: "verified", id, outcome })
}
