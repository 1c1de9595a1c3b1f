import { addressBytes } from "./ip-address.ts"
import { errno, family, ipOption, ipv6Option, level, socketOption, tcpOption } from "./linux.ts"
import { done, type Outcome, refusal, type SystemError } from "./outcome.ts"
import { bind, setsockopt } from "./system-calls.ts"

/** What a TCP socket can be asked for before it connects or listens. The same shape as the world's target. */
export interface TcpOptions {
  readonly md5Password?: string
  readonly authentication?: Authentication
  readonly device?: string
  readonly ttl?: number
  readonly minimumTtl?: number
}
export interface Authentication {
  readonly key: string
  readonly algorithm: "hmac-sha-1-96" | "aes-128-cmac-96"
  readonly sendId: number
  readonly receiveId: number
}

/** TCP_MD5SIG_MAXKEYLEN, TCP_AO_MAXKEYLEN. */
const longestKey = 80
/** IFNAMSIZ without the end: the kernel would cut a longer name, and find another interface. */
const longestName = 15

/** All that are asked for; nothing is left out in silence. */
export function setTcpOptions(
  fd: number,
  { md5Password, authentication, ...rest }: TcpOptions,
  peer: string,
): Outcome<void> {
  const { device, ttl, minimumTtl } = rest
  const six = peer.includes(":")
  const [atLevel, hops, minimum] = six
    ? [level.ipv6, ipv6Option.unicastHops, ipv6Option.minimumHopCount]
    : [level.ip, ipOption.ttl, ipOption.minimumTtl]
  const steps: readonly (() => Outcome<void>)[] = [
    () => (device === undefined ? done : bindToDevice(fd, device)),
    () => (ttl === undefined ? done : setNumber(fd, atLevel, hops, ttl, "the TTL of what is sent")),
    () => (minimumTtl === undefined ? done : setNumber(fd, atLevel, minimum, minimumTtl, "the smallest TTL to take")),
    () => (md5Password === undefined ? done : setMd5Key(fd, peer, md5Password)),
    () => (authentication === undefined ? done : addAuthenticationKey(fd, peer, authentication)),
  ]
  for (const step of steps) {
    const result = step()
    if (!result.ok) return result
  }
  return done
}

export function setNumber(fd: number, at: number, option: number, value: number, what: string): Outcome<void> {
  const bytes = new Uint8Array(Int32Array.of(value).buffer)
  const result = setsockopt(fd, at, option, bytes, bytes.length)
  return result < 0 ? refusal(`setting ${what}`, result) : done
}

function bindToDevice(fd: number, name: string): Outcome<void> {
  const bytes = new TextEncoder().encode(`${name}\0`)
  const fits = bytes.length <= longestName + 1
  const result = fits ? setsockopt(fd, level.socket, socketOption.bindToDevice, bytes, bytes.length) : errno.noDevice
  if (result !== errno.noDevice) return result < 0 ? refusal(`binding to network device "${name}"`, result) : done
  return deviceMissing(name)
}

export const deviceMissing = (name: string): { readonly ok: false; readonly error: SystemError } => ({
  ok: false,
  error: { code: "ENODEV", message: `network device "${name}" doesn't exist on this host` },
})

export function bindTo(fd: number, address: string, port: number): Outcome<void> {
  const bytes = socketAddress(address, port)
  const result = bytes === undefined ? errno.invalid : bind(fd, bytes, bytes.length)
  return result < 0 ? refusal(`binding to ${address} port ${port}`, result) : done
}

/** RFC 2385. For what goes to and comes from that peer; an empty password takes the key away. */
export function setMd5Key(fd: number, peer: string, password: string): Outcome<void> {
  const signature = md5Signature(peer, password)
  if (signature === undefined) return tooLong("a TCP MD5 password")
  const result = setsockopt(fd, level.tcp, tcpOption.md5Signature, signature, signature.length)
  signature.fill(0)
  if (result !== errno.noProtocolOption) return result < 0 ? refusal("setting a TCP MD5 password", result) : done
  return lacking("TCP MD5 signatures (CONFIG_TCP_MD5SIG)")
}

