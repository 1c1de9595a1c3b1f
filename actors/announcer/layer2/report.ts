import type { Answering as OnWire } from "../../../cluster/liveness/state.ts"
import { formatMac } from "../../../protocols/ethernet/mac.ts"
import { reported } from "./counts.ts"
import type { Layer2State } from "./layer2.ts"
import type { Layer2Report } from "./messages.ts"
import { subnetsOf } from "./subnets.ts"

const macsOf = ({ answering }: Layer2State): readonly string[] =>
  [...new Set(answering.values().map(({ link }) => formatMac(link.mac)))].sort()

/** What elections depend on. */
export const linksOf = (state: Layer2State): Pick<Layer2Report, "interfaces" | "macs" | "subnets"> => ({
  interfaces: state.present,
  macs: macsOf(state),
  subnets: subnetsOf(state.answering.values().map(({ link }) => link)),
})

export function reportOf(state: Layer2State): Layer2Report {
  const { totals, wire, wired, wireTotals } = state
  const all = (which: keyof OnWire) => [...new Set(wired.values().flatMap((onWire) => onWire[which] ?? []))].sort()
  const lingering = all("lingering")
  return {
    kind: "layer2-report",
    ...linksOf(state),
    ...reported(totals),
    ...(wire === undefined
      ? {}
      : {
          wire: {
            counts: wireTotals,
            taken: all("taken"),
            yielded: all("yielded"),
            ...(lingering.length === 0 ? {} : { lingering }),
          },
        }),
  }
}
