import type { BFDProfileSpec, ResourceFacts } from "./facts.ts"
import { complaints, type ConfigurationFault } from "./fault.ts"

type ProfileFacts = ResourceFacts<BFDProfileSpec>

/** In MetalLB's order. RFC 5880 §4.1 and §6.8.1 have the fields; the ranges are FRR's. */
const ranges = [
  { field: "detectMultiplier", what: "detect multiplier", min: 2, max: 255 },
  { field: "receiveInterval", what: "receive interval", min: 10, max: 60_000 },
  { field: "transmitInterval", what: "transmit interval", min: 10, max: 60_000 },
  { field: "minimumTtl", what: "minimum ttl", min: 1, max: 254 },
  { field: "echoInterval", what: "echo interval", min: 10, max: 60_000 },
] as const satisfies readonly { field: keyof BFDProfileSpec; what: string; min: number; max: number }[]

/** The profiles without a fault, by name; all faults go to `faults`. */
export function readBFDProfiles(
  profiles: readonly ProfileFacts[],
  faults: ConfigurationFault[],
): ReadonlyMap<string, BFDProfileSpec> {
  const read = new Map<string, BFDProfileSpec>()
  const names = new Set<string>()
  for (const [index, { name, spec }] of profiles.entries()) {
    const { complain, clean } = complaints(faults, "BFDProfile", name)
    const inProfile = (field: string, text: string) => complain(field, `parsing bfd profile #${index + 1}: ${text}`)
    if (name === "") inProfile("name", "missing bfd profile name")
    for (const { field, what, min, max } of ranges) {
      const value = spec[field]
      if (value === undefined || (value >= min && value <= max)) continue
      inProfile(field, `invalid value ${value}, must be in ${min}-${max} range\ninvalid ${what} value`)
    }
    if (names.has(name)) complain("name", `found duplicate bfd profile name ${name}`)
    names.add(name)
    if (clean()) read.set(name, spec)
  }
  return read
}
