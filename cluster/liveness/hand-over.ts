import type { Address, Watched } from "./state.ts"
import { answeringChanged, happened, newAddress, setAddress, type Turn } from "./turn.ts"

/*
 * Make before break: an address that this node led, and another node leads now, is answered for until that one is heard to
 * have it, and not announced any more. So no question stays without an answer, and the neighbours that heard the new one
 * keep what they heard.
 */

/** Whether it is still ours to answer for, since its next leader may not have begun. */
export const goesOn = ({ role }: Watched, was: Address | undefined): boolean =>
  was?.answering === true && role !== "own" && (was.role === "own" || was.lingerMs !== undefined || role === "former")

export const lingering = (turn: Turn, watched: Watched, was: Address | undefined): Address => ({
  ...(was ?? newAddress(watched)),
  ...watched,
  answering: true,
  lingerMs: was?.lingerMs ?? turn.nowMs,
  holder: undefined,
  takenFrom: undefined,
  yieldedMs: undefined,
  splitTold: false,
  confirm: undefined,
  // Who claimed it a moment ago knew sooner than we that it should.
  claimant: was?.claimant,
  ceasedMs: undefined,
})

/** No candidate, and nothing left to hand over. */
export const gone = (watched: Watched): Address => ({ ...newAddress(watched), answering: false })

/** Somebody else was heard to have it. */
export function succeeded(turn: Turn, { ip, successor }: Address, by: string | undefined, mac: string): void {
  if (successor !== undefined) return
  const { draft, nowMs } = turn
  setAddress(turn, ip, { successor: { ...(by === undefined ? {} : { to: by }), mac, heardMs: nowMs } })
  draft.dueMs = Math.min(draft.dueMs, nowMs + draft.settings.crossingMs)
}

/** When an address that lingers is let go of; infinity: it does not linger. */
export function lingersUntilMs({ draft: { settings } }: Turn, { role, lingerMs, successor }: Address): number {
  if (lingerMs === undefined) return Number.POSITIVE_INFINITY
  // If nobody is heard, whoever should have it may have lost its link, and must not find us here when it is back.
  const latestMs = lingerMs + (role === "standby" ? settings.lingerStandbyMs : settings.lingerMs)
  return successor === undefined ? latestMs : Math.min(latestMs, successor.heardMs + settings.crossingMs)
}

export function endLinger(turn: Turn, address: Address): void {
  const { ip, lingerMs, successor } = address
  if (lingerMs === undefined || turn.nowMs < lingersUntilMs(turn, address)) return
  const { heardMs = turn.nowMs, ...heard } = successor ?? {}
  setAddress(turn, ip, { answering: false, lingerMs: undefined, successor: undefined, holder: successor?.to })
  happened(turn, { what: "handed-over", ip, ...heard, afterMs: heardMs - lingerMs })
  answeringChanged(turn)
}
