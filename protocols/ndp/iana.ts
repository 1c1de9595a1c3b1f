/** ICMPv6 types and Neighbour Discovery options, https://www.iana.org/assignments/icmpv6-parameters */
export const messageTypes = {
  routerAdvertisement: 134,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
} as const
export const options = { sourceLinkLayerAddress: 1, targetLinkLayerAddress: 2 } as const

/** IPv6 next header, https://www.iana.org/assignments/protocol-numbers */
export const nextHeaderIcmpv6 = 58
/** RFC 8200 §3. */
export const headerLengthIpv6 = 40
