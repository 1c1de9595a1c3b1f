import { succeeded } from "./hand-over.ts"
import { answeredByAbsent, isBack, sayAgain } from "./seek.ts"
import type { Address } from "./state.ts"
import { answeringChanged, count, type EventOf, happened, peerOf, setAddress, setPeer, type Turn } from "./turn.ts"

/** Time for members to say which MAC is theirs, before an unknown one is called a stranger. */
const introduceMs = 200

/** By then gossip has exchanged tables, if it can: who claims what it would not know better. */
const insistMs = 1000

/** What makes a living member claim an address, as a drained node, may be on its way to us. */
const newsMs = 150

/**
 * Somebody says that it has an address: a member's machine, or whoever has or wants a service address. `weighed`: it has
 * been said a while ago.
 */
export function heard(turn: Turn, event: EventOf<"heard">, weighed = false): void {
  const { draft, nowMs } = turn
  const { ip, mac, gratuitous } = event
  if (mac === draft.desired.mac) return
  const machine = draft.byAddress.get(ip)
  if (machine !== undefined) setPeer(turn, machine, { kernelMac: mac, kernelHeardMs: nowMs, kernelTries: 0 })
  const address = draft.addresses.get(ip)
  if (address === undefined) return
  const name = memberOf(turn, mac)
  if (address.lingerMs !== undefined) {
    if (name !== undefined && draft.desired.liveness) lives(turn, name, mac)
    return succeeded(turn, address, name, mac)
  }
  if (name === undefined) return unknown(turn, address, mac, gratuitous)
  if (!draft.desired.liveness) return
  lives(turn, name, mac)
  if (!address.answering) setAddress(turn, ip, { holder: name, unansweredMs: undefined, confirm: undefined })
  else if (address.before.includes(name)) {
    // For an address that gossip says is ours only a claim counts: a kernel that answers for it leads nobody.
    if (address.role === "standby" || gratuitous) {
      yieldTo(turn, address, name, mac)
      isBack(turn, name)
    } else answeredByAbsent(turn, address, name)
    // What answers our own announcement has heard it, and knows what to do.
  } else if (gratuitous && (weighed || draft.members.get(name)?.state !== "alive")) contested(turn, address, name, mac)
  else if (gratuitous && address.claimant === undefined) {
    const dueMs = nowMs + newsMs
    setAddress(turn, ip, { claimant: { mac, gratuitous, dueMs } })
    draft.dueMs = Math.min(draft.dueMs, dueMs)
    // It answers still for what we took from it and lead now: it does not know.
  } else if (!gratuitous && address.takenFrom === name) sayAgain(turn, address)
}

export function memberOf({ draft }: Turn, mac: string): string | undefined {
  const named = draft.named.get(mac)
  if (named !== undefined) return named
  for (const { name, kernelMac } of draft.peers.values()) if (kernelMac === mac) return name
  return undefined
}

/** Its speaker answers: every doubt is over. */
function lives(turn: Turn, name: string, mac: string): void {
  const { doubt } = peerOf(turn, name)
  setPeer(turn, name, { mac, heardMs: turn.nowMs, acquainted: true, outstanding: undefined, doubt: undefined })
  if (doubt === undefined) return
  for (const { ip, holder, confirm } of turn.draft.addresses.values()) {
    if (holder === name && confirm !== undefined) setAddress(turn, ip, { confirm: undefined })
  }
}

function yieldTo(turn: Turn, { ip, role }: Address, to: string, mac: string): void {
  const yieldedMs = role === "own" ? turn.nowMs : undefined
  const asked = { holder: to, unansweredMs: undefined, confirm: undefined }
  setAddress(turn, ip, { answering: false, ...asked, takenFrom: undefined, yieldedMs })
  count(turn, "yields")
  happened(turn, { what: "yielded", ip, to, mac })
  answeringChanged(turn)
}

