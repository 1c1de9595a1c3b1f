import type { Effect } from "../../protocols/bgp/session.ts"
import type { Refusal } from "../../protocols/bgp/rib-out.ts"
import { describeNotification } from "../../protocols/bgp/notification.ts"
import { describeWhy } from "../../protocols/bgp/why.ts"
import type { Log } from "../../supervision/actor.ts"
import type { DesiredPeer } from "./messages.ts"

/** The lines operators of MetalLB search for, with its keys. */
const keys = ({ session }: DesiredPeer): Record<string, unknown> => ({
  peer: session.address,
  localASN: session.myASN,
  peerASN: session.peerASN,
})

export function logChange(log: Log, peer: DesiredPeer, change: Extract<Effect, { kind: "state-changed" }>): void {
  const { from, to, why } = change
  if (to === "established") return log.info("BGP session established", { event: "sessionUp", ...keys(peer) })
  if (why === undefined) return
  if (why.kind === "notification-received") {
    const error = describeNotification(why.notification)
    log.error("peer sent notification, closing session", { event: "peerNotification", ...keys(peer), error })
  }
  const error = describeWhy(why)
  if (from === "established") log.warn("BGP session down", { event: "sessionDown", ...keys(peer), error })
  else if (why.kind !== "stopped") log.error("failed to connect to peer", { op: "connect", ...keys(peer), error })
}

/** Routes were still to be written when the session ended; they go out with the next one. */
export const logUnsent = (log: Log, peer: DesiredPeer, error: string): void =>
  log.error("failed to send BGP update", { op: "sendUpdate", ...keys(peer), error })

/** More than these are only counted. */
const refusalsLogged = 10

export function logRefused(log: Log, peer: DesiredPeer, before: readonly Refusal[], now: readonly Refusal[]): void {
  const known = new Set(before.map(({ prefix, because }) => `${prefix} ${because}`))
  const fresh = now.filter(({ prefix, because }) => !known.has(`${prefix} ${because}`))
  for (const { prefix, because } of fresh.slice(0, refusalsLogged)) {
    log.error("failed to send BGP update", { op: "sendUpdate", ...keys(peer), prefix, error: because })
  }
  if (fresh.length > refusalsLogged) {
    const error = `${fresh.length - refusalsLogged} more prefixes cannot be announced`
    log.error("failed to send BGP update", { op: "sendUpdate", ...keys(peer), error })
  }
}

/** In the words of FRR's maximum-prefix. */
export const logSurplus = (log: Log, peer: DesiredPeer, maximum: number): void =>
  log.warn("BGP peer announces more routes than are imported", { op: "import", ...keys(peer), maximum })
