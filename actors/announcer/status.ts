import type { ServiceKey } from "../../config/facts.ts"
import type { WorkCounts } from "../../config/work-meter.ts"
import { type BgpDecision, describeBgp } from "./bgp-decision.ts"
import type { Layer2Decision } from "./layer2-decision.ts"
import { describeLayer2 } from "./layer2-reasons.ts"
import type { ServiceStatus, SpeakerMetrics, SpeakerStatus } from "./messages.ts"
import type { Decided } from "./service.ts"
import { describeService } from "./service-decision.ts"
import { type AnnouncerState, announcementsOf } from "./state.ts"
import { nodeFault } from "./surroundings.ts"
import { livenessOf } from "./wire.ts"
import type { Protocol } from "./transition.ts"
import type { Withdrawal } from "./withdrawal.ts"

export function statusOf(state: AnnouncerState): SpeakerStatus {
  const decided = state.records.values().flatMap((record) => (record.decided === undefined ? [] : [record.decided]))
  return {
    node: state.config.nodeName,
    synced: state.synced,
    ...faultOf(state),
    ...(state.connection === undefined ? {} : { connection: state.connection }),
    configuration: { loaded: state.snapshot !== undefined, stale: state.stale, faults: state.faults },
    gossip: gossipOf(state),
    interfaces: state.layer2?.interfaces ?? [],
    ...livenessStatus(state),
    ...policiesStatus(state),
    ...witnessStatus(state),
    sessions: state.sessions,
    ...state.bgp,
    bfd: state.bfd?.sessions ?? [],
    services: [...decided].sort((a, b) => (a.key < b.key ? -1 : 1)).map(serviceStatus),
  }
}

function faultOf({ surroundings, config }: AnnouncerState): Pick<SpeakerStatus, "fault"> {
  const fault = surroundings && nodeFault(surroundings, config.nodeName)
  return fault === undefined ? {} : { fault }
}

function livenessStatus(state: AnnouncerState): Pick<SpeakerStatus, "liveness"> {
  const liveness = livenessOf(state)
  if (liveness === undefined) return {}
  const { wire } = state.layer2 ?? {}
  const seen = wire === undefined ? {} : { wire }
  if (liveness === "on") return { liveness: { state: "on", ...seen } }
  return { liveness: { state: "off", reason: liveness.off, ...seen } }
}

function policiesStatus({ surroundings, claiming }: AnnouncerState): Pick<SpeakerStatus, "policies"> {
  const election = surroundings?.election
  if (election === undefined) return {}
  const claims = claiming?.claims.length ?? 0
  return { policies: { state: election.kind, ...(election.kind === "off" && { reason: election.why }), claims } }
}

function witnessStatus({ config, witness, left }: AnnouncerState): Pick<SpeakerStatus, "witness"> {
  if (config.witness === undefined || witness === undefined) return {}
  const { kind: _, ...report } = witness
  return { witness: { ...report, onSplit: config.witness.onSplit, left: [...left] } }
}

function gossipOf({ config, membership: { heard, speakers, settled } }: AnnouncerState): SpeakerStatus["gossip"] {
  if (config.gossip === undefined) return "off"
  if (heard === undefined && speakers === "unknown") return "unknown"
  return { members: heard ?? [], speakers: speakers === "unknown" ? [] : [...speakers].sort(), settled }
}

function serviceStatus({ key, announcement, verdict }: Decided): ServiceStatus {
  const { decision, because } = verdict
  const protocol = (name: Protocol) => ({ announced: announcement?.[name] !== undefined })
  const common = { key, reasons: because.map(describeService), verdict }
  if (decision.kind !== "considered") {
    const withheld = decision.kind === "stopped" ? { withheld: decision.reason } : {}
    const neither = { announced: false, ...withheld, reasons: [] }
    return { ...common, ips: [], bgp: neither, layer2: neither }
  }
  const { pool, ips, bgp, layer2 } = decision
  const election = layer2.because.find((reason) => reason.rule === "election")
  const leader = election?.candidates[0]?.node
  return {
    ...common,
    ips,
    pool,
    bgp: { ...protocol("bgp"), ...withheldBy(bgp.decision), reasons: bgp.because.map(describeBgp) },
    layer2: {
      ...protocol("layer2"),
      ...withheldBy(layer2.decision),
      reasons: layer2.because.map(describeLayer2),
      ...(layer2.decision.kind === "announce" ? { interfaces: layer2.decision.interfaces } : {}),
      ...(leader === undefined ? {} : { leader }),
    },
  }
}

const withheldBy = (decision: BgpDecision | Layer2Decision): { readonly withheld?: Withdrawal } =>
  decision.kind === "withhold" ? { withheld: decision.reason } : {}

/** Between a change of what all depend on and the next message, every Service waits. */
function decidingOf({ deciding, due, records }: AnnouncerState): WorkCounts {
  const counts = deciding.read()
  return due === "all" ? { ...counts, depth: records.size } : counts
}

export function metricsOf(state: AnnouncerState): SpeakerMetrics {
  const announced: { service: ServiceKey; protocol: Protocol; ip: string }[] = []
  for (const [service, announcement] of announcementsOf(state)) {
    for (const protocol of ["bgp", "layer2"] as const) {
      if (announcement[protocol] === undefined) continue
      for (const ip of announcement.ips) announced.push({ service, protocol, ip })
    }
  }
  const { requestsReceived = {}, responsesSent = {}, gratuitousSent = {}, dropped, wire } = state.layer2 ?? {}
  return {
    node: state.config.nodeName,
    announced,
    ...faultOf(state),
    handOvers: state.handOvers,
    layer2: {
      requestsReceived,
      responsesSent,
      gratuitousSent,
      ...(dropped === undefined ? {} : { dropped }),
      ...(wire === undefined ? {} : { wire }),
    },
    ...policiesStatus(state),
    ...witnessStatus(state),
    sessions: state.sessions,
    ...state.bgp,
    bfd: state.bfd?.sessions ?? [],
    updates: state.updates,
    updateErrors: state.updateErrors,
    configurationLoaded: state.snapshot !== undefined,
    configurationStale: state.stale,
    deciding: decidingOf(state),
    configuring: state.configuring.read(),
  }
}
