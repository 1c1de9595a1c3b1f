import { ceaseSubcode, errorCode } from "../../protocols/bgp/iana.ts"
import { hardReset, notification } from "../../protocols/bgp/notification.ts"
import type { Event, Session } from "../../protocols/bgp/session.ts"
import type { PathReport } from "./messages.ts"

/**
 * What BFD's word means for the session (RFC 5882 §4.3). A session that is not up yet does not wait for BFD: the peer may
 * not run it.
 */
export function eventsOfPath(
  before: PathReport | undefined,
  now: PathReport,
  session: Session | undefined,
): readonly Event[] {
  if (before === undefined || session === undefined) return []
  if (now.losses > before.losses) return [lost(session)]
  if (!now.up || before.up) return []
  // A try that began while the path was gone may be waiting for long.
  if (session.state === "connect") return [{ kind: "tcp-closed", error: "tried before BFD was up" }, tryNow]
  return session.state === "idle" || session.state === "active" ? [tryNow] : []
}

const tryNow: Event = { kind: "retry-timer" }

/** RFC 9384 §3. Where the peer would keep our routes through a NOTIFICATION (RFC 8538), it is told not to: they lead nowhere. */
function lost({ negotiated }: Session): Event {
  const plain = notification(errorCode.cease, ceaseSubcode.bfdDown)
  const { code, subcode, data } = negotiated?.gracefulRestart?.notifications === true ? hardReset(plain) : plain
  return { kind: "fault", fault: { code, subcode, data, because: "BFD lost the path to the peer" } }
}
