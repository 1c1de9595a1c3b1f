import { ipToNumber } from "../ip.ts"
import type { Session, State } from "./session.ts"

/** Two sessions with one peer: what is to become of them. */
export type Collision = "both" | "first" | "second"

const unconnected: ReadonlySet<State> = new Set(["idle", "active"])

/**
 * RFC 4271 §6.8, for a first session and a `second` one that the peer has opened. Which one stays is decided when both
 * sides have accepted each other's OPEN on both of them: the one that was opened by the side with the higher BGP
 * identifier, or where they are equal the higher AS number (RFC 6286 §2.3). One that is established stays; one that gets
 * nowhere makes room. `firstByPeer`: the peer has opened that one too, and so given it up.
 */
export function collide(first: Session, second: Session, firstByPeer: boolean): Collision {
  if (first.state === "established") return "first"
  if (unconnected.has(first.state) || firstByPeer || second.state === "established") return "second"
  if (second.state !== "open-confirm" || first.state === "open-sent") return "both"
  if (first.state === "connect") return "second"
  return ours(second) ? "first" : "second"
}

function ours({ identifier, negotiated, config }: Session): boolean {
  if (identifier === undefined || negotiated === undefined) return false
  const { peerIdentifier, peerASN } = negotiated
  if (identifier === peerIdentifier) return config.myASN > peerASN
  return ipToNumber(identifier) > ipToNumber(peerIdentifier)
}
