import { type Ip, ipFromBytes } from "../../protocols/ip.ts"
import type { PacketMessage, StreamMessage } from "../../protocols/memberlist/message.ts"
import type { Member } from "../messages.ts"
import { decodeMark } from "../speaker-mark.ts"
import type { Broadcast } from "./broadcasts.ts"
import type { Settings } from "./settings.ts"

export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** An endpoint whose address has been checked. */
export interface Place extends Endpoint {
  readonly address: Ip
}

/** The machine draws its random numbers from here. */
export interface Random {
  /** Uniform in 0 … 2³²−1. */
  u32(): number
}

/** One node as this one knows it. `addr`, `meta` and `vsn` are passed on exactly as they came. */
export interface Node {
  readonly name: string
  readonly addr: Uint8Array
  readonly port: number
  readonly meta: Uint8Array | undefined
  readonly vsn: Uint8Array
  readonly incarnation: number
  readonly state: Member["state"]
  readonly changedMs: number
}

export interface Suspicion {
  readonly startedMs: number
  readonly minMs: number
  readonly maxMs: number
  readonly dueMs: number
  /** Confirmations that bring it down to its minimum; 0: it lasts the minimum anyway. */
  readonly k: number
  /** Who accused first, then who confirmed. */
  readonly accusers: readonly string[]
  /** Of the accused, when it was made: an entry that changed since is another matter. */
  readonly changedMs: number
}

export interface Probe {
  readonly target: string
  readonly incarnation: number
  readonly seqNo: number
  readonly deadlineMs: number
  readonly nacksAsked: number
  readonly nacksHeard: number
  readonly tcpWorked: boolean
}

/** A ping sent for somebody else. */
export interface Relay {
  readonly requester: Endpoint
  readonly requesterSeqNo: number
  readonly nack: boolean
  readonly deadlineMs: number
}

/** What a stream that we opened is for. */
export type Purpose =
  | { readonly kind: "ping"; readonly seqNo: number }
  | { readonly kind: "sync" }
  | { readonly kind: "join"; readonly peer: Endpoint }

export interface JoinRound {
  readonly waiting: readonly Endpoint[]
  readonly active: number
  readonly expected: number
  readonly joined: number
  readonly errors: readonly string[]
}

export interface MachineConfig {
  readonly name: string
  readonly advertise: Place
  readonly settings: Settings
  /** What encryption and label add to each packet, to be kept free. */
  readonly overheadBytes: number
  /** What we say of ourselves besides; MetalLB's speakers say nothing. */
  readonly meta?: Uint8Array | undefined
}

export interface State extends MachineConfig {
  readonly nodes: ReadonlyMap<string, Node>
  /** The order of probing. */
  readonly ring: readonly string[]
  readonly ringIndex: number
  readonly incarnation: number
  readonly seqNo: number
  /** 0 is healthy. */
  readonly score: number
  readonly leaving: "no" | "under way" | "done"
  readonly suspicions: ReadonlyMap<string, Suspicion>
  /** When somebody else was heard last. */
  readonly heardMs: number
  readonly queue: readonly Broadcast[]
  readonly queued: number
  readonly probe: Probe | undefined
  readonly nextProbeMs: number
  /** A tick came while a probe was under way: the next probe follows at once. */
  readonly probeOwed: boolean
  readonly relays: ReadonlyMap<number, Relay>
  /** Pings for those who asked whether a node answers, by number. */
  readonly verifications: ReadonlyMap<number, string>
  readonly exchanges: ReadonlyMap<string, Purpose>
  /** No sooner: of `catchUp`. */
  readonly nextCatchUpMs: number
  readonly opened: number
  readonly peers: readonly Endpoint[]
  readonly round: JoinRound | undefined
  readonly failedRounds: number
}

