import type { Dropped } from "./candidates.ts"
import type { Layer2Reason } from "./layer2-reasons.ts"
import { isHandedOver, type NodeFault } from "./surroundings.ts"

export interface Judged {
  readonly node: string
  readonly why: Dropped | undefined
}

/**
 * Among whom the election is held. A speaker that knows of no draining takes a drained node that comes first for the
 * leader, and never announces in its place: so whoever comes next and knows does. If nobody knows, the drained node goes
 * on, for without it the address would have no one.
 */
export function electorate(
  judged: readonly Judged[],
  unaware: ReadonlySet<string>,
  firstOf: (nodes: readonly string[]) => string | undefined,
): { readonly candidates: readonly string[]; readonly because: Layer2Reason[] } {
  const fit = judged.flatMap(({ node, why }) => (why === undefined ? [node] : []))
  const dropped = (without?: string): Layer2Reason[] =>
    judged.flatMap(({ node, why }) =>
      why === undefined || node === without ? [] : [{ rule: "node-dropped", node, why } as const],
    )
  const drained = new Map(judged.flatMap(({ node, why }) => (isUnknownToSome(why) ? [[node, why]] : [])))
  const lost = fit.filter((node) => unaware.has(node))
  const first = lost.length === 0 || drained.size === 0 ? undefined : firstOf([...fit, ...drained.keys()])
  const fault = first === undefined ? undefined : drained.get(first)
  if (first === undefined || fault === undefined) return { candidates: fit, because: dropped() }
  if (lost.length === fit.length && isHandedOver(fault)) {
    return { candidates: [first], because: [...dropped(first), { rule: "drain-waits", node: first, for: lost }] }
  }
  const passed = lost.map((node): Layer2Reason => ({ rule: "node-dropped", node, why: "unaware-of-drain" }))
  return { candidates: fit.filter((node) => !unaware.has(node)), because: [...dropped(), ...passed] }
}

/** Who leaves says so to all: to MetalLB's speakers it is no member any more. */
const isUnknownToSome = (why: Dropped | undefined): why is NodeFault =>
  why === "drain-taint" || why === "drain-command" || why === "out-of-service"
