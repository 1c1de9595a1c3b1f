import type { ServiceFacts } from "../../config/facts.ts"
import { type Family, familyOf, type Ip, parseIp } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { FamilyFault, StackFamily } from "./reasons.ts"

/** One address: its family. Two of different families: dual. Anything else has no family. */
export function stackFamilyOf(addresses: readonly string[]): Result<StackFamily, FamilyFault> {
  const [a, b] = addresses
  if (a === undefined || addresses.length > 2) return err({ kind: "addresses-count", addresses })
  const families = addresses.map((text) => parseIp(text)).map((ip) => ip && familyOf(ip))
  if (families.includes(undefined)) return err({ kind: "addresses-unreadable", addresses })
  const [first, second] = families
  if (first === undefined || first === second) return err({ kind: "addresses-same-family", addresses: [a, b ?? ""] })
  return ok(second === undefined ? first : "dual")
}

export const otherFamily = (ip: Ip): Family => (familyOf(ip) === "ipv4" ? "ipv6" : "ipv4")

export const sameAddresses = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text) => b.includes(text))

export const prefersBoth = (service: ServiceFacts): boolean => service.ipFamilyPolicy === "PreferDualStack"