export type Event =
  | { readonly kind: "start" }
  | { readonly kind: "packet"; readonly message: PacketMessage; readonly from: Endpoint }
  /** A stream that somebody else opened. */
  | { readonly kind: "request"; readonly exchange: string; readonly message: StreamMessage }
  /** The end of a stream that an `open` effect asked for. */
  | { readonly kind: "reply"; readonly exchange: string; readonly message: StreamMessage }
  | { readonly kind: "no-reply"; readonly exchange: string; readonly reason: string }
  | { readonly kind: "timer"; readonly timer: string }
  | { readonly kind: "peers"; readonly peers: readonly Endpoint[] }
  /** What we say of ourselves from now on. */
  | { readonly kind: "meta"; readonly meta: Uint8Array }
  /** To exchange tables with that node. */
  | { readonly kind: "sync"; readonly node: string }
  /** Whether that node answers now; the answer is an effect with the same id. */
  | {
      readonly kind: "verify"
      readonly id: string
      readonly node: string
      /** Where to ask a node that is not in the table. */
      readonly at?: Place
      readonly timeoutMs: number
    }
  | { readonly kind: "leave" }

/** Why something heard was not taken. */
export type Refusal =
  | "bad-versions"
  | "bad-address"
  | "meta-too-long"
  | "not-for-me"
  | "table-full"
  | "relays-full"
  | "incompatible-versions"
  | "unexpected-message"

export type Effect =
  | { readonly kind: "send"; readonly to: Endpoint; readonly payload: Uint8Array; readonly checksum: boolean }
  | {
      readonly kind: "open"
      readonly exchange: string
      readonly to: Endpoint
      readonly message: StreamMessage
      readonly timeoutMs: number
    }
  | { readonly kind: "answer"; readonly exchange: string; readonly message: StreamMessage }
  | { readonly kind: "close"; readonly exchange: string }
  /** Replaces a timer of the same name. */
  | { readonly kind: "set-timer"; readonly timer: string; readonly afterMs: number }
  | { readonly kind: "cancel-timer"; readonly timer: string }
  | { readonly kind: "member-event"; readonly event: "join" | "leave" | "update" | "conflict"; readonly node: Node }
  /** The list of members is not what it was. */
  | { readonly kind: "members-changed" }
  /** All whose addresses were given have been asked to let us in. */
  | {
      readonly kind: "join-ended"
      readonly expected: number
      readonly joined: number
      readonly errors: readonly string[]
    }
  | { readonly kind: "refused"; readonly what: Refusal; readonly detail: string }
  | { readonly kind: "late-success"; readonly node: string }
  | { readonly kind: "verified"; readonly id: string; readonly outcome: "alive" | "silent" | "unknown" }
  /** Our good-bye is out, or there was no time for all of it. */
  | { readonly kind: "left"; readonly complete: boolean }

export const machineLimits = {
  /** Kubernetes is built for 5000 nodes. */
  nodes: 8192,
  relays: 1024,
  verifications: 1024,
  peers: 8192,
  concurrentJoins: 4,
} as const

/** Before `start`: nobody is known, not even oneself. */
export function initialState(config: MachineConfig): State {
  return {
    ...config,
    nodes: new Map(),
    ring: [],
    ringIndex: 0,
    incarnation: 0,
    seqNo: 0,
    score: 0,
    leaving: "no",
    suspicions: new Map(),
    heardMs: Number.NEGATIVE_INFINITY,
    queue: [],
    queued: 0,
    probe: undefined,
    nextProbeMs: 0,
    probeOwed: false,
    relays: new Map(),
    verifications: new Map(),
    exchanges: new Map(),
    nextCatchUpMs: 0,
    opened: 0,
    peers: [],
    round: undefined,
    failedRounds: 0,
  }
}

/** What everybody but the machine needs of it: by name, so that the same members are the same list. */
export function membersOf(state: State): Member[] {
  return [...state.nodes.values()]
    .map(({ name, addr, port, state: is, meta }) => {
      const mark = decodeMark(meta)
      return { name, address: addressText(addr), port, state: is, ...(mark === undefined ? {} : { mark }) }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

export const addressText = (addr: Uint8Array): string => ipFromBytes(addr) ?? ""
export const endpointOf = (node: Pick<Node, "addr" | "port">): Endpoint => ({
  address: addressText(node.addr),
  port: node.port,
})
/** Alive or suspect: still a member. */
export const isMember = (node: Node): boolean => node.state === "alive" || node.state === "suspect"
