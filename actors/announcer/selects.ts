import type { LabelSelector } from "../../config/facts.ts"
import { matchesAny } from "../../config/selector.ts"

/** `serviceSelectors` and a peer's `nodeSelectors`: any one is enough, and none at all selects everything. */
export const selectsAny = (selectors: readonly LabelSelector[], labels: Readonly<Record<string, string>>): boolean =>
  selectors.length === 0 || matchesAny(selectors, labels)
