import type { WitnessStatus } from "../../actors/announcer/messages.ts"
import type { Exporter } from "./metrics.ts"

/** What the witness shows; nothing where there is none. */
export function witnessMetrics(to: Exporter, witness: WitnessStatus | undefined): void {
  if (witness === undefined) return
  const { up, claims, unclaimed, conflicts, left, counts } = witness
  const gauge = (name: string, help: string, value: number) =>
    to.gauge(`troupe_witness_${name}`, help, [], [[[], value]])
  const counter = (name: string, help: string, value: number) =>
    to.counter(`troupe_witness_${name}`, help, [], [[[], value]])
  gauge("up", "1 if the witness answers, 0 if it does not", Number(up === true))
  gauge("claims", "Addresses that this node claims at the witness", claims)
  gauge("unclaimed", "Addresses beyond the limit of claims", unclaimed)
  gauge(
    "conflicts",
    "Addresses that another node announces as well, by the witness",
    conflicts.filter(({ ownEpoch }) => ownEpoch !== undefined).length,
  )
  gauge("left_addresses", "Addresses left to a node with a newer claim", left.length)
  counter(
    "brain_splits_total",
    "Times that the witness showed another node that announced an address of this one",
    counts.splits,
  )
  counter("failures_total", "Questions that the witness did not answer", counts.failures)
}
