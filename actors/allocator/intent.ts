import type { ServiceFacts } from "../../config/facts.ts"
import { addressAssigned, conditionDiffers } from "./condition.ts"
import { poolAnnotation } from "./request.ts"
import type { ServiceOutcome } from "./outcome.ts"
import type { Want } from "./messages.ts"

/** A write that was decided and is not visible in the facts yet. Until it is, it is what the Service has. */
export interface Intent {
  readonly uid: string
  readonly want: Want
  /** The API server has taken it; only the watch lags behind. */
  readonly written: boolean
  /** Resource versions of facts older than the intent. */
  readonly basedOn: readonly string[]
  /** What the status may be until it is visible: that which it was decided on, and those of writes on their way before. */
  readonly baseIngresses: readonly (readonly string[])[]
}

export const ingressOf = ({ ingress }: ServiceFacts): readonly string[] =>
  ingress.map(({ ip }) => ip).filter((ip) => ip !== "")

const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((ip, i) => ip === b[i])

/**
 * Whether the facts are older than the intent. Facts with another resource version are younger than a write that
 * succeeded; while it has not, it is still on its way as long as the status is one that was there before it: somebody
 * changed something else.
 */
export function isOutstanding(intent: Intent, facts: ServiceFacts): boolean {
  if (intent.uid !== facts.uid) return false
  if (intent.basedOn.includes(facts.resourceVersion)) return true
  return !intent.written && intent.baseIngresses.some((base) => same(ingressOf(facts), base))
}

/** The facts as they will be. */
export function withIntent(facts: ServiceFacts, { want }: Pick<Intent, "want">): ServiceFacts {
  const { conditions: present, ...others } = facts
  const annotations = Object.entries({ ...facts.annotations, ...want.annotations })
  const conditions = Object.entries({ ...present, ...want.conditions })
  const kept = conditions.flatMap(([k, v]) => (v === undefined ? [] : [[k, v] as const]))
  return {
    ...others,
    ...(kept.length > 0 && { conditions: Object.fromEntries(kept) }),
    ingress: want.ingress.map((ip) => ({ ip })),
    annotations: Object.fromEntries(annotations.flatMap(([k, v]) => (v === undefined ? [] : [[k, v]]))),
  }
}

/** The facts were read before the intent reached the API server: they cannot tell what is there now. */
export const isStale = (intent: Intent | undefined, facts: ServiceFacts): boolean =>
  intent?.basedOn.includes(facts.resourceVersion) === true

/** What must be written so that the facts become what was decided on `seen`; undefined when they are that already. */
export function wantFrom(
  facts: ServiceFacts,
  seen: ServiceFacts,
  outcome: ServiceOutcome,
  stale: boolean,
): Want | undefined {
  const decided = Object.hasOwn(outcome.annotations, poolAnnotation)
  const pool = decided ? outcome.annotations[poolAnnotation] : seen.annotations[poolAnnotation]
  const { ingress, condition, hopeful } = outcome
  const unchanged =
    pool === facts.annotations[poolAnnotation] &&
    same(ingressOf(facts), ingress) &&
    !conditionDiffers(facts, condition, hopeful)
  if (unchanged && !stale) return undefined
  return { ingress, annotations: { [poolAnnotation]: pool }, conditions: { [addressAssigned]: condition } }
}
