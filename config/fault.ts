/** Something in the configuration that breaks a rule: which object, which field, and the rule in words (MetalLB's). */
export interface ConfigurationFault {
  readonly object: { readonly kind: ConfigurationKind; readonly name: string }
  readonly field?: string
  readonly text: string
  /** Something that it names is not there, and may come: with it the fault goes away by itself. */
  readonly transient?: true
}

export type ConfigurationKind =
  | "IPAddressPool"
  | "L2Advertisement"
  | "BGPAdvertisement"
  | "BGPPeer"
  | "Community"
  | "BFDProfile"

/**
 * Collects the faults of one object. `complain` returns so that the remaining rules are checked too. `transient`: what it
 * names may come.
 */
export type Complain = (field: string, text: string, transient?: "transient") => void

export function complaints(
  into: ConfigurationFault[],
  kind: ConfigurationKind,
  name: string,
): { complain: Complain; clean: () => boolean } {
  const before = into.length
  return {
    complain: (field, text, transient) =>
      void into.push({ object: { kind, name }, field, text, ...(transient && { transient: true }) }),
    clean: () => into.length === before,
  }
}
