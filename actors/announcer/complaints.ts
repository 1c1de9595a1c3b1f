import { describeBgp } from "./bgp-decision.ts"
import { describeLayer2 } from "./layer2-reasons.ts"
import { describeService, type ServiceVerdict } from "./service-decision.ts"
import { describeNodeFault, isOurOwn, type NodeFault } from "./surroundings.ts"

/** A verdict that somebody has to do something about. The messages are those of MetalLB, which people search for. */
export interface Complaint {
  readonly level: "warn" | "error"
  readonly message: string
  readonly fields: Readonly<Record<string, string>>
}

export function complaintsOf({ decision, because }: ServiceVerdict): readonly Complaint[] {
  const complaints: Complaint[] = []
  const complain = (level: Complaint["level"], message: string, fields: Complaint["fields"]) =>
    void complaints.push({ level, message, fields })
  for (const reason of because) {
    if (reason.rule === "invalid-address") {
      complain("error", "invalid IP allocated by controller", { error: describeService(reason) })
    } else if (reason.rule === "address-not-allowed") {
      complain("error", "IP allocated by controller not allowed by config", { error: describeService(reason) })
    }
  }
  if (decision.kind !== "considered") return complaints
  for (const reason of decision.bgp.because) {
    if (reason.rule === "conflicting-local-pref") {
      complain("error", describeBgp(reason), { event: "skipping should announce bgp" })
      // A drain is meant: that the Service is withdrawn is said anyway.
    } else if (reason.rule === "node-fault" && !isOurOwn(reason.fault)) {
      const message = `speaker's node may not announce: ${describeNodeFault(reason.fault)}`
      complain("warn", message, { event: "skipping should announce bgp", reason: nodeFaultText[reason.fault] ?? "" })
    }
  }
  for (const reason of decision.layer2.because) {
    if (reason.rule === "shared-ip-with-service-selector") {
      complain("warn", describeLayer2(reason), {
        event: "skipping should announce l2",
        reason: "allow-shared-ip is incompatible with serviceSelectors on L2 advertisements",
      })
    }
  }
  return complaints
}

const nodeFaultText: Readonly<Partial<Record<NodeFault, string>>> = {
  "network-unavailable": "speaker's node has NodeNetworkUnavailable condition",
  "exclude-label": "speaker's node has labeled 'node.kubernetes.io/exclude-from-external-load-balancers'",
}
