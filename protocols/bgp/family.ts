import type { Family } from "../ip.ts"
import { afi, safi } from "./iana.ts"

/** Unicast of one family, as RFC 4760 numbers it. The only families spoken here. */
export interface AfiSafi {
  readonly afi: number
  readonly safi: number
}

export const afiSafiOf: Readonly<Record<Family, AfiSafi>> = {
  ipv4: { afi: afi.ipv4, safi: safi.unicast },
  ipv6: { afi: afi.ipv6, safi: safi.unicast },
}

/** Undefined for every other address family. */
export function familyFrom(number: AfiSafi): Family | undefined {
  if (number.safi !== safi.unicast) return undefined
  if (number.afi === afi.ipv4) return "ipv4"
  return number.afi === afi.ipv6 ? "ipv6" : undefined
}

export const families: readonly Family[] = ["ipv4", "ipv6"]
