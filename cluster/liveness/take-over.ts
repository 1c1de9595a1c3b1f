import type { Ip } from "../../protocols/ip.ts"
import { expected } from "./desire.ts"
import { evidenceFor } from "./doubt.ts"
import { type Cause, judge, type LivenessReason } from "./judge.ts"
import type { Address, Member } from "./state.ts"
import { answeringChanged, count, happened, heardLately, peerOf, setAddress, setPeer, type Turn } from "./turn.ts"

/** Of a leader's addresses everybody is asked for so many before all of them are taken over. */
const mostConfirmed = 64

/** Judges what is known, and acts on it when it is our turn. */
export function conclude(turn: Turn, member: Member, held: readonly Ip[]): void {
  const { draft, nowMs } = turn
  const { name } = member
  const { doubt } = peerOf(turn, name)
  if (doubt === undefined) return
  if (held.length === 0) return void setPeer(turn, name, { doubt: undefined })
  const verdict = judge(evidenceFor(turn, member, doubt), draft.settings)
  if (verdict.decision.kind === "wait") {
    for (const ip of held) setAddress(turn, ip, { confirm: undefined })
    return void setPeer(turn, name, { doubt: { ...doubt, readyMs: undefined } })
  }
  const readyMs = doubt.readyMs ?? nowMs
  setPeer(turn, name, { doubt: { ...doubt, readyMs } })
  let taken = 0
  for (const [i, ip] of held.entries()) {
    const address = draft.addresses.get(ip)
    if (address !== undefined && confirmed(turn, address, name, readyMs, i < mostConfirmed)) {
      takeOver(turn, address, name, verdict.decision.cause, verdict.because)
      taken++
    }
  }
  // It has to be met again before anything is believed of it.
  if (taken === held.length) setPeer(turn, name, { doubt: undefined, acquainted: false })
}

/**
 * What a member that lives has not answered for in so long, it has let go of. If gossip says that it is ours, it is ours
 * again. If it comes after us, it held it in somebody's place only, and what counts is who should have it. Who comes
 * before us has its reasons.
 */
export function letGo(turn: Turn, member: Member, held: readonly Ip[]): void {
  const { draft, nowMs } = turn
  const { name } = member
  for (const ip of held) {
    const address = draft.addresses.get(ip)
    if (address?.unansweredMs === undefined) continue
    const silentMs = nowMs - address.unansweredMs
    if (silentMs < draft.settings.silentMs) continue
    if (address.role === "own") {
      if (isThere(turn, member)) takeOver(turn, address, name, "let-go", [{ rule: "let-go", silentMs }])
    } else if (!address.before.includes(name)) expectAnother(turn, address)
  }
}

/** It is heard, and so are we not deaf ourselves. */
function isThere(turn: Turn, member: Member): boolean {
  if (heardLately(turn, member.name)) return true
  const { doubt } = peerOf(turn, member.name)
  if (doubt?.gossip.outcome !== "alive") return false
  return evidenceFor(turn, member, doubt).kernel === "answers"
}

function expectAnother(turn: Turn, address: Address): void {
  const next = expected(turn, address)
  setAddress(turn, address.ip, { holder: next, unansweredMs: undefined })
  // Somebody stood in for it, so its silence means something though we have not heard it since.
  if (next !== undefined && peerOf(turn, next).mac !== undefined) setPeer(turn, next, { acquainted: true })
}

/** Our turn has come, and everybody was asked in vain. */
function confirmed(
  turn: Turn,
  { ip, before, confirm }: Address,
  suspect: string,
  readyMs: number,
  asks: boolean,
): boolean {
  const { draft, nowMs, effects } = turn
  const { stepMs, confirmMs } = draft.settings
  const first = before.filter((name) => name !== suspect && mayTakeOver(turn, name))
  if (nowMs < readyMs + first.length * stepMs) return false
  if (confirm === undefined || (!confirm.repeated && nowMs >= confirm.sentMs + confirmMs / 2)) {
    if (asks) {
      effects.push({ kind: "probe", ip, to: undefined })
      count(turn, "probesSent")
    }
    setAddress(turn, ip, { confirm: { sentMs: confirm?.sentMs ?? nowMs, repeated: confirm !== undefined } })
    return false
  }
  return nowMs >= confirm.sentMs + confirmMs
}

function mayTakeOver(turn: Turn, name: string): boolean {
  const { state, unheard } = turn.draft.members.get(name) ?? {}
  return (state === "alive" && unheard !== true) || heardLately(turn, name)
}

function takeOver(
  turn: Turn,
  { ip, role }: Address,
  from: string,
  cause: Cause,
  because: readonly LivenessReason[],
): void {
  const { draft, nowMs } = turn
  setAddress(turn, ip, {
    answering: true,
    holder: undefined,
    unansweredMs: undefined,
    confirm: undefined,
    takenFrom: role === "standby" ? from : undefined,
    takenMs: nowMs,
    yieldedMs: undefined,
    splitTold: false,
  })
  const { takeovers } = draft.counts
  draft.counts = { ...draft.counts, takeovers: { ...takeovers, [cause]: (takeovers[cause] ?? 0) + 1 } }
  happened(turn, { what: "taken-over", ip, from, cause, because })
  answeringChanged(turn)
}
