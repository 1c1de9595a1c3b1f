import type { Capability } from "./capability.ts"
import { type AfiSafi, familyFrom } from "./family.ts"
import { afi, capabilityCode, capabilityNames } from "./iana.ts"

const codes: Readonly<Record<Exclude<Capability["kind"], "unknown">, number>> = {
  multiprotocol: capabilityCode.multiprotocol,
  "route-refresh": capabilityCode.routeRefresh,
  "extended-next-hop": capabilityCode.extendedNextHop,
  "extended-message": capabilityCode.extendedMessage,
  "graceful-restart": capabilityCode.gracefulRestart,
  "four-octet-as": capabilityCode.fourOctetAs,
  "enhanced-route-refresh": capabilityCode.enhancedRouteRefresh,
}

export const capabilityCodeOf = (capability: Capability): number =>
  capability.kind === "unknown" ? capability.code : codes[capability.kind]

/** For people: `multiprotocol: IPv6 unicast`. A code that we do not speak has its registered name, or its number. */
export function describeCapability(capability: Capability): string {
  const code = capabilityCodeOf(capability)
  const name = capabilityNames[code] ?? `capability ${code}`
  const more = detailOf(capability)
  return more === "" ? name : `${name}: ${more}`
}

function detailOf(capability: Capability): string {
  switch (capability.kind) {
    case "multiprotocol":
      return familyText(capability)
    case "extended-next-hop":
      return capability.encodings
        .map((one) => `${familyText(one)} by ${one.nextHopAfi === afi.ipv6 ? "IPv6" : `AFI ${one.nextHopAfi}`}`)
        .join(", ")
    case "graceful-restart": {
      const { seconds, restarting, notifications, families } = capability
      const kept = families.map((one) => `${familyText(one)}${one.forwarding ? " kept" : ""}`)
      return [
        `${seconds} s`,
        ...(restarting ? ["restarting"] : []),
        ...(notifications ? ["also over NOTIFICATIONs"] : []),
        ...kept,
      ].join(", ")
    }
    case "four-octet-as":
      return `AS ${capability.asn}`
    case "unknown":
      return capability.code === hostName ? nameIn(capability.value) : ""
    case "route-refresh":
    case "enhanced-route-refresh":
    case "extended-message":
      return ""
  }
}

function familyText(number: AfiSafi): string {
  const family = familyFrom(number)
  if (family === undefined) return `AFI ${number.afi} SAFI ${number.safi}`
  return family === "ipv4" ? "IPv4 unicast" : "IPv6 unicast"
}

/** FRR, BIRD and GoBGP send it (draft-walton-bgp-hostname-capability): a length and the name, then the same for the domain. */
const hostName = 73

function nameIn(value: Uint8Array): string {
  const length = value[0] ?? 0
  const bytes = value.subarray(1, 1 + length)
  if (bytes.length < length) return ""
  // The peer's words end up in terminals: printable ASCII, as host names are.
  return [...bytes].map((byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?")).join("")
}
