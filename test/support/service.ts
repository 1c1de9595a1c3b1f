import { wantFrom, withIntent } from "../../actors/allocator/intent.ts"
import type { ServiceOutcome } from "../../actors/allocator/outcome.ts"
import type { ServiceFacts } from "../../config/facts.ts"

/** A LoadBalancer Service as Kubernetes hands it over, single-stack IPv4 unless told otherwise. */
export function service(key: string, overrides: Partial<ServiceFacts> = {}): ServiceFacts {
  const [namespace = "", name = ""] = key.split("/")
  return {
    key,
    namespace,
    name,
    uid: `uid-of-${key}`,
    resourceVersion: "1",
    labels: {},
    annotations: {},
    type: "LoadBalancer",
    clusterIPs: ["10.96.0.1"],
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    selector: { app: name },
    ports: [{ protocol: "TCP", port: 80 }],
    ingress: [],
    ...overrides,
  }
}

export const dualStack = {
  clusterIPs: ["10.96.0.1", "fd00::1"],
  ipFamilies: ["IPv4", "IPv6"],
  ipFamilyPolicy: "PreferDualStack",
} as const

export const holding = (...addresses: string[]): Pick<ServiceFacts, "ingress"> => ({
  ingress: addresses.map((ip) => ({ ip })),
})

/** The Service as the next look finds it, once the decision is written. */
export function asWritten(facts: ServiceFacts, decision: ServiceOutcome): ServiceFacts {
  const want = wantFrom(facts, facts, decision, false)
  return want === undefined ? facts : withIntent(facts, { want })
}
