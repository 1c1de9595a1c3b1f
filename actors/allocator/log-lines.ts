import type { Log } from "../../supervision/actor.ts"
import { type AllocationReason, describeRefusal } from "./reasons.ts"
import type { EventDraft } from "./outcome.ts"

export interface LogLine {
  readonly level: keyof Log
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** What MetalLB's controller logs of each step, with its keys and words: people search for them. */
export function logLinesOf(because: readonly AllocationReason[], events: readonly EventDraft[]): readonly LogLine[] {
  return [...because.flatMap(linesOf), ...events.flatMap(deprecation)]
}

const clearing = (level: keyof Log, message: string, fields: LogLine["fields"]): LogLine => ({
  level,
  message,
  fields: { event: "clearAssignment", ...fields },
})
const growing: LogLine = {
  level: "info",
  message: "familyPolicy is PreferDualStack, trying to assign additional ip",
  fields: { event: "tryAssignAdditionalIP" },
}

function linesOf(reason: AllocationReason): readonly LogLine[] {
  switch (reason.kind) {
    case "not-a-load-balancer":
      return [clearing("debug", "not a LoadBalancer", { reason: "notLoadBalancer" })]
    case "no-pools":
      return [clearing("debug", "pools are empty", { reason: "noConfig" })]
    case "no-cluster-ips":
      return [clearing("info", "No ClusterIPs", { reason: "noClusterIPs" })]
    case "dual-stack-needs-two-cluster-ips": {
      const text = "requires dual stack but clusterips are not dual stack"
      return [clearing("error", text, { reason: text, clusterips: reason.clusterIPs })]
    }
    case "current-family-unknown":
      return [clearing("error", "Failed to retrieve lbIPs family", { reason: "nolbIPsIPFamily" })]
    case "service-family-unknown":
      return [clearing("error", "Failed to retrieve clusterIPs family", { reason: "noclusterIPsIPFamily" })]
    case "not-kept":
      return [
        clearing("info", "current IP not allowed by config, clearing", {
          error: describeRefusal(reason.refusal),
          ip: reason.addresses,
        }),
      ]
    case "other-pool-requested": {
      const message = "user requested a different pool than the one currently assigned"
      return [clearing("info", message, { reason: "differentPoolRequested", pool: reason.pool })]
    }
    case "other-addresses-requested": {
      const message = "user requested a different IP than the one currently assigned"
      return [clearing("info", message, { reason: "differentIPRequested", ip: reason.addresses })]
    }
    case "request-invalid": {
      const fields = { event: "loadbalancerIP", error: describeRefusal(reason.fault) }
      return [{ level: "error", message: "invalid requested loadbalancer IPs", fields }]
    }
    case "assigned": {
      const { addresses, pool } = reason
      if (reason.how !== "added-family")
        return [allocated("IP address assigned by controller", { ip: addresses, pool })]
      return [growing, allocated("Additional IP address assigned by controller", { ip: addresses.at(-1), pool })]
    }
    case "family-not-added":
      return [growing]
    case "not-assigned": {
      const fields = { op: "allocateIPs", error: describeRefusal(reason.refusal) }
      return [{ level: "error", message: "IP allocation failed", fields }]
    }
    case "family-changed":
    case "kept":
    case "pool-passed-over":
      return []
    default:
      return reason satisfies never
  }
}

const allocated = (message: string, fields: LogLine["fields"]): LogLine => ({
  level: "info",
  message,
  fields: { event: "ipAllocated", ...fields },
})

/** The warning goes with the Event of that reason. */
function deprecation({ reason, message }: EventDraft): readonly LogLine[] {
  if (reason !== "deprecatedAnnotation") return []
  const fields = { event: reason, annotation: message.split(" ").at(-1) }
  const text = "The used annotation is deprecated. Support might get removed in future versions"
  return [{ level: "warn", message: text, fields }]
}
