import { isDeepStrictEqual } from "node:util"
import type { SessionConfig } from "../../protocols/bgp/session.ts"
import { familyOf, type Ip, parseIp } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { Network, TcpTarget } from "../../supervision/world.ts"
import type { SessionSettings } from "./messages.ts"
import { targetOf } from "./transport.ts"

export type RetryWaits = SessionConfig["retry"]
/** MetalLB's: at once, then 1, 2, 4 … 120 seconds. */
export const defaultRetry: RetryWaits = { firstMs: 1_000, maxMs: 120_000 }

/** How long a passive session stays closed to its peer after failures. */
const longestShutMs = 8_000

export interface Plan {
  readonly session: SessionConfig
  readonly target: TcpTarget
}

/** What the settings mean here; or why there is no point in trying. The reason holds no secret. */
export function planOf(settings: SessionSettings, retry: RetryWaits, network: Network): Result<Plan, string> {
  const { myASN, peerASN, holdSeconds, keepaliveSeconds, connectSeconds, routerId, fallbackRouterId } = settings
  const target = targetOf(settings, network)
  if (!target.ok) return target
  if (routerId !== undefined && !isIpv4(routerId)) return err(`router id "${routerId}" is no dotted quad`)
  // RFC 4271 §8.2.1.4: ConnectRetryTime, always the same.
  const connectMs = connectSeconds === undefined ? undefined : connectSeconds * 1000
  const passive = settings.passive === true
  return ok({
    session: {
      myASN,
      peerASN,
      holdSeconds,
      // Who waits goes nowhere by itself: a peer that tries again is not kept out for long.
      retry: passive
        ? { firstMs: retry.firstMs, maxMs: Math.min(retry.maxMs, longestShutMs) }
        : connectMs === undefined
          ? retry
          : { firstMs: connectMs, maxMs: connectMs },
      ...(passive ? { passive } : {}),
      ...(keepaliveSeconds === undefined ? {} : { keepaliveSeconds }),
      ...(routerId === undefined ? {} : { routerId: routerId as Ip }),
      ...(fallbackRouterId === undefined ? {} : { fallbackId: fallbackRouterId as Ip }),
    },
    target: target.value,
  })
}

function isIpv4(text: string): boolean {
  const ip = parseIp(text)
  return ip !== undefined && ip === text && familyOf(ip) === "ipv4"
}

export const sameSettings = (a: SessionSettings, b: SessionSettings): boolean => isDeepStrictEqual(a, b)
