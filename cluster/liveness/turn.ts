import type { Ip } from "../../protocols/ip.ts"
import type { Address, Effect, Event, Happening, LivenessCounts, Peer, State, Watched } from "./state.ts"

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Draft = Omit<Mutable<State>, "peers" | "addresses"> & { peers: Map<string, Peer>; addresses: Map<Ip, Address> }

/** One step under way: a copy of the state to work on, and the effects so far. */
export interface Turn {
  readonly draft: Draft
  readonly effects: Effect[]
  readonly nowMs: number
  /** What of the draft is a copy already; most steps change one thing among a thousand, or nothing. */
  readonly copied: { peers: boolean; addresses: boolean }
}

export const never = Number.NEGATIVE_INFINITY

export function beginTurn(state: State, nowMs: number): Turn {
  // The maps are only written by `writablePeers` and `writableAddresses`.
  const draft = { ...state } as Draft
  return { draft, effects: [], nowMs, copied: { peers: false, addresses: false } }
}

export function peerOf({ draft }: Turn, name: string): Peer {
  return draft.peers.get(name) ?? { ...stranger, name }
}

const stranger: Omit<Peer, "name"> = {
  mac: undefined,
  heardMs: never,
  acquainted: false,
  kernelMac: undefined,
  kernelHeardMs: never,
  nextKernelMs: 0,
  kernelTries: 0,
  portWorks: false,
  nextPortMs: 0,
  nextProbeMs: 0,
  rotation: 0,
  outstanding: undefined,
  doubt: undefined,
}

export function setPeer(turn: Turn, name: string, patch: Partial<Peer>): Peer {
  const next = { ...peerOf(turn, name), ...patch }
  writablePeers(turn).set(name, next)
  return next
}

export function setAddress(turn: Turn, ip: Ip, patch: Partial<Address>): void {
  const address = turn.draft.addresses.get(ip)
  if (address !== undefined) writableAddresses(turn).set(ip, { ...address, ...patch })
}

export function writablePeers({ draft, copied }: Turn): Map<string, Peer> {
  if (!copied.peers) draft.peers = new Map(draft.peers)
  copied.peers = true
  return draft.peers
}

function writableAddresses({ draft, copied }: Turn): Map<Ip, Address> {
  if (!copied.addresses) draft.addresses = new Map(draft.addresses)
  copied.addresses = true
  return draft.addresses
}

export const newAddress = (watched: Watched): Address => ({
  ...watched,
  answering: watched.role === "own",
  holder: undefined,
  unansweredMs: undefined,
  takenFrom: undefined,
  takenMs: never,
  yieldedMs: undefined,
  splitTold: false,
  confirm: undefined,
  defendedMs: never,
  saidMs: never,
  toldMs: never,
  claimant: undefined,
  ceasedMs: undefined,
  lingerMs: undefined,
  successor: undefined,
})

export function count({ draft }: Turn, what: Exclude<keyof LivenessCounts, "takeovers">): void {
  draft.counts = { ...draft.counts, [what]: draft.counts[what] + 1 }
}

export function happened(turn: Turn, happening: Happening): void {
  turn.effects.push({ kind: "happened", happening })
}

export function answeringChanged({ effects }: Turn): void {
  // First, so that what is said of it does not hold it up.
  if (effects[0]?.kind !== "answering-changed") effects.unshift({ kind: "answering-changed" })
}

/** Heard so lately that gossip's word does not count against it. */
export function heardLately({ draft, nowMs }: Turn, name: string): boolean {
  const peer = draft.peers.get(name)
  return peer !== undefined && nowMs - peer.heardMs <= 3 * draft.settings.probeManyEveryMs
}

/** The addresses that make us watch a member: it has them, and after it they are ours. */
export const isWatched = ({ role, answering, yieldedMs }: Address): boolean =>
  !answering && (role === "standby" || yieldedMs !== undefined)

export type EventOf<Kind extends Event["kind"]> = Extract<Event, { readonly kind: Kind }>
