import { interfaceTag, type MarkSubnets } from "../../../cluster/speaker-mark.ts"
import { familyOf, parseIp } from "../../../protocols/ip.ts"
import { bitsOf, type Prefix, prefixAround } from "../../../protocols/prefix.ts"
import type { NetworkInterface } from "../../../supervision/world.ts"

/** The subnets that these interfaces are in. Link-local ones say nothing, and an address of its own is no subnet. */
export function subnetsOf(links: Iterable<Pick<NetworkInterface, "name" | "addresses">>): MarkSubnets {
  const list = [...links].flatMap(({ name, addresses }) => {
    const prefixes = new Set(addresses.flatMap((address) => subnetOf(address)?.text ?? []))
    return [...prefixes].sort().map((prefix) => ({ interface: interfaceTag(name), prefix }))
  })
  return { list, complete: true }
}

function subnetOf({ address, prefixLength }: NetworkInterface["addresses"][number]): Prefix | undefined {
  const ip = parseIp(address)
  if (ip === undefined || prefixLength >= bitsOf(familyOf(ip))) return undefined
  const prefix = prefixAround(ip, prefixLength)
  return prefix.text === "fe80::/64" || prefix.text === "169.254.0.0/16" ? undefined : prefix
}
