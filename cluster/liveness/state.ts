import type { Ip } from "../../protocols/ip.ts"
import type { Cause, Evidence, LivenessReason } from "./judge.ts"
import type { LivenessSettings } from "./settings.ts"

/** One segment, as told: who there is, and which addresses matter on it. Always all of it. */
export interface Desired {
  readonly self: string
  /** Of our own interface. MACs are text everywhere in this machine. */
  readonly mac: string
  readonly members: readonly Member[]
  readonly addresses: readonly Watched[]
  /** False: no probes, no take-overs, no yielding; strangers are still noticed. */
  readonly liveness: boolean
  /** RFC 5227 §2.4: defend against strangers for ever (c), or give up at the second conflict within the interval (b). */
  readonly strangers: "defend" | "cease"
}

export interface Member {
  readonly name: string
  /** Of its gossip; the node's own where the speaker has the host's network. */
  readonly address: Ip
  readonly port: number
  /** As it says itself; empty: not known. */
  readonly macs: readonly string[]
  /** It says itself that none of its interfaces can announce now. Absent: it does not. */
  readonly unheard?: true
  /** By gossip; what it has forgotten is dead. */
  readonly state: "alive" | "dead" | "left"
}

export interface Watched {
  readonly ip: Ip
  /** own: gossip says that we lead. standby: somebody before us does. former: another does, and we are no candidate. */
  readonly role: "own" | "standby" | "former"
  /** Who comes before us in the election, the first first, whether alive or not. */
  readonly before: readonly string[]
  /**
   * Who would come before us if nothing had been said in gossip, neither our claim by the policy `sticky` nor that they are
   * drained: either may be news that has not arrived. Absent: nobody.
   */
  readonly rivals?: readonly string[]
}

export interface Address extends Watched {
  readonly answering: boolean
  /** The member that has it, as heard or as expected. */
  readonly holder: string | undefined
  /** Since when the holder leaves questions for this address unanswered; the member may live and answer for others. */
  readonly unansweredMs: number | undefined
  /** Taken from that member, which we go on asking: it may come back. */
  readonly takenFrom: string | undefined
  /** When that was. */
  readonly takenMs: number
  /** Given to a member that comes before us, against gossip's word. */
  readonly yieldedMs: number | undefined
  readonly splitTold: boolean
  /** The last question before a take-over. */
  readonly confirm: { readonly sentMs: number; readonly repeated: boolean } | undefined
  readonly defendedMs: number
  /** When we last said again that it is ours, besides that. */
  readonly saidMs: number
  readonly toldMs: number
  /** A stranger's claim, to be judged once the others have had time to say who they are. */
  readonly claimant: { readonly mac: string; readonly gratuitous: boolean; readonly dueMs: number } | undefined
  readonly ceasedMs: number | undefined
  /** Since when we answer for an address that another leads, until that one is heard. */
  readonly lingerMs: number | undefined
  /** It was heard: questions that are under way are still answered. */
  readonly successor: Successor | undefined
}

export interface Successor {
  readonly to?: string
  readonly mac: string
  readonly heardMs: number
}

/** A member as this segment shows it. */
export interface Peer {
  readonly name: string
  /** By which its speaker was heard here. */
  readonly mac: string | undefined
  readonly heardMs: number
  /** It has answered since we rely on it: only then its silence means something. */
  readonly acquainted: boolean
  /** By which its kernel was heard here. */
  readonly kernelMac: string | undefined
  readonly kernelHeardMs: number
  readonly nextKernelMs: number
  readonly kernelTries: number
  /** Its gossip port has accepted a connection: from then on a refusal means something. */
  readonly portWorks: boolean
  readonly nextPortMs: number
  readonly nextProbeMs: number
  readonly rotation: number
  readonly outstanding: { readonly ip: Ip; readonly sentMs: number } | undefined
  readonly doubt: Doubt | undefined
}

/** What is found out about a member since it left a probe unanswered. Each question is asked again while that lasts. */
export interface Doubt {
  readonly sinceMs: number
  readonly missed: number
  readonly port: Question<Evidence["port"]>
  readonly gossip: Question<Evidence["gossip"]>
  /** A series of quick questions to kernels: its own, and those of others on the segment. */
  readonly kernels: { readonly begunMs: number; readonly asked: number; readonly askedMs: number }
  /** Since when the evidence suffices. */
  readonly readyMs: number | undefined
}
export interface Question<Outcome> {
  readonly askedMs: number
  readonly pending: boolean
  /** The last answer. */
  readonly outcome: Outcome
}

export interface State {
  readonly settings: LivenessSettings
  readonly desired: Desired
  readonly members: ReadonlyMap<string, Member>
  /** Members by the MACs that they named. */
  readonly named: ReadonlyMap<string, string>
  readonly byAddress: ReadonlyMap<Ip, string>
  /** A few of the living, to tell whether we hear anybody here. */
  readonly witnesses: readonly string[]
  readonly peers: ReadonlyMap<string, Peer>
  readonly addresses: ReadonlyMap<Ip, Address>
  /** Of `seek`. */
  readonly nextSeekMs: number
  readonly seeks: number
  /** When the next `tick` is due; infinity: none. */
  readonly dueMs: number
  readonly counts: LivenessCounts
}

