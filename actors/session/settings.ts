import type { SessionConfig } from "../../protocols/bgp/session.ts"
import { familyOf, type Ip, parseIp } from "../../protocols/ip.ts"
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
  if (!isIpv4(address)) return err(`peer address "${address}" is not IPv4; this session speaks IPv4 only`)
  if (sourceAddress !== undefined && !isIpv4(sourceAddress)) return err(`source address "${sourceAddress}" is not IPv4`)
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

function isIpv4(text: string): boolean {
  const ip = parseIp(text)
  return ip !== undefined && ip === text && familyOf(ip) === "ipv4"
}

export function sameSettings(a: SessionSettings, b: SessionSettings): boolean {
  return (
    a.myASN === b.myASN &&
    a.peerASN === b.peerASN &&
    a.address === b.address &&
    a.port === b.port &&
    a.sourceAddress === b.sourceAddress &&
    a.holdSeconds === b.holdSeconds &&
    a.routerId === b.routerId &&
    a.password === b.password
  )
}
