import type { Ip } from "../../protocols/ip.ts"
import type { Address, Effect, Event, Happening, LivenessCounts, Peer, State, Watched } from "./state.ts"

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Draft = Omit<Mutable<State>, "peers" | "addresses"> & { peers: Map<string, Peer>; addresses: Map<Ip, Address> }

/** One step under way: a copy of the state to work on, and the effects so far. */
export interface Turn {
  readonly draft: Draft
  readonly effects: Effect[]
  readonly nowMs: number
}

export const never = Number.NEGATIVE_INFINITY

export function beginTurn(state: State, nowMs: number): Turn {
  const draft = { ...state, peers: new Map(state.peers), addresses: new Map(state.addresses) }
  return { draft, effects: [], nowMs }
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
  turn.draft.peers.set(name, next)
  return next
}

export function setAddress({ draft }: Turn, ip: Ip, patch: Partial<Address>): void {
  const address = draft.addresses.get(ip)
  if (address !== undefined) draft.addresses.set(ip, { ...address, ...patch })
}

export const newAddress = (watched: Watched): Address => ({
  ...watched,
  answering: watched.role === "own",
  holder: undefined,
  takenFrom: undefined,
  yieldedMs: undefined,
  splitTold: false,
  confirm: undefined,
  defendedMs: never,
  saidMs: never,
  toldMs: never,
  claimant: undefined,
  ceasedMs: undefined,
  lingerMs: undefined,
})

export function count({ draft }: Turn, what: Exclude<keyof LivenessCounts, "takeovers">): void {
  draft.counts = { ...draft.counts, [what]: draft.counts[what] + 1 }
}

export function happened(turn: Turn, happening: Happening): void {
  turn.effects.push({ kind: "happened", happening })
}

export function answeringChanged({ effects }: Turn): void {
  if (!effects.some(({ kind }) => kind === "answering-changed")) effects.push({ kind: "answering-changed" })
}

/** Heard so lately that gossip's word does not count against it. */
export function heardLately({ draft, nowMs }: Turn, name: string): boolean {
  const peer = draft.peers.get(name)
  return peer !== undefined && nowMs - peer.heardMs <= 3 * draft.settings.probeEveryMs
}

/** The addresses that make us watch a member: it has them, and after it they are ours. */
export const isWatched = ({ role, answering, yieldedMs }: Address): boolean =>
  !answering && (role === "standby" || yieldedMs !== undefined)

export type EventOf<Kind extends Event["kind"]> = Extract<Event, { readonly kind: Kind }>
