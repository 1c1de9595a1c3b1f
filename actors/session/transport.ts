import { familyOf, parseIp } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { Network, TcpTarget } from "../../supervision/world.ts"
import type { SessionSettings } from "./messages.ts"

/** One attempt, from the first SYN to the connection. MetalLB's deadline. */
const connectTimeoutMs = 10_000
/** The most that TCP_MD5SIG takes. */
const longestPasswordOctets = 80
const largestTtl = 255

/**
 * How to reach the peer; or why there is no point in trying. The reason holds no secret.
 *
 * An external peer is not held to one hop: MetalLB's native session uses the system's TTL whatever `ebgpMultiHop` says, and
 * existing peers behind a hop depend on it. TTL security is the check that is worth having (RFC 5082 §3).
 */
export function targetOf(settings: SessionSettings, network: Network): Result<TcpTarget, string> {
  const { address, port, sourceAddress, interface: device, vrf, password, authentication, ttlSecurityHops } = settings
  const unnumbered = isUnnumbered(settings)
  const family = familyIn(address)
  if (!unnumbered && family === undefined) return err(`peer address "${address}" is no address`)
  if (!unnumbered && isLinkLocal(address) && device === undefined) {
    return err(`peer address ${address} is link-local, and no interface is given for it`)
  }
  if (sourceAddress !== undefined && familyIn(sourceAddress) !== (family ?? "ipv6")) {
    return err(`source address "${sourceAddress}" is not of the family of peer ${address}`)
  }
  if (password !== undefined && network.tcpMd5 !== true) {
    return err("a TCP MD5 password (RFC 2385) is configured, but TCP MD5 signatures are not available here")
  }
  if (password !== undefined && new TextEncoder().encode(password).length > longestPasswordOctets) {
    return err(`the password has more than ${longestPasswordOctets} octets, which TCP MD5 does not take on Linux`)
  }
  if (password !== undefined && authentication !== undefined) {
    return err(
      "a TCP MD5 password (RFC 2385) and a TCP-AO key (RFC 5925) are configured: one connection has one of them",
    )
  }
  if (authentication !== undefined && network.tcpAo !== true) {
    return err(
      "a TCP-AO key (RFC 5925) is configured, but this kernel has no TCP-AO: it needs Linux 6.7 or later with CONFIG_TCP_AO",
    )
  }
  if (authentication !== undefined && new TextEncoder().encode(authentication.key).length > longestPasswordOctets) {
    return err(`the TCP-AO key has more than ${longestPasswordOctets} octets, which Linux does not take`)
  }
  if (ttlSecurityHops !== undefined && !(ttlSecurityHops >= 1 && ttlSecurityHops < largestTtl)) {
    return err(`TTL security within ${ttlSecurityHops} hops means nothing; 1 to ${largestTtl - 1} do`)
  }
  if (settings.listenPort !== undefined && unnumbered) {
    return err("a peer without an address cannot be waited for: nobody could tell who connects")
  }
  if (settings.passive === true && settings.listenPort === undefined) {
    return err("the session is passive, and there is no port to wait on")
  }
  const bound = device ?? vrf
  if ((bound !== undefined || ttlSecurityHops !== undefined) && network.tcpRouting !== true) {
    return err("an interface, a VRF or TTL security is configured, but options of TCP sockets are not available here")
  }
  return ok({
    address,
    port,
    timeoutMs: connectTimeoutMs,
    ...(unnumbered ? { unnumbered } : {}),
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    ...(password === undefined ? {} : { md5Password: password }),
    ...(authentication === undefined ? {} : { authentication }),
    // The interface is in its VRF already.
    ...(bound === undefined ? {} : { device: bound }),
    ...(ttlSecurityHops === undefined ? {} : { ttl: largestTtl, minimumTtl: minimumTtlOf(ttlSecurityHops) }),
  })
}

/** The router on the link of its interface is meant, whoever it is. */
export const isUnnumbered = ({ address, interface: device }: SessionSettings): boolean =>
  device !== undefined && address === device

/** RFC 5082 §3. */
export const minimumTtlOf = (hops: number): number => largestTtl + 1 - hops

function familyIn(text: string): "ipv4" | "ipv6" | undefined {
  const ip = parseIp(text)
  return ip === text ? familyOf(ip) : undefined
}

/** fe80::/10, RFC 4291 §2.5.6. */
const isLinkLocal = (address: string): boolean => /^fe[89ab][0-9a-f]:/.test(address)
