import type { Ip } from "../../protocols/ip.ts"
import type { Address } from "./state.ts"
import { peerOf, setAddress, type Turn } from "./turn.ts"

/*
 * A segment that was cut and is whole again: both sides answer for what they took, and gossip may need a minute to find
 * that out. So whoever answers for an address of a member that gossip calls dead, or that has left and may have begun again
 * behind the cut, asks for it now and then. A reply alone proves nothing (the kernel of a node may answer for it, whatever
 * its speaker does), so it makes us say again what is ours: a speaker that comes before us contradicts that, and to a
 * contradiction we yield.
 */

/** Every so often each of them is asked for one of its addresses; every so many times whoever has it now. */
const broadcastEvery = 8
/** At a time; what is handed over in bulk is announced in bulk as well. */
const mostAsked = 64

/**
 * When to come again; infinity: nobody is missed. The next leader of what lingers here is asked for as well: one that has
 * led all along, behind a cut, has no reason to announce it.
 */
export function seek(turn: Turn): number {
  const { draft, nowMs, effects } = turn
  const lingering = [...draft.addresses.values()].filter(({ lingerMs }) => lingerMs !== undefined)
  const isMissed = draft.desired.liveness && mayMiss(turn)
  if (lingering.length === 0 && !isMissed) return Number.POSITIVE_INFINITY
  if (nowMs < draft.nextSeekMs) return draft.nextSeekMs
  for (const { ip } of lingering.slice(0, mostAsked)) effects.push({ kind: "probe", ip, to: undefined })
  for (const [name, ips] of isMissed ? missed(turn) : []) {
    const ip = ips[draft.seeks % ips.length]
    if (ip === undefined) continue
    const to = draft.seeks % broadcastEvery === 0 ? undefined : (peerOf(turn, name).mac ?? onlyMac(turn, name))
    effects.push({ kind: "probe", ip, to })
  }
  draft.seeks++
  draft.nextSeekMs = nowMs + draft.settings.seekEveryMs
  return draft.nextSeekMs
}

const onlyMac = ({ draft }: Turn, name: string): string | undefined => {
  const macs = draft.members.get(name)?.macs ?? []
  return macs.length === 1 ? macs[0] : undefined
}

const mayMiss = ({ draft }: Turn): boolean =>
  draft.members.values().some(({ state }) => state !== "alive") ||
  draft.addresses.values().some(({ role, answering }) => role === "standby" && answering)

/**
 * By member what we answer for and it may have as well: one that is dead or has left by gossip, or one that lives and comes before us
 * for what we took from a third, which it could not hear us do.
 */
function missed({ draft }: Turn): Map<string, Ip[]> {
  const found = new Map<string, Ip[]>()
  for (const { ip, role, answering, before, takenFrom } of draft.addresses.values()) {
    if (!answering || role === "former") continue
    for (const name of before) {
      const state = draft.members.get(name)?.state
      if (state === undefined || name === takenFrom || (state === "alive" && role !== "standby")) continue
      const ips = found.get(name) ?? []
      if (ips.push(ip) === 1) found.set(name, ips)
    }
  }
  return found
}

/** A member that gossip calls dead, or that has left, answers for what is ours. */
export function answeredByAbsent(turn: Turn, address: Address, name: string): void {
  if (isAbsent(turn, name)) sayAgain(turn, address)
}

const isAbsent = ({ draft }: Turn, name: string): boolean => {
  const state = draft.members.get(name)?.state
  return state === "dead" || state === "left"
}

/** It has contradicted us for one address: what else may it have? */
export function isBack(turn: Turn, name: string): void {
  if (!isAbsent(turn, name)) return
  for (const address of turn.draft.addresses.values()) {
    if (address.role === "own" && address.answering && address.before.includes(name)) sayAgain(turn, address)
  }
}

/** Once in a while, however often there is a reason. True: it was said. */
export function sayAgain(turn: Turn, { ip, saidMs }: Address): boolean {
  const { draft, nowMs, effects } = turn
  if (nowMs - saidMs < draft.settings.sayEveryMs) return false
  setAddress(turn, ip, { saidMs: nowMs })
  effects.push({ kind: "announce", ip, how: "once" })
  return true
}
