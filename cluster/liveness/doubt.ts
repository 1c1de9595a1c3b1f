import type { Evidence } from "./judge.ts"
import type { Doubt, Member, Peer } from "./state.ts"
import { never, peerOf, setPeer, type Turn } from "./turn.ts"

/** Nothing is known yet but a probe that was not answered. */
export const newDoubt = (sinceMs: number): Doubt => ({
  sinceMs,
  missed: 0,
  port: { askedMs: never, pending: false, outcome: "unknown" },
  gossip: { askedMs: never, pending: false, outcome: "unknown" },
  kernels: { begunMs: Number.POSITIVE_INFINITY, asked: 0, askedMs: never },
  readyMs: undefined,
})

export function connect({ effects }: Turn, { name, address, port }: Member): void {
  effects.push({ kind: "connect", name, address, port })
}

/** Asks all there is to ask, at the same time, and again while the doubt lasts. */
export function investigate(turn: Turn, member: Member, doubt: Doubt): void {
  const { draft, nowMs, effects } = turn
  const { settings } = draft
  const { name, address, port: gossipPort } = member
  const { portWorks, kernelMac, kernelHeardMs } = peerOf(turn, name)
  let { port, gossip, kernels } = doubt
  if (port.pending && nowMs - port.askedMs >= settings.connectWithinMs)
    port = { ...port, pending: false, outcome: "no-answer" }
  // A process that has just been killed listens for as long as its kernel takes to clear it away.
  if (portWorks && !port.pending && port.outcome !== "refused" && nowMs - port.askedMs >= settings.doubtEveryMs) {
    connect(turn, member)
    port = { ...port, pending: true, askedMs: nowMs }
  }
  // The question may have died with whoever was asked.
  if (gossip.pending && nowMs - gossip.askedMs >= 2 * settings.verifyEveryMs) gossip = { ...gossip, pending: false }
  if (!gossip.pending && nowMs - gossip.askedMs >= settings.verifyEveryMs) {
    const timeoutMs = gossip.askedMs === never ? settings.verifyFirstMs : settings.verifyWithinMs
    effects.push({ kind: "verify", name, at: { address, port: gossipPort }, timeoutMs })
    gossip = { ...gossip, pending: true, askedMs: nowMs }
  }
  const answered = kernelHeardMs >= kernels.begunMs
  if (kernels.askedMs === never || (answered && nowMs - kernels.begunMs >= settings.verifyEveryMs))
    kernels = { begunMs: nowMs, asked: 0, askedMs: never }
  if (!answered && kernels.asked < settings.kernelProbes && nowMs - kernels.askedMs >= settings.kernelEveryMs) {
    const to = kernels.asked === 0 ? kernelMac : undefined
    if (kernelMac !== undefined) effects.push({ kind: "ask-kernel", address, to })
    for (const witness of witnessesFor(turn, name)) {
      const of = draft.members.get(witness.name)
      if (of !== undefined) effects.push({ kind: "ask-kernel", address: of.address, to: witness.kernelMac })
    }
    kernels = { ...kernels, asked: kernels.asked + 1, askedMs: nowMs }
  }
  setPeer(turn, name, { doubt: { ...doubt, port, gossip, kernels } })
}

/** Others whose kernels have answered on this segment. */
function witnessesFor({ draft }: Turn, suspect: string): readonly Peer[] {
  return draft.witnesses
    .filter((name) => name !== suspect)
    .flatMap((name) => draft.peers.get(name) ?? [])
    .filter(({ kernelMac }) => kernelMac !== undefined)
}

/** Where the questions stand now. */
export function evidenceFor(turn: Turn, { name, macs, unheard, state }: Member, doubt: Doubt): Evidence {
  const { draft, nowMs } = turn
  const { settings } = draft
  const { mac, kernelMac, kernelHeardMs } = peerOf(turn, name)
  const { missed, sinceMs, port, gossip, kernels } = doubt
  const allAsked = kernels.asked >= settings.kernelProbes && nowMs - kernels.askedMs >= settings.kernelEveryMs
  const others = witnessesFor(turn, name)
  const hears = others.some(({ heardMs, kernelHeardMs: at }) => Math.max(heardMs, at) >= sinceMs)
  return {
    missed,
    silentMs: nowMs - sinceMs,
    port: port.outcome,
    kernel:
      kernelMac === undefined
        ? "elsewhere"
        : kernelHeardMs >= kernels.begunMs
          ? "answers"
          : allAsked
            ? "silent"
            : "unknown",
    witnesses: others.length === 0 ? "none" : hears ? "answer" : allAsked ? "silent" : "unknown",
    gossip: gossip.outcome,
    linkWithdrawn:
      state === "alive" && (unheard === true || (mac !== undefined && macs.length > 0 && !macs.includes(mac))),
  }
}
