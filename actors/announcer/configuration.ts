import { isDeepStrictEqual } from "node:util"
import type { ConfigurationCondition } from "../../config/cluster-api.ts"
import { compile } from "../../config/compile.ts"
import type { ConfigurationFacts, ServiceKey } from "../../config/facts.ts"
import type { ConfigurationFault } from "../../config/fault.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import { poolOf } from "./service-decision.ts"
import type { Announcement } from "./transition.ts"

export type ConfigurationVerdict =
  | { readonly kind: "accepted"; readonly snapshot: Snapshot }
  | { readonly kind: "unchanged" }
  | { readonly kind: "invalid"; readonly faults: readonly ConfigurationFault[] }
  /** Valid, but an announced Service would be without a pool: to be tried again when the announcements change. */
  | { readonly kind: "refused"; readonly service: ServiceKey }

/** Whether these resources come into force on this node. In every other case the configuration before them stays. */
export function decideConfiguration(
  facts: ConfigurationFacts,
  nodeName: string,
  inForce: Snapshot | undefined,
  announcements: ReadonlyMap<ServiceKey, Announcement>,
): ConfigurationVerdict {
  const compiled = compile(facts, { nodeName })
  if (!compiled.ok) return { kind: "invalid", faults: compiled.error }
  const snapshot = compiled.value
  if (inForce !== undefined && isDeepStrictEqual(inForce, snapshot)) return { kind: "unchanged" }
  for (const [service, { ips }] of announcements) {
    if (poolOf(ips, snapshot) === undefined) return { kind: "refused", service }
  }
  return { kind: "accepted", snapshot }
}

/** For the ConfigurationState. What is held back for a Service is no less in vain than what is not valid. */
export function conditionOf(verdict: ConfigurationVerdict): ConfigurationCondition {
  const texts =
    verdict.kind === "invalid"
      ? verdict.faults.map(({ text }) => text)
      : verdict.kind === "refused"
        ? [describeRefusal(verdict.service)]
        : undefined
  if (texts === undefined) return { status: "True", reason: "Reconciled", message: "" }
  return { status: "False", reason: "ConfigurationError", message: `configuration error: ${texts.join("\n")}` }
}

export const refusal = "service has no configuration under new config"

export const describeRefusal = (service: ServiceKey): string => `${service}: ${refusal}`

export const describeFault = ({ object, field, text }: ConfigurationFault): string =>
  `${object.kind} ${object.name}${field === undefined ? "" : `, ${field}`}: ${text}`
