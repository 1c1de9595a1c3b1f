import type { SessionOffer } from "../../protocols/bgp/session.ts"
import { type Family, familyOf, parseIp } from "../../protocols/ip.ts"
import type { SessionSettings } from "./messages.ts"

/** An interface in place of an address means IPv6: its peer is found by its link-local address. */
const transportOf = ({ address }: SessionSettings): Family => {
  const ip = parseIp(address)
  return ip === undefined ? "ipv6" : familyOf(ip)
}

/** Whose routes the peer should get. */
export const familiesOf = (settings: SessionSettings): readonly Family[] => settings.families ?? [transportOf(settings)]

/** What our OPEN offers this peer. */
export function offerFor(settings: SessionSettings): SessionOffer {
  const families = familiesOf(settings)
  const { gracefulRestart } = settings
  return {
    families,
    routeRefresh: true,
    extendedMessage: true,
    extendedNextHop: families.includes("ipv4") && transportOf(settings) === "ipv6",
    ...(gracefulRestart === undefined ? {} : { gracefulRestart: { seconds: gracefulRestart.seconds } }),
  }
}