/** One who comes after us, or is no candidate: we say again whose it is, once in a while. */
function contested(turn: Turn, address: Address, by: string, mac: string): void {
  const { draft, nowMs, effects } = turn
  const { ip, role, rivals, defendedMs, toldMs, splitTold } = address
  const { defendEveryMs } = draft.settings
  // Its claim and our answer to the one before may have crossed.
  if (nowMs - defendedMs < newsMs) return
  count(turn, "contests")
  const split = role === "own" && draft.members.get(by)?.state === "dead" && !splitTold
  if (split) {
    count(turn, "splits")
    happened(turn, { what: "brain-split", ip, node: by, mac })
    setAddress(turn, ip, { splitTold: true })
  }
  const defended = nowMs - defendedMs >= defendEveryMs
  if (defended) {
    effects.push({ kind: "announce", ip, how: "burst" })
    setAddress(turn, ip, { defendedMs: nowMs })
    // Not told again for as long as it is not defended again.
  } else if (role === "standby" || (rivals?.includes(by) === true && nowMs - defendedMs >= insistMs))
    return yieldTo(turn, address, by, mac)
  else sayAgain(turn, address)
  if (!defended && nowMs - toldMs < defendEveryMs) return
  setAddress(turn, ip, { toldMs: nowMs })
  happened(turn, { what: "contested", ip, by, mac, defended })
}

/** None of ours, as far as we know. Members that have not named their MACs are asked for them first. */
function unknown(turn: Turn, address: Address, mac: string, gratuitous: boolean): void {
  const { draft, nowMs, effects } = turn
  if (!address.answering && address.ceasedMs === undefined) return
  const nameless = [...draft.members.values()].filter(
    ({ name, macs, state }) => state !== "left" && macs.length === 0 && peerOf(turn, name).kernelMac === undefined,
  )
  if (nameless.length === 0) return conflict(turn, address, mac)
  if (address.claimant !== undefined) return
  for (const { address: ip } of nameless) effects.push({ kind: "ask-kernel", address: ip, to: undefined })
  setAddress(turn, address.ip, { claimant: { mac, gratuitous, dueMs: nowMs + introduceMs } })
}

/** The others have had their time. */
export function judgeClaimant(turn: Turn, address: Address): void {
  const { claimant, ip } = address
  if (claimant === undefined || turn.nowMs < claimant.dueMs) return
  setAddress(turn, ip, { claimant: undefined })
  const { mac, gratuitous } = claimant
  if (address.lingerMs === undefined && memberOf(turn, mac) === undefined)
    conflict(turn, { ...address, claimant: undefined }, mac)
  else heard(turn, { kind: "heard", ip, mac, gratuitous }, true)
}

/** RFC 5227 §2.4. */
function conflict(turn: Turn, address: Address, mac: string): void {
  const { draft, nowMs, effects } = turn
  const { ip, role, defendedMs, toldMs, ceasedMs } = address
  const { defendEveryMs } = draft.settings
  count(turn, "conflicts")
  if (ceasedMs !== undefined) return setAddress(turn, ip, { ceasedMs: nowMs })
  const again = nowMs - defendedMs < defendEveryMs
  if (!again) {
    effects.push({ kind: "announce", ip, how: "once" })
    setAddress(turn, ip, { defendedMs: nowMs, toldMs: nowMs })
    return happened(turn, { what: "conflict", ip, mac, answer: "defended" })
  }
  if (draft.desired.strangers === "cease") {
    setAddress(turn, ip, { answering: false, ...(role === "own" ? { ceasedMs: nowMs } : {}), toldMs: nowMs })
    answeringChanged(turn)
    return happened(turn, { what: "conflict", ip, mac, answer: "ceased" })
  }
  if (nowMs - toldMs < defendEveryMs) return
  setAddress(turn, ip, { toldMs: nowMs })
  happened(turn, { what: "conflict", ip, mac, answer: "waited" })
}
