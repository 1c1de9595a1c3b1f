/**
 * Everything an actor may not reach for by itself: clock, timers, random numbers, sockets, frames. The real world is
 * made in `real-world.ts`; the simulator hands in another, where time is virtual and every choice comes from a seed.
 */
export interface World {
  readonly clock: Clock
  readonly timers: Timers
  /** Runs in a later turn of the event loop, before any timer that is not yet due. */
  immediate(run: () => void): Cancel
  readonly random: Random
  readonly network: Network
  readonly packets: PacketPort
  readonly datagrams: DatagramPort
  /** Absent: this thread has nothing to do with the kernel's routing. */
  readonly routing?: RoutingPort
  /** The simulator's wish: hand each runnable actor to `immediate` by itself, so that the seed chooses who is next. */
  readonly interleave?: boolean
}

export type Cancel = () => void

export interface Clock {
  /** Milliseconds that only ever grow, with fractions; the origin means nothing. */
  monotonicMs(): number
  /** Milliseconds since 1970, for people and for Kubernetes timestamps only. */
  wallMs(): number
}

export interface Timers {
  after(delayMs: number, run: () => void): Cancel
}

export interface Random {
  /** Uniform in 0 … 2³²−1. */
  u32(): number
  bytes(length: number): Uint8Array
}

export interface Endpoint {
  /** IPv4 dotted quad or IPv6, as text. */
  readonly address: string
  readonly port: number
}

/** `code` is the system's name for it (`ECONNREFUSED`), `message` a sentence for people. */
export interface NetworkError {
  readonly code: string
  readonly message: string
}

type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: NetworkError }

export interface Network {
  openUdp(at: Endpoint, on: UdpHandlers): Promise<Outcome<UdpPort>>
  listenTcp(at: TcpListenAt, on: ListenHandlers): Promise<Outcome<TcpListener>>
  /** Returns at once; `on.opened` or `on.closed` tells what became of it. Exactly one `closed` follows in every case. */
  connectTcp(to: TcpTarget, on: TcpHandlers): TcpConnection
  /** `connectTcp` signs segments where `md5Password` asks for it (RFC 2385). Absent: it cannot. */
  readonly tcpMd5?: boolean
  /** The same for `authentication` (RFC 5925). */
  readonly tcpAo?: boolean
  /** `connectTcp` honours `device`, `ttl` and `minimumTtl`. Absent: it cannot. */
  readonly tcpRouting?: boolean
  /**
   * An ICMPv6 message to all nodes on the link of a device (ff02::1), with hop limit 255, from our link-local address
   * there. `message` is told our MAC, where the link has such; the system adds the checksum. Absent: it cannot.
   */
  readonly tellLink?: (device: string, message: Uint8Array) => Outcome<void>
  /** `listenTcp` honours all that `TcpListenAt` and `TcpListener` can say. Absent: an address and a port, and no more. */
  readonly tcpListening?: boolean
}

export interface UdpHandlers {
  /** The bytes belong to the receiver. */
  datagram(bytes: Uint8Array, from: Endpoint): void
  error(error: NetworkError): void
}
export interface UdpPort {
  readonly local: Endpoint
  /** Never throws; a failure comes to `on.error`. */
  send(bytes: Uint8Array, to: Endpoint): void
  close(): void
}

export interface TcpListenAt extends Endpoint {
  /** On `::`: IPv6 alone, so that another listener may have the port for IPv4. */
  readonly onlyIpv6?: true
  /** Within the VRF whose device it is, or through this interface only. */
  readonly device?: string
  /** TTL or hop limit of what is sent, the answer to the first packet included. */
  readonly ttl?: number
}
export interface ListenHandlers {
  connection(connection: TcpConnection): TcpHandlers
  error(error: NetworkError): void
}
export interface TcpListener {
  readonly local: Endpoint
  /** How connections of that address have to be signed from now on; nothing: not at all. Absent: it cannot. */
  readonly setKey?: (peer: string, key: TcpKey) => Outcome<void>
  /** Of what is open already, nothing is closed. */
  close(): void
}
/** At most one of them. Reaches no log and no error. */
export interface TcpKey {
  readonly md5Password?: string
  readonly authentication?: TcpAuthentication
}

export interface TcpTarget extends Endpoint {
  readonly timeoutMs: number
  readonly sourceAddress?: string
  /** Only for a network with `tcpMd5`. Reaches no log and no error. */
  readonly md5Password?: string
  /** Only for a network with `tcpAo`. Its key reaches no log and no error. */
  readonly authentication?: TcpAuthentication
  /** The router on the link of `device` is meant, whoever it is; `address` is only a name for it. Needs `tcpRouting`. */
  readonly unnumbered?: boolean
  /** Through this interface only, or within the VRF whose device it is. Gives a link-local address its link. */
  readonly device?: string
  /** TTL or hop limit of what is sent, 1 … 255. Absent: the system's. */
  readonly ttl?: number
  /** What arrives with a smaller TTL or hop limit is dropped unseen (RFC 5082). */
  readonly minimumTtl?: number
}
/** A master key tuple of TCP-AO (RFC 5925 §3.1): one for the whole connection. */
export interface TcpAuthentication {
  /** Octets of its UTF-8 text, at most 80. */
  readonly key: string
  readonly algorithm: "hmac-sha-1-96" | "aes-128-cmac-96"
  /** KeyIDs, 0 … 255. */
  readonly sendId: number
  readonly receiveId: number
}
export interface TcpHandlers {
  opened(): void
  data(bytes: Uint8Array): void
  /** After `send` was false: what waited has gone to the system, which takes more. */
  drained?(): void
  /** Everything sent before has left; the other side will send no more. Absent: the connection is closed for us. */
  ended?(): void
  /** The end, once. Without an error it was an orderly close. */
  closed(error?: NetworkError): void
}
export interface TcpConnection {
  /** Known once opened. */
  readonly local: Endpoint | undefined
  /** All addresses of the interface that has the local one, as far as the system tells. Known once opened. */
  readonly interfaceAddresses?: readonly string[]
  /** Of an unnumbered target, who was found on the link. */
  readonly remote: Endpoint
  /** False when more waits in memory than the system takes at once. */
  send(bytes: Uint8Array): boolean
  /** Sends what waits, then closes our direction. */
  end(): void
  /** Closes at once, both directions. */
  destroy(): void
  /** What arrives from now on with a smaller TTL or hop limit is dropped unseen. Absent: it cannot. */
  readonly setMinimumTtl?: (minimumTtl: number) => Outcome<void>
}

