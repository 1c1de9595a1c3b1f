/** Numbers from the kernel's headers; the same on x86-64 and arm64. */
export const family = { ipv4: 2, ipv6: 10, netlink: 16, packet: 17 } as const
export const socketType = { stream: 1, datagram: 2, raw: 3, nonBlocking: 0x800, closeOnExec: 0x80000 } as const
export const level = { ip: 0, socket: 1, tcp: 6, ipv6: 41, packet: 263, netlink: 270 } as const
export const socketOption = {
  reuseAddress: 2,
  receiveBuffer: 8,
  priority: 12,
  bindToDevice: 25,
  attachFilter: 26,
} as const
export const packetOption = { addMembership: 1, dropMembership: 2, ignoreOutgoing: 23 } as const
export const packetMembership = { multicast: 0, promiscuous: 1, "all-multicast": 2 } as const
export const ipOption = { typeOfService: 1, ttl: 2, packetInfo: 8, receiveTtl: 12, minimumTtl: 21 } as const
export const ipv6Option = {
  unicastHops: 16,
  multicastHops: 18,
  multicastLoop: 19,
  joinGroup: 20,
  leaveGroup: 21,
  only: 26,
  receivePacketInfo: 49,
  packetInfo: 50,
  receiveHopLimit: 51,
  hopLimit: 52,
  trafficClass: 67,
  minimumHopCount: 73,
} as const
export const tcpOption = { md5Signature: 14, addAuthenticationKey: 38, removeAuthenticationKey: 39 } as const
export const messageFlag = { doNotWait: 0x40, noSignal: 0x4000 } as const
export const protocol = { icmpv6: 58 } as const
export const etherType = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const
export const scheduler = { roundRobin: 2 } as const
export const pollEvent = { in: 1, err: 8 } as const
export const errno = {
  noEntry: -2,
  noProcess: -3,
  intr: -4,
  again: -11,
  exists: -17,
  noDevice: -19,
  badDescriptor: -9,
  invalid: -22,
  tooManyFiles: -24,
  messageSize: -90,
  netDown: -100,
  noProtocolOption: -92,
  addressNotAvailable: -99,
  noBuffers: -105,
} as const

export const netlinkRoute = 0
export const netlinkOption = { strictCheck: 12 } as const
export const netlinkGroup = { link: 1, ipv4Address: 0x10, ipv6Address: 0x100 } as const
export const netlinkFlag = {
  request: 1,
  dump: 0x300,
  dumpInterrupted: 0x10,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
} as const
export const netlinkType = {
  error: 2,
  done: 3,
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
  newRoute: 24,
  delRoute: 25,
  getRoute: 26,
  newNeighbour: 28,
  getNeighbour: 30,
  newRule: 32,
  delRule: 33,
  getRule: 34,
} as const
export const linkAttribute = { address: 1, name: 3, master: 10 } as const
export const addressAttribute = { address: 1, local: 2, flags: 8 } as const
export const routeAttribute = {
  destination: 1,
  outInterface: 4,
  gateway: 5,
  priority: 6,
  multipath: 9,
  table: 15,
  via: 18,
} as const
export const routeType = { unicast: 1, local: 2 } as const
export const ruleAttribute = { source: 2, priority: 6, suppressPrefixLength: 14, table: 15, protocol: 21 } as const
export const ruleAction = { toTable: 1 } as const
export const neighbourAttribute = { destination: 1, cacheInfo: 3 } as const
export const neighbourFlag = { router: 0x80 } as const
export const neighbourState = { incomplete: 1, failed: 0x20 } as const
export const linkFlag = { up: 1, broadcast: 2, loopback: 8, noArp: 0x80, lowerUp: 0x10000 } as const
export const addressFlag = { dadFailed: 8, tentative: 0x40 } as const
