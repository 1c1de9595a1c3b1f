/** Numbers assigned by IANA: https://www.iana.org/assignments/bgp-parameters and .../capability-codes. */

export const messageType = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const

export const afi = { ipv4: 1, ipv6: 2 } as const
export const safi = { unicast: 1 } as const

export const capabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  extendedMessage: 6,
  gracefulRestart: 64,
  fourOctetAs: 65,
  enhancedRouteRefresh: 70,
} as const

/** Registered names, in short. */
export const capabilityNames: Readonly<Record<number, string>> = {
  1: "multiprotocol",
  2: "route refresh",
  3: "outbound route filtering",
  5: "extended next hop",
  6: "extended message",
  7: "BGPsec",
  8: "multiple labels",
  9: "BGP role",
  64: "graceful restart",
  65: "4-octet AS numbers",
  67: "dynamic capability",
  69: "ADD-PATH",
  70: "enhanced route refresh",
  71: "long-lived graceful restart",
  73: "host name",
  75: "software version",
  76: "paths limit",
}

/** RFC 7313 §3.2: what a ROUTE-REFRESH says. */
export const refreshSubtype = { request: 0, begin: 1, end: 2 } as const

/** RFC 6793 §9: stands in a 2-octet field for a number that does not fit. */
export const asTrans = 23456

/** RFC 4271 §4.5, RFC 6608, RFC 4486, RFC 8538, RFC 9234, RFC 9384. */
export const errorCode = { header: 1, open: 2, update: 3, holdTimer: 4, fsm: 5, cease: 6, routeRefresh: 7 } as const

export const headerSubcode = { notSynchronized: 1, badLength: 2, badType: 3 } as const
export const openSubcode = {
  unsupportedVersion: 1,
  badPeerAs: 2,
  badIdentifier: 3,
  unsupportedParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
} as const
export const updateSubcode = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  optionalAttribute: 9,
  invalidNetworkField: 10,
} as const
/** RFC 6608: which state was surprised. */
export const fsmSubcode = { openSent: 1, openConfirm: 2, established: 3 } as const
export const ceaseSubcode = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  collision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const

/** By code, then by subcode; subcode 0 is the code without anything more specific. */
export const notificationNames: Readonly<
  Record<number, { readonly name: string; readonly subcodes: Readonly<Record<number, string>> }>
> = {
  1: {
    name: "Message Header Error",
    subcodes: { 1: "Connection Not Synchronized", 2: "Bad Message Length", 3: "Bad Message Type" },
  },
  2: {
    name: "OPEN Message Error",
    subcodes: {
      1: "Unsupported Version Number",
      2: "Bad Peer AS",
      3: "Bad BGP Identifier",
      4: "Unsupported Optional Parameter",
      5: "Authentication Failure",
      6: "Unacceptable Hold Time",
      7: "Unsupported Capability",
      11: "Role Mismatch",
    },
  },
  3: {
    name: "UPDATE Message Error",
    subcodes: {
      1: "Malformed Attribute List",
      2: "Unrecognized Well-known Attribute",
      3: "Missing Well-known Attribute",
      4: "Attribute Flags Error",
      5: "Attribute Length Error",
      6: "Invalid ORIGIN Attribute",
      7: "AS Routing Loop",
      8: "Invalid NEXT_HOP Attribute",
      9: "Optional Attribute Error",
      10: "Invalid Network Field",
      11: "Malformed AS_PATH",
    },
  },
  4: { name: "Hold Timer Expired", subcodes: {} },
  5: {
    name: "Finite State Machine Error",
    subcodes: {
      1: "Receive Unexpected Message in OpenSent State",
      2: "Receive Unexpected Message in OpenConfirm State",
      3: "Receive Unexpected Message in Established State",
    },
  },
  6: {
    name: "Cease",
    subcodes: {
      1: "Maximum Number of Prefixes Reached",
      2: "Administrative Shutdown",
      3: "Peer De-configured",
      4: "Administrative Reset",
      5: "Connection Rejected",
      6: "Other Configuration Change",
      7: "Connection Collision Resolution",
      8: "Out of Resources",
      9: "Hard Reset",
      10: "BFD Down",
    },
  },
  7: { name: "ROUTE-REFRESH Message Error", subcodes: { 1: "Invalid Message Length" } },
}
