import type { ServiceCondition, ServiceFacts } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import { parseIp } from "../../protocols/ip.ts"
import type { Verdict } from "../verdict.ts"
import { conditionDiffers, conditionFor } from "./condition.ts"
import type { Claim } from "./pool-book.ts"
import type { AllocationReason } from "./reasons.ts"
import { claimOf, deprecatedPrefix, poolAnnotation } from "./request.ts"

/** What should become of one Service. */
export interface ServiceOutcome extends Conclusion {
  /** Annotations that must change; undefined removes. */
  readonly annotations: Readonly<Record<string, string | undefined>>
  /** `troupe.dev/AddressAssigned` as it should be; undefined: there should be none. */
  readonly condition: ServiceCondition | undefined
  readonly events: readonly EventDraft[]
  /** Status, annotations or condition differ from the facts: worth a write, and worth its events. */
  readonly changed: boolean
}

export interface Conclusion {
  /** assigned: it has its addresses. waiting: it should have and has not. not-wanted: it is no LoadBalancer. */
  readonly state: "assigned" | "waiting" | "not-wanted"
  /** `status.loadBalancer.ingress` as it should be. */
  readonly ingress: readonly string[]
  /** The pool of these addresses. Absent beside addresses: nothing could be judged, all stays as it is. */
  readonly pool?: string
  /** An address or port that comes free may change this. */
  readonly hopeful: boolean
}

export interface EventDraft {
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
}

export type AllocationVerdict = Verdict<ServiceOutcome, AllocationReason>

/** What one decision works with, and what it has found so far. */
export interface Course {
  readonly service: ServiceFacts
  readonly claim: Claim
  readonly pools: ReadonlyMap<string, Pool>
  readonly because: AllocationReason[]
  readonly events: EventDraft[]
}

export const begin = (service: ServiceFacts, pools: ReadonlyMap<string, Pool>): Course => ({
  service,
  claim: claimOf(service),
  pools,
  because: [],
  events: [],
})

export function warn(course: Course, reason: string, message: string): void {
  course.events.push({ type: "Warning", reason, message })
}

export function note(course: Course, reason: string, message: string): void {
  course.events.push({ type: "Normal", reason, message })
}

/** The addresses in the status, canonical; what is no address prints as Go prints a missing one. */
export const presentAddresses = ({ ingress }: ServiceFacts): readonly string[] =>
  ingress.filter(({ ip }) => ip !== "").map(({ ip }) => parseIp(ip) ?? "<nil>")

/** Compares with the facts: addresses only, because the API server adds fields of its own to each entry. */
export function conclude({ service, pools, because, events }: Course, conclusion: Conclusion): AllocationVerdict {
  const { ingress, pool } = conclusion
  const untouched = pool === undefined && ingress.length > 0
  const present = presentAddresses(service)
  const moved = !untouched && (present.length !== ingress.length || present.some((ip, i) => ip !== ingress[i]))
  const annotations: Record<string, string | undefined> = {}
  if (!untouched && service.annotations[poolAnnotation] !== pool) annotations[poolAnnotation] = pool
  const condition = conditionFor(service, pools, because, conclusion)
  const changed =
    moved || Object.keys(annotations).length > 0 || conditionDiffers(service, condition, conclusion.hopeful)
  return {
    decision: {
      ...conclusion,
      annotations,
      condition,
      changed,
      events: [...events, ...deprecations(service, changed)],
    },
    because,
  }
}

/** Said only when there is something to write, so that it is not said on every look. */
const deprecations = ({ annotations }: ServiceFacts, changed: boolean): readonly EventDraft[] =>
  Object.keys(changed ? annotations : {})
    .filter((key) => key.startsWith(deprecatedPrefix))
    .map((key) => ({
      type: "Warning",
      reason: "deprecatedAnnotation",
      message: `Service uses deprecated annotation ${key}`,
    }))
