import type { ServiceKey } from "../../config/facts.ts"
import type { NodeFault } from "./surroundings.ts"

/** This node is ready to be left: the layer 2 thread knows what it hands over. */
export interface Prepared {
  readonly kind: "prepared"
  /** Services whose addresses another node leads next. */
  readonly followed: number
  /** Services of layer 2 that nobody else can announce. */
  readonly alone: readonly ServiceKey[]
}

/** Whether this node is drained, and what became of what it announced. */
export interface DrainStatus {
  readonly node: string
  /** By `troupe drain`. */
  readonly command: boolean
  /** Why this node may not announce, whoever asked for it. */
  readonly fault?: NodeFault
  readonly services: readonly DrainedService[]
  /** Prefixes that peers still have from this node, by peer. */
  readonly routes: Readonly<Record<string, number>>
  /** Nothing is announced here any more. */
  readonly done: boolean
}

/** One Service and protocol that this node announces, or did until it was drained. */
export interface DrainedService {
  readonly service: ServiceKey
  readonly protocol: "layer2" | "bgp"
  readonly ips: readonly string[]
  /**
   * announced: here, as ever. handing-over: until `to` is heard. gone: `to` leads, or for BGP others announce. stays:
   * drained, and still announced, since who would be next knows of no draining. nobody: no other node can announce it.
   */
  readonly state: "announced" | "handing-over" | "gone" | "stays" | "nobody"
  /** Who leads instead, or would if this node were drained. Absent: nobody, or BGP. */
  readonly to?: string
  /** Drained, this node would leave nobody to announce it. */
  readonly alone: boolean
}
