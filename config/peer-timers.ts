import { durationText, parseDurationMs } from "./duration.ts"
import type { BGPPeerSpec } from "./facts.ts"
import type { Complain } from "./fault.ts"
import { quote } from "./go-text.ts"

export interface PeerTimers {
  readonly holdSeconds: number
  readonly keepaliveSeconds?: number
}

/** What the OPEN has room for (RFC 4271 §4.2); nobody who writes more means less. */
const longestHoldSeconds = 65_535

/**
 * RFC 4271 §4.2: the hold time is 0 or at least three seconds. Without either timer it is 90 seconds (§10). A keepalive
 * time counts in whole seconds, as it is sent at most once a second (§4.4); less than one leaves the usual third.
 */
export function readTimers({ holdTime, keepaliveTime }: BGPPeerSpec, complain: Complain): PeerTimers {
  const read = (field: string, text: string | undefined): number | undefined => {
    if (text === undefined) return undefined
    const ms = parseDurationMs(text)
    if (ms === undefined) complain(field, `time: invalid duration ${quote(text)}`)
    return ms
  }
  let holdMs = read("holdTime", holdTime)
  const asked = read("keepaliveTime", keepaliveTime)
  if (holdMs === undefined && asked === undefined) return { holdSeconds: 90 }
  holdMs ??= 3 * (asked ?? 0)
  const keepaliveMs = asked ?? holdMs / 3
  const holdSeconds = Math.min(Math.trunc(holdMs / 1000), longestHoldSeconds)
  if (holdSeconds !== 0 && holdSeconds < 3)
    complain("holdTime", `invalid hold time ${quote(durationText(holdSeconds * 1000))}: must be 0 or >=3s`)
  if (keepaliveMs > holdMs)
    complain(
      "keepaliveTime",
      `invalid keepaliveTime ${quote(durationText(keepaliveMs))}, must be lower than holdTime ${quote(durationText(holdMs))}`,
    )
  const keepaliveSeconds = asked === undefined ? 0 : Math.trunc(asked / 1000)
  return keepaliveSeconds < 1 ? { holdSeconds } : { holdSeconds, keepaliveSeconds }
}

/** The rules of the resource's schema, in its words: whatever the facts come from may not know them. */
export function readConnectSeconds({ connectTime }: BGPPeerSpec, complain: Complain): number | undefined {
  if (connectTime === undefined || connectTime === "") return undefined
  const ms = parseDurationMs(connectTime)
  if (ms === undefined) complain("connectTime", `time: invalid duration ${quote(connectTime)}`)
  else if (ms < 1000 || ms >= 65_536_000) complain("connectTime", "connect time should be between 1 seconds to 65535")
  else if (ms % 1000 !== 0) complain("connectTime", "connect time should contain a whole number of seconds")
  else return ms / 1000
  return undefined
}