export interface LivenessCounts {
  readonly takeovers: Readonly<Partial<Record<Cause, number>>>
  /** To members that came back or came before us. */
  readonly yields: number
  /** Another member's claims of an address that is ours. */
  readonly contests: number
  /** Strangers' claims of an address that is ours. */
  readonly conflicts: number
  readonly splits: number
  /** Members that were heard here when neither gossip nor the API server knew them any more. */
  readonly remembered: number
  readonly pauses: number
  readonly probesSent: number
  readonly probesMissed: number
}

export type Event =
  /** `adopt`: what a machine before this one had taken and was still answering for. */
  | { readonly kind: "desired"; readonly desired: Desired; readonly adopt?: Answering }
  /** A reply, an announcement or an advertisement. */
  | { readonly kind: "heard"; readonly ip: Ip; readonly mac: string; readonly gratuitous: boolean }
  | { readonly kind: "connected"; readonly name: string; readonly outcome: "refused" | "accepts" | "no-answer" }
  | { readonly kind: "verified"; readonly name: string; readonly outcome: "alive" | "silent" | "unknown" }
  | { readonly kind: "tick" }

export type Effect =
  /** Ask who has a service address: that MAC alone, or everybody. */
  | { readonly kind: "probe"; readonly ip: Ip; readonly to: string | undefined }
  /** Ask for a node's own address. */
  | { readonly kind: "ask-kernel"; readonly address: Ip; readonly to: string | undefined }
  | { readonly kind: "connect"; readonly name: string; readonly address: Ip; readonly port: number }
  /** Through gossip, which may have forgotten it. */
  | {
      readonly kind: "verify"
      readonly name: string
      readonly at: Pick<Member, "address" | "port">
      readonly timeoutMs: number
    }
  /** What is answered for is not what it was; see `answering`. */
  | { readonly kind: "answering-changed" }
  /** burst: as for a new address. once: RFC 5227 §2.4, one single announcement. */
  | { readonly kind: "announce"; readonly ip: Ip; readonly how: "burst" | "once" }
  | { readonly kind: "happened"; readonly happening: Happening }

/** What people are told. */
export type Happening =
  | {
      readonly what: "taken-over"
      readonly ip: Ip
      readonly from: string
      readonly cause: Cause
      readonly because: readonly LivenessReason[]
    }
  | { readonly what: "yielded"; readonly ip: Ip; readonly to: string; readonly mac: string }
  /** Another member announces what is ours. */
  | {
      readonly what: "contested"
      readonly ip: Ip
      readonly by: string
      readonly mac: string
      readonly defended: boolean
    }
  /** Gossip calls that member dead, and on the wire it has the address. */
  | { readonly what: "brain-split"; readonly ip: Ip; readonly node: string; readonly mac: string }
  | {
      readonly what: "conflict"
      readonly ip: Ip
      readonly mac: string
      readonly answer: "defended" | "waited" | "ceased"
    }
  /** No longer ours to answer for: its next leader was heard, or nobody in time. */
  | {
      readonly what: "handed-over"
      readonly ip: Ip
      readonly to?: string
      readonly mac?: string
      readonly afterMs: number
    }
  | { readonly what: "paused"; readonly lateMs: number }

const nobody: Desired = { self: "", mac: "", members: [], addresses: [], liveness: false, strangers: "defend" }

export const initialState = (settings: LivenessSettings): State => ({
  settings,
  desired: nobody,
  members: new Map(),
  named: new Map(),
  byAddress: new Map(),
  witnesses: [],
  peers: new Map(),
  addresses: new Map(),
  nextSeekMs: 0,
  seeks: 0,
  dueMs: Number.POSITIVE_INFINITY,
  counts: {
    takeovers: {},
    yields: 0,
    contests: 0,
    conflicts: 0,
    splits: 0,
    remembered: 0,
    pauses: 0,
    probesSent: 0,
    probesMissed: 0,
  },
})

/** What differs from gossip's word: answered for without leading, and not answered for though leading. */
export interface Answering {
  readonly taken: ReadonlySet<Ip>
  readonly yielded: ReadonlySet<Ip>
  /** Answered for until the next leader is heard, and not announced. Absent: none. */
  readonly lingering?: ReadonlySet<Ip>
}

export function answering(state: State): Answering {
  const taken = new Set<Ip>()
  const yielded = new Set<Ip>()
  const lingering = new Set<Ip>()
  for (const { ip, role, answering: answers, lingerMs } of state.addresses.values()) {
    if (lingerMs !== undefined) lingering.add(ip)
    else if (role !== "own" && answers) taken.add(ip)
    if (role === "own" && !answers) yielded.add(ip)
  }
  return { taken, yielded, ...(lingering.size === 0 ? {} : { lingering }) }
}
