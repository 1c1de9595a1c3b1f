import type { Rejected } from "../../protocols/bgp/rib-in.ts"
import { describeNotification } from "../../protocols/bgp/notification.ts"
import { capabilityCodeOf, describeCapability } from "../../protocols/bgp/capability-text.ts"
import type { Open } from "../../protocols/bgp/open.ts"
import { keepaliveSecondsOf, type Session } from "../../protocols/bgp/session.ts"
import type { Why } from "../../protocols/bgp/why.ts"
import type { Announcing } from "./announcing.ts"
import type { Counters } from "./counters.ts"
import { type Importing, importReport } from "./importing.ts"
import type { Endpoint } from "../../supervision/world.ts"
import type {
  CapabilityReport,
  DesiredPeer,
  LastNotification,
  SessionReport,
  SessionSettings,
  TransportReport,
} from "./messages.ts"
import { countFor } from "./routes.ts"

interface Told {
  readonly name: string
  readonly desired: DesiredPeer
  readonly session?: Session
  readonly sinceMs: number
  readonly lastError?: string
  readonly announcing?: Announcing
  readonly updatesSent: number
  readonly counters: Counters
  readonly lastNotification?: LastNotification
  readonly ups: number
  readonly downs: number
  readonly opens: Opens
  readonly importing?: Importing
  readonly rejected: Rejected
  /** Of the connection that counts. */
  readonly local?: Endpoint | undefined
  readonly remote?: Endpoint | undefined
}

/** What the OPENs of the present or the last connection said, in words once and for all. */
export type Opens = Pick<SessionReport, "offered" | "received">

/** How a session stands, for everyone else. Holds no password. */
export function reportOf({ name, desired, announcing, session, counters, ...told }: Told): SessionReport {
  return {
    name,
    address: desired.session.address,
    port: desired.session.port,
    myASN: desired.session.myASN,
    peerASN: desired.session.peerASN,
    state: session?.state ?? "idle",
    sinceMs: told.sinceMs,
    ...(told.lastError === undefined ? {} : { lastError: told.lastError }),
    // While nothing is said yet, repeats are not looked for.
    prefixesWanted: announcing?.wanted ?? countFor(desired.session, desired.routes),
    prefixesSent: announcing?.sent.size ?? 0,
    updatesSent: told.updatesSent,
    messages: { sent: counters.sent.counts, received: counters.received.counts },
    ups: told.ups,
    downs: told.downs,
    ...told.opens,
    ...agreedIn(session),
    transport: transportOf(desired.session, told.local, told.remote),
    ...importedIn(desired.session, told.importing, told.rejected),
    ...(told.lastNotification === undefined ? {} : { lastNotification: told.lastNotification }),
  }
}

function importedIn(
  { import: settings }: SessionSettings,
  importing: Importing | undefined,
  rejected: Rejected,
): Pick<SessionReport, "imported"> {
  return settings === undefined ? {} : { imported: importReport(settings, importing, rejected) }
}

/** An OPEN has room for two thousand of them; what anybody sends is less than twenty. */
const mostCapabilities = 64

export const capabilitiesIn = ({ capabilities }: Open): readonly CapabilityReport[] =>
  capabilities.slice(0, mostCapabilities).map((one) => ({ code: capabilityCodeOf(one), text: describeCapability(one) }))

function transportOf(
  settings: SessionSettings,
  local: Endpoint | undefined,
  remote: Endpoint = settings,
): TransportReport {
  const { password, authentication, ttlSecurityHops, interface: device, vrf } = settings
  return {
    ...(local === undefined ? {} : { local: { address: local.address, port: local.port } }),
    remote: { address: remote.address, port: remote.port },
    authentication: authentication !== undefined ? "ao" : password === undefined ? "none" : "md5",
    ...(ttlSecurityHops === undefined ? {} : { ttlSecurityHops }),
    ...(device === undefined ? {} : { interface: device }),
    ...(vrf === undefined ? {} : { vrf }),
  }
}

function agreedIn(session: Session | undefined): Pick<SessionReport, "agreed"> {
  if (session?.state !== "established" || session.negotiated === undefined) return {}
  const { peerASN, peerIdentifier, holdSeconds, families, fourOctet, ...rest } = session.negotiated
  const { extendedMessage, extendedNextHop, routeRefresh, gracefulRestart } = rest
  return {
    agreed: {
      peerASN,
      peerRouterId: peerIdentifier,
      holdSeconds,
      keepaliveSeconds: keepaliveSecondsOf(session),
      families,
      fourOctetAs: fourOctet,
      extendedMessage,
      extendedNextHop,
      routeRefresh,
      gracefulRestart: gracefulRestart !== undefined,
      ...(gracefulRestart === undefined ? {} : { restart: gracefulRestart }),
    },
  }
}

/** The NOTIFICATION behind a change of state, if there was one. */
export function notificationIn(why: Why | undefined, atMs: number): Pick<SessionReport, "lastNotification"> {
  if (why === undefined || !("notification" in why)) return {}
  const { code, subcode } = why.notification
  const direction = why.kind === "notification-received" ? "received" : "sent"
  return { lastNotification: { direction, code, subcode, text: describeNotification(why.notification), atMs } }
}
