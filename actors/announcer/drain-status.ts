import { decideBgp } from "./bgp-decision.ts"
import type { DrainedService, DrainStatus } from "./drain-messages.ts"
import { drainingOf, isHandingOver } from "./drained.ts"
import { isServed } from "./layer2-decision.ts"
import { decideService, poolOf, type ServiceVerdict } from "./service-decision.ts"
import type { AnnouncerState, ServiceRecord } from "./state.ts"
import { isOurOwn, nodeFault, type Surroundings } from "./surroundings.ts"

/** Computed when asked: what is, and what a drain would do, by the same decisions. */
export function drainStatusOf(state: AnnouncerState, nowMs: number): DrainStatus {
  const { config, draining, surroundings, records, sessions } = state
  const node = config.nodeName
  const fault = surroundings && nodeFault(surroundings, node)
  const services =
    surroundings === undefined
      ? []
      : [...records.values()].flatMap((record) => statusesOf(state, record, surroundings, nowMs))
  const routes = Object.fromEntries(
    sessions.flatMap(({ name, prefixesSent }) => (prefixesSent > 0 ? [[name, prefixesSent]] : [])),
  )
  const isEmpty = !services.some(({ state }) => state === "announced" || state === "handing-over")
  return {
    node,
    command: draining.drained,
    ...(fault === undefined ? {} : { fault }),
    services: services.sort((a, b) => (`${a.service} ${a.protocol}` < `${b.service} ${b.protocol}` ? -1 : 1)),
    routes,
    done: isEmpty && draining.waitingFor === undefined && Object.keys(routes).length === 0,
  }
}

function statusesOf(
  state: AnnouncerState,
  record: ServiceRecord,
  surroundings: Surroundings,
  nowMs: number,
): DrainedService[] {
  const { decided, service } = record
  if (decided === undefined || service === undefined) return []
  const endpoints = state.endpoints.get(decided.key)
  const me = surroundings.nodeName
  // Who would not know of a drain is asked anew: while nobody is drained it plays no part in what was decided.
  const { drained: others = [], unaware } = drainingOf(state)
  const drained: Surroundings = {
    ...surroundings,
    drained: new Set([...others, me]),
    unaware: unaware ?? new Set(),
  }
  const then = decideService(service, endpoints, drained)
  const isHandedOver = (ip: string) => !isHandingOver(state, ip, nowMs)
  return [
    layer2Status(record, then, drained, new Set(state.table?.wire?.former?.map(({ ip }) => ip)), isHandedOver),
    bgpStatus(state, record, surroundings),
  ].filter((status) => status !== undefined)
}

function layer2Status(
  { decided }: ServiceRecord,
  { decision: then }: ServiceVerdict,
  { nodeName }: Surroundings,
  former: ReadonlySet<string>,
  isHandedOver: (ip: string) => boolean,
): DrainedService | undefined {
  const now = decided?.verdict.decision
  if (decided === undefined || now?.kind !== "considered" || then.kind !== "considered") return undefined
  const { ips } = now
  const isHere = decided.announcement?.layer2 !== undefined
  const isDone = ips.every(isHandedOver)
  const isDrained = nodeFault(decided.on.surroundings, nodeName) !== undefined
  const leader = then.layer2.because.find((reason) => reason.rule === "election")?.candidates[0]?.node
  const to = leader === nodeName ? undefined : leader
  const wasHere = ips.some((ip) => former.has(ip)) && (isDrained || !isDone)
  const nobody = to === undefined && !isHere && isServed(now.layer2, nodeName)
  if (!isHere && !wasHere && !nobody) return undefined
  const here = isDrained ? "stays" : "announced"
  const state = isHere ? here : nobody ? "nobody" : isDone ? "gone" : "handing-over"
  return { service: decided.key, protocol: "layer2", ips, state, ...(to && { to }), alone: to === undefined }
}

function bgpStatus(
  { endpoints }: AnnouncerState,
  { decided, service }: ServiceRecord,
  surroundings: Surroundings,
): DrainedService | undefined {
  const now = decided?.verdict.decision
  if (decided === undefined || service === undefined || now?.kind !== "considered") return undefined
  const isHere = decided.announcement?.bgp !== undefined
  const dropped = now.bgp.because.some((reason) => reason.rule === "node-fault" && isOurOwn(reason.fault))
  if (!isHere && !dropped) return undefined
  const pool = poolOf(now.ips, surroundings.snapshot)
  const { speakers, nodes, nodeName } = surroundings
  const others = [...(speakers === "off" || speakers === "unknown" ? nodes.keys() : speakers)]
  const alone = !others.some(
    (other) =>
      other !== nodeName &&
      pool !== undefined &&
      decideBgp(service, now.ips, pool, endpoints.get(decided.key), { ...surroundings, nodeName: other }).decision
        .kind === "announce",
  )
  const state = isHere ? "announced" : alone ? "nobody" : "gone"
  return { service: decided.key, protocol: "bgp", ips: now.ips, state, alone }
}
