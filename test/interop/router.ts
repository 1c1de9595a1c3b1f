import type { Family } from "../../protocols/ip.ts"
import type { Site } from "./network.ts"

/** What one of our sessions is like, and what its router has to be set to for it. */
export interface Variant {
  readonly families: readonly Family[]
  readonly over: Family
  /** On the link without IPv4 addresses of ours; or without any but link-local ones, found by Router Advertisements. */
  readonly link?: "ipv6" | "unnumbered"
  readonly password?: string
  readonly ttlSecurity?: true
  /** The router keeps our routes while we are away. */
  readonly gracefulRestart?: true
  /** The router has no 4-octet AS numbers. */
  readonly fourOctetAs?: false
  /** The router tries to connect as well. */
  readonly dials?: true
  /** We let it: as the only way, or one of two. */
  readonly listens?: "only" | "too"
  readonly bfd?: true
  /** Other AS numbers than usual. */
  readonly ourAsn?: number
  readonly theirAsn?: number
  /** Ours is not told the router's AS number, only whether it is the same. */
  readonly anyAsn?: true
  /** Of the router. */
  readonly holdSeconds?: number
  /** Such a session makes sense one way only. */
  readonly only?: "external"
}

/** One neighbour of a router: our session with it, told apart by its address. */
export interface Neighbour extends Variant {
  readonly name: string
  readonly variant: string
  readonly internal: boolean
  /** For an unnumbered one the names of the interface. */
  readonly ourAddress: string
  readonly theirAddress: string
  readonly ourAsn: number
  readonly theirAsn: number
  /** Where it dials us. */
  readonly ourPort: number
  /** Its own, of 256: prefixes are made of it. */
  readonly index: number
}

/** What a router knows of a route. */
export interface SeenRoute {
  readonly nextHop: string
  /** `64512 64512`; empty from an internal peer. */
  readonly asPath: string
  readonly localPref?: number
  readonly med?: number
  /** `65000:1` */
  readonly communities: readonly string[]
  readonly large: readonly string[]
  /** `rt:65000:1` */
  readonly extended: readonly string[]
}

export type RouterName = "BIRD" | "FRR" | "GoBGP"

/** A real router, in its namespace, with a neighbour for each of our sessions. */
export interface Router {
  readonly name: RouterName
  readonly site: Site
  /** Why it cannot have such a neighbour, if so. */
  lacks(variant: Variant): string | undefined
  start(neighbours: readonly Neighbour[]): Promise<void>
  /** Undefined: it has no such route. */
  route(prefix: string): SeenRoute | undefined
  count(family: Family): number
  /** Asks for this neighbour's routes again. Absent: it has no command that sends a ROUTE-REFRESH. */
  askAgain?(neighbour: Neighbour): void
  /** Ends the session with the operator's words (RFC 8203). */
  disable(neighbour: Neighbour, words: string): void
  /** Everything it tells of this neighbour, as text. */
  describe(neighbour: Neighbour): string
  /** Whether its BFD session with this neighbour is up. */
  bfdUp?(neighbour: Neighbour): boolean
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}
