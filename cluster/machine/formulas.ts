import type { Settings } from "./settings.ts"

export interface SuspicionSpan {
  readonly minMs: number
  readonly maxMs: number
}

/** `nodes` counts everybody in the table, the dead as well. The logarithm is cut, not rounded, to three decimals. */
export function suspicionSpan(settings: Settings, nodes: number): SuspicionSpan {
  const scale = Math.floor(Math.max(1, Math.log10(Math.max(1, nodes))) * 1000) / 1000
  // Through whole thousandths: 4 · 1.041 · 1000 must be 4164, not a hair less.
  const minMs = Math.round(settings.suspicionMult * scale * 1000) * (settings.probeIntervalMs / 1000)
  return { minMs, maxMs: minMs * settings.suspicionMaxTimeoutMult }
}

/** How many others have to agree before a suspicion lasts only its minimum. 0 where there are not as many. */
export function expectedConfirmations(settings: Settings, nodes: number): number {
  const wanted = settings.suspicionMult - 2
  return nodes - 2 < wanted ? 0 : wanted
}

/** What is left of a suspicion after so many confirmations; at or below zero it is over. */
export function remainingSuspicionMs(confirmations: number, k: number, span: SuspicionSpan, elapsedMs: number): number {
  const share = Math.log(confirmations + 1) / Math.log(k + 1)
  const totalMs = Math.floor(span.maxMs - share * (span.maxMs - span.minMs))
  return Math.max(totalMs, span.minMs) - elapsedMs
}

export function retransmitLimit(retransmitMult: number, nodes: number): number {
  return retransmitMult * Math.ceil(Math.log10(nodes + 1))
}

/** Full syncs grow rarer in a large ring. */
export function pushPullDelayMs(intervalMs: number, nodes: number): number {
  return nodes <= 32 ? intervalMs : intervalMs * (Math.ceil(Math.log2(nodes) - Math.log2(32)) + 1)
}
