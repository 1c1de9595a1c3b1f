import { type JsonObject, numberOf, objectAt, textOf } from "./json.ts"
import { microTimestamp } from "./time.ts"

/** A `coordination.k8s.io/v1` Lease as the election reads and writes it. */
export interface LeaseRecord {
  /** Empty: nobody, it was given up in order. */
  readonly holder: string
  readonly durationMs: number
  /** How often the lease began anew. */
  readonly term: number
  /** Whatever it is, a holder that lives changes it. Never compared with a clock of ours. */
  readonly spec: JsonObject
}

export function leaseRecord(lease: JsonObject): LeaseRecord {
  const spec = objectAt(lease, "spec")
  return {
    holder: textOf(spec["holderIdentity"]),
    durationMs: Math.max(numberOf(spec["leaseDurationSeconds"]), 1) * 1000,
    term: numberOf(spec["leaseTransitions"]),
    spec,
  }
}

export interface Claim {
  readonly identity: string
  readonly durationMs: number
  readonly wallMs: number
  /** Of a lease that goes on: as it was. */
  readonly term: number
  readonly acquireTime: unknown
}

/** Seconds are all that the field holds; rounding up keeps others waiting, not us too sure. */
export const claimed = ({ identity, durationMs, wallMs, term, acquireTime }: Claim): JsonObject => ({
  holderIdentity: identity,
  leaseDurationSeconds: Math.ceil(durationMs / 1000),
  acquireTime,
  renewTime: microTimestamp(wallMs),
  leaseTransitions: term,
})

/** Given up: whoever sees it takes it at once. */
export const released = (spec: JsonObject, wallMs: number): JsonObject => ({
  ...spec,
  holderIdentity: "",
  leaseDurationSeconds: 1,
  renewTime: microTimestamp(wallMs),
})
