import { isDeepStrictEqual } from "node:util"
import type { SessionConfig } from "../../protocols/bgp/session.ts"
import { type Family, familyOf, type Ip, parseIp } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { Network, TcpTarget } from "../../supervision/world.ts"
import type { SessionSettings } from "./messages.ts"

/** One attempt, from the first SYN to the connection. MetalLB's deadline. */
const connectTimeoutMs = 10_000

export type RetryWaits = SessionConfig["retry"]
/** MetalLB's: at once, then 1, 2, 4 … 120 seconds. */
export const defaultRetry: RetryWaits = { firstMs: 1_000, maxMs: 120_000 }

export interface Plan {
  readonly session: SessionConfig
  readonly target: TcpTarget
}

/** What the settings mean here; or why there is no point in trying. The reason holds no secret. */
export function planOf(settings: SessionSettings, retry: RetryWaits, network: Network): Result<Plan, string> {
  const { myASN, peerASN, address, port, sourceAddress, holdSeconds, password } = settings
  const family = ipFamily(address)
  if (family === undefined) return err(`peer address "${address}" is no address`)
  if (sourceAddress !== undefined && ipFamily(sourceAddress) !== family) {
    return err(`source address "${sourceAddress}" is not of the family of peer address ${address}`)
  }
  if (settings.routerId !== undefined && !isIpv4(settings.routerId)) {
    return err(`router id "${settings.routerId}" is no dotted quad`)
  }
  if (password !== undefined && network.tcpMd5 !== true) {
    return err("a TCP MD5 password (RFC 2385) is configured, but TCP MD5 signatures are not available here")
  }
  return ok({
    session: {
      myASN,
      peerASN,
      holdSeconds,
      retry,
      ...(settings.routerId === undefined ? {} : { routerId: settings.routerId as Ip }),
      ...(settings.fallbackRouterId === undefined ? {} : { fallbackId: settings.fallbackRouterId as Ip }),
    },
    target: {
      address,
      port,
      timeoutMs: connectTimeoutMs,
      ...(sourceAddress === undefined ? {} : { sourceAddress }),
      ...(password === undefined ? {} : { md5Password: password }),
    },
  })
}

const isIpv4 = (text: string): boolean => ipFamily(text) === "ipv4"

function ipFamily(text: string): Family | undefined {
  const ip = parseIp(text)
  return ip !== undefined && ip === text ? familyOf(ip) : undefined
}

export const sameSettings = (a: SessionSettings, b: SessionSettings): boolean => isDeepStrictEqual(a, b)
