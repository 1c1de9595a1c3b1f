import { describeDiagnostic, diagnostic } from "../../protocols/bfd/iana.ts"
import type { Remote, Session } from "../../protocols/bfd/session.ts"
import { detectionTimeUs, transmitIntervalUs } from "../../protocols/bfd/timing.ts"
import { noCounters } from "./counters.ts"
import {
  bfdKey,
  type BfdCounters,
  type BfdSessionReport,
  type DesiredBfdSession,
  type RemoteReport,
} from "./messages.ts"

export interface Told {
  readonly desired: DesiredBfdSession
  readonly session?: Session
  readonly sinceMs: number
  readonly lastDown?: { readonly atMs: number; readonly diagnostic: string }
  readonly counters: BfdCounters
  /** What keeps it from working at all. */
  readonly fault?: string
}

export function reportOf({ desired, session, sinceMs, lastDown, counters, fault }: Told): BfdSessionReport {
  const { profile: _, ...id } = desired
  const common = { ...id, key: bfdKey(desired), sinceMs, counters, ...(lastDown === undefined ? {} : { lastDown }) }
  if (session === undefined) {
    const why = fault ?? "not started"
    return { ...common, state: "down", diagnostic: why, localDiscriminator: 0, transmitIntervalMs: 0, echo: "off" }
  }
  const timeUs = detectionTimeUs(session)
  return {
    ...common,
    state: session.state,
    diagnostic: fault ?? explain(session),
    localDiscriminator: session.localDiscriminator,
    transmitIntervalMs: transmitIntervalUs(session) / 1000,
    ...(session.remote === undefined ? {} : { remote: remoteReport(session.remote) }),
    ...(timeUs === undefined ? {} : { detectionTimeMs: timeUs / 1000 }),
    echo: echoOf(session),
  }
}

/** Of a session that nobody runs. */
export const unstarted = (desired: DesiredBfdSession, sinceMs: number, fault: string): BfdSessionReport =>
  reportOf({ desired, sinceMs, counters: noCounters, fault })

const remoteReport = (remote: Remote): RemoteReport => ({
  discriminator: remote.discriminator,
  state: remote.state,
  diagnostic: describeDiagnostic(remote.diagnostic),
  detectMultiplier: remote.detectMultiplier,
  transmitInterval: remote.desiredMinTxUs / 1000,
  receiveInterval: remote.requiredMinRxUs / 1000,
  echoInterval: remote.requiredMinEchoRxUs / 1000,
})

function echoOf({ settings, echo }: Session): BfdSessionReport["echo"] {
  if (settings.echoIntervalUs === undefined) return "off"
  return echo.active ? "active" : "waiting"
}

/** Why it is in the state it is in, for people. */
export function explain({ state, diagnostic: code, remote, settings }: Session): string {
  if (state === "admin-down" || state === "up") return describeDiagnostic(code)
  if (remote?.state === "admin-down") return "the peer is administratively down"
  if (code === diagnostic.neighbourSignaledDown && remote !== undefined) {
    return `${describeDiagnostic(code)}, its diagnostic: ${describeDiagnostic(remote.diagnostic)}`
  }
  if (code !== diagnostic.none) return describeDiagnostic(code)
  if (remote !== undefined) return "the peer does not answer to what we send yet"
  return settings.passive ? "passive: waiting for the peer's first packet" : "no packet from the peer yet"
}

/** Nothing has changed that a subscriber must hear of at once. */
export function sameHeadline(a: Session | undefined, b: Session | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  return (
    a.state === b.state &&
    a.diagnostic === b.diagnostic &&
    a.transmitUs === b.transmitUs &&
    a.receiveUs === b.receiveUs &&
    a.echo.active === b.echo.active &&
    sameRemote(a.remote, b.remote)
  )
}

function sameRemote(a: Remote | undefined, b: Remote | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return (Object.keys(a) as (keyof Remote)[]).every((key) => a[key] === b[key])
}
