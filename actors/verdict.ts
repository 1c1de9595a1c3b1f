/** A decision that says why. `Because` is a closed union, one case per rule; status, events and explain print the same ones. */
export interface Verdict<Decision, Because> {
  readonly decision: Decision
  readonly because: readonly Because[]
}