/** The keys of a listening socket, by peer: what was there before goes first, since the two kinds exclude each other. */
export function listenerKeys(fd: number): (peer: string, key: Pick<TcpOptions, Kind>) => Outcome<void> {
  const known = new Map<string, Pick<TcpOptions, Kind>>()
  return (peer, { md5Password, authentication }) => {
    const before = known.get(peer) ?? {}
    known.delete(peer)
    if (before.md5Password !== undefined && md5Password === undefined) {
      const taken = setMd5Key(fd, peer, "")
      if (!taken.ok) return taken
    }
    if (before.authentication !== undefined) {
      const taken = removeAuthenticationKey(fd, peer, before.authentication)
      if (!taken.ok) return taken
    }
    if (md5Password !== undefined) {
      const set = setMd5Key(fd, peer, md5Password)
      if (!set.ok) return set
    }
    if (authentication !== undefined) {
      const set = addAuthenticationKey(fd, peer, authentication, "listening")
      if (!set.ok) return set
    }
    known.set(peer, {
      ...(md5Password !== undefined && { md5Password }),
      ...(authentication !== undefined && { authentication }),
    })
    return done
  }
}
type Kind = "md5Password" | "authentication"

function removeAuthenticationKey(fd: number, peer: string, key: Authentication): Outcome<void> {
  const request = authenticationRemoval(peer, key)
  const what = "taking a TCP-AO key away"
  if (request === undefined) return refusal(what, errno.invalid)
  const result = setsockopt(fd, level.tcp, tcpOption.removeAuthenticationKey, request, request.length)
  return result < 0 && result !== errno.noEntry ? refusal(what, result) : done
}

/** RFC 5925. The one key of the connection, current in both directions; a socket that listens has no current one. */
function addAuthenticationKey(
  fd: number,
  peer: string,
  key: Authentication,
  use: "connecting" | "listening" = "connecting",
): Outcome<void> {
  const request = authenticationKey(peer, key, use)
  if (request === undefined) return tooLong("a TCP-AO key")
  const result = setsockopt(fd, level.tcp, tcpOption.addAuthenticationKey, request, request.length)
  request.fill(0)
  if (result !== errno.noProtocolOption) return result < 0 ? refusal("setting a TCP-AO key", result) : done
  return lacking("TCP-AO (Linux 6.7 or later with CONFIG_TCP_AO)")
}

const tooLong = (what: string): Outcome<void> => ({
  ok: false,
  error: { code: "EINVAL", message: `${what} has 1 to ${longestKey} octets` },
})
const lacking = (what: string): Outcome<void> => ({
  ok: false,
  error: { code: "ENOPROTOOPT", message: `this kernel has no ${what}` },
})

/** struct tcp_md5sig. Undefined when the password is too long. */
export function md5Signature(peer: string, password: string): Uint8Array | undefined {
  const address = socketAddress(peer, 0)
  const key = new TextEncoder().encode(password)
  if (address === undefined || key.length > longestKey) return undefined
  const bytes = Buffer.alloc(216)
  bytes.set(address)
  bytes.writeUInt16LE(key.length, 130)
  bytes.set(key, 136)
  return bytes
}

const algorithms: Readonly<Record<Authentication["algorithm"], string>> = {
  "hmac-sha-1-96": "hmac(sha1)",
  "aes-128-cmac-96": "cmac(aes128)",
}
const macLength = 12
const setCurrent = 1
const setReceiveNext = 2

/** struct tcp_ao_add. Undefined when the key is too long or empty. */
export function authenticationKey(
  peer: string,
  key: Authentication,
  use: "connecting" | "listening" = "connecting",
): Uint8Array | undefined {
  const address = socketAddress(peer, 0)
  const secret = new TextEncoder().encode(key.key)
  if (address === undefined || secret.length === 0 || secret.length > longestKey) return undefined
  const bytes = Buffer.alloc(288)
  bytes.set(address)
  bytes.write(algorithms[key.algorithm], 128)
  bytes.writeUInt32LE(use === "connecting" ? setCurrent | setReceiveNext : 0, 196)
  bytes.set([address.length === 16 ? 32 : 128, key.sendId, key.receiveId, macLength, 0, secret.length], 202)
  bytes.set(secret, 208)
  return bytes
}

/** struct tcp_ao_del. */
export function authenticationRemoval(
  peer: string,
  { sendId, receiveId }: Pick<Authentication, "sendId" | "receiveId">,
): Uint8Array | undefined {
  const address = socketAddress(peer, 0)
  if (address === undefined) return undefined
  const bytes = Buffer.alloc(144)
  bytes.set(address)
  bytes.set([address.length === 16 ? 32 : 128, sendId, receiveId], 138)
  return bytes
}

/** sockaddr_in or sockaddr_in6. A link-local address gets its link from the device that the socket is bound to. */
export function socketAddress(address: string, port: number): Uint8Array | undefined {
  const ip = addressBytes(address)
  if (ip === undefined) return undefined
  const bytes = Buffer.alloc(ip.length === 4 ? 16 : 28)
  bytes.writeUInt16LE(ip.length === 4 ? family.ipv4 : family.ipv6, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(ip, ip.length === 4 ? 4 : 8)
  return bytes
}