/** Raw frames on network interfaces, and which interfaces there are. */
export interface PacketPort {
  interfaces(): Outcome<readonly NetworkInterface[]>
  /** Called after any change of links or addresses; a hint to ask `interfaces` again. */
  watchInterfaces(changed: () => void): Outcome<Cancel>
  open(at: PacketFilter, on: PacketHandlers): Outcome<PacketSocket>
}

export interface NetworkInterface {
  readonly name: string
  readonly index: number
  /** Six bytes; empty where the link has none. */
  readonly mac: Uint8Array
  /** Administratively up and with carrier. */
  readonly up: boolean
  readonly broadcast: boolean
  /** No ARP on this link (IFF_NOARP). */
  readonly noArp: boolean
  readonly loopback: boolean
  /** Part of a bridge, bond, team or VRF; its master speaks for it. */
  readonly hasMaster: boolean
  readonly addresses: readonly {
    readonly address: string
    readonly prefixLength: number
    readonly tentative: boolean
  }[]
}

/** What the kernel lets through; all else is dropped before it reaches us. */
export interface PacketFilter {
  readonly interfaceIndex: number
  /**
   * `arp`: requests. `arp-claim`: replies, and requests for the sender's own address. `bfd`: IPv4 UDP to the ports of
   * BFD on one hop and of its echoes.
   */
  readonly frames: "arp" | "arp-claim" | "neighbour-solicitation" | "neighbour-advertisement" | "bfd"
  /** What the network card is asked for besides its own frames, broadcasts and joined groups, while the socket is open. */
  readonly receive?: "all-multicast" | "promiscuous"
}
export interface PacketHandlers {
  /** The bytes are valid during the call only: copy what must outlive it. */
  frame(bytes: Uint8Array): void
  /** `ENETDOWN` while the link is down; `ENODEV` when the interface is gone and the socket with it. */
  error(error: NetworkError): void
}
export interface PacketSocket {
  send(frame: Uint8Array): Outcome<void>
  /** Ethernet multicast group to receive as well, `33:33:…` as six bytes. */
  joinGroup(mac: Uint8Array): Outcome<void>
  leaveGroup(mac: Uint8Array): void
  close(): void
}

/** UDP for protocols whose packets mean something only with the hop limit and the interface they came with. */
export interface DatagramPort {
  open(at: DatagramBinding, on: DatagramHandlers): Outcome<DatagramSocket>
}
export interface DatagramBinding extends Endpoint {
  /** TTL or hop limit of what is sent, 1 … 255. */
  readonly ttl: number
  /** Only through this interface, in and out; or within the VRF whose device it is. */
  readonly interface?: string
  /** Other sockets that say the same may have the port too; each gets what comes through its interface. */
  readonly shared?: true
}
export interface DatagramHandlers {
  /** The bytes are valid during the call only: copy what must outlive it. */
  datagram(bytes: Uint8Array, from: Endpoint, arrival: Arrival): void
  error(error: NetworkError): void
}
export interface Arrival {
  /** The address it was sent to. */
  readonly to: string
  /** TTL or hop limit as it arrived. */
  readonly ttl: number
  readonly interfaceIndex: number
}
export interface DatagramSocket {
  send(bytes: Uint8Array, to: Endpoint): Outcome<void>
  close(): void
}

/** Routing tables and policy rules of this host. What is ours is known by its protocol number, also after a crash. */
export interface RoutingPort {
  /** All routes and rules of ours, of both families. */
  ours(): Outcome<{ readonly routes: readonly KernelRoute[]; readonly rules: readonly KernelRule[] }>
  /** In order; each has its own outcome. What is there already, or is gone already, is no failure. */
  apply(changes: readonly RoutingChange[]): readonly Outcome<void>[]
  /** How a packet would leave now: to a neighbour, or by a router. An address of this host is an error. */
  reach(address: string, device?: string): Outcome<{ readonly interfaceIndex: number; readonly gateway?: string }>
}
export interface KernelRoute {
  readonly table: number
  /** Canonical CIDR text. */
  readonly prefix: string
  readonly metric: number
  /** At least one; more are used together. An IPv4 route may go by an IPv6 gateway. */
  readonly nextHops: readonly { readonly gateway: string; readonly interfaceIndex: number }[]
}
/** What comes from there looks into this table first; a smaller priority is asked earlier. */
export interface KernelRule {
  readonly from: string
  readonly table: number
  readonly priority: number
  /** A route of the table whose prefix is no longer than this does not count: 0 leaves out its default route. */
  readonly suppressPrefixLength?: number
}
export type RoutingChange =
  /** In place of what there is for the same table, prefix and metric. */
  | { readonly kind: "set-route"; readonly route: KernelRoute }
  | { readonly kind: "remove-route"; readonly route: KernelRoute }
  | { readonly kind: "set-rule"; readonly rule: KernelRule }
  | { readonly kind: "remove-rule"; readonly rule: KernelRule }
