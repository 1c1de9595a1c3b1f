import net from "node:net"
import { routerOn } from "./link-routers.ts"
import { errno, family, ipv6Option, level, socketOption, socketType } from "./linux.ts"
import { done, type Outcome, refusal } from "./outcome.ts"
import { closeDescriptor, listen, socket } from "./system-calls.ts"
import { explainSilence, tcpCounters } from "./tcp-counters.ts"
import { bindTo, listenerKeys, setNumber, setTcpOptions, type TcpOptions } from "./tcp-options.ts"

export interface TcpTarget extends TcpOptions {
  readonly address: string
  readonly port: number
  readonly sourceAddress?: string
  /** The router on the link of `device`, whoever it is. */
  readonly unnumbered?: boolean
}

export interface PreparedTcp {
  /** Not yet connected. Node closes it. */
  readonly socket: net.Socket
  /** The address to connect to, with its zone where it needs one. */
  readonly host: string
  /** Why nobody has answered so far, as far as the kernel tells. */
  readonly explain: () => string | undefined
}

/**
 * A socket with options that must be there before the first segment. It needs no loop of its own: Node takes it over and
 * waits for it like for any other, in the main thread or in an ordinary worker.
 */
export function prepareTcp(to: TcpTarget): Outcome<PreparedTcp> {
  const host = hostOf(to)
  if (!host.ok) return host
  const zoned = withZone(host.value, to.device)
  if (!zoned.ok) return zoned
  const opened = openStream(host.value)
  if (!opened.ok) return opened
  const fd = opened.value
  const ready = setTcpOptions(fd, to, host.value)
  const bound = ready.ok && to.sourceAddress !== undefined ? bindSource(fd, host.value, to.sourceAddress) : ready
  if (!bound.ok) {
    closeDescriptor(fd)
    return bound
  }
  const signed = to.md5Password !== undefined ? "md5" : to.authentication !== undefined ? "ao" : undefined
  const asked = { signed, minimumTtl: to.minimumTtl } as const
  const before = tcpCounters()
  return {
    ok: true,
    value: {
      socket: new net.Socket({ fd, readable: true, writable: true, allowHalfOpen: true }),
      host: zoned.value,
      explain: () => explainSilence(asked, before, tcpCounters()),
    },
  }
}

/** libuv gives a link-local address without a zone the link of whichever interface comes first. */
function withZone(host: string, device: string | undefined): Outcome<string> {
  if (!isLinkLocal(host) || device === undefined) return { ok: true, value: host }
  const zoned = `${host}%${device}`
  if (net.isIPv6(zoned)) return { ok: true, value: zoned }
  const message = `interface "${device}" cannot stand in a link-local address: its name has other than letters, digits, ".", "-" and ":"`
  return { ok: false, error: { code: "EINVAL", message } }
}

/** Who is meant. A link-local address is looked for on the link of the device that the socket gets bound to. */
function hostOf({ address, device, unnumbered }: TcpTarget): Outcome<string> {
  if (unnumbered === true && device !== undefined) return routerOn(device)
  if (!isLinkLocal(address) || device !== undefined) return { ok: true, value: address }
  const message = `${address} is link-local: without an interface it means nothing`
  return { ok: false, error: { code: "EINVAL", message } }
}

/**
 * What a world's network gets from here. The abilities are the kernel's to refuse, one connection at a time and in words:
 * asking it before would only say the same.
 */
export const tcpWithOptions = {
  prepare: prepareTcp,
  prepareListener: listenTcp,
  tcpMd5: true,
  /** Asked of the kernel once: it has it or not, whoever the peer is. */
  get tcpAo() {
    return kernelHasAuthentication()
  },
  tcpRouting: true,
  tcpListening: true,
} as const

function kernelHasAuthentication(): boolean {
  const key = { key: "probe", algorithm: "hmac-sha-1-96", sendId: 1, receiveId: 1 } as const
  const probed = prepareTcp({ address: "127.0.0.1", port: 1, authentication: key })
  if (probed.ok) probed.value.socket.destroy()
  return probed.ok || probed.error.code !== "ENOPROTOOPT"
}

export interface TcpListener {
  readonly port: number
  readonly server: net.Server
  /** For connections to come from that peer; without either of them its key is taken away. */
  readonly setKey: (peer: string, key: Pick<TcpOptions, "md5Password" | "authentication">) => Outcome<void>
  /** Of a connection that it has accepted (RFC 5082): the first packet of all came as it came. */
  readonly setMinimumTtl: (socket: net.Socket, minimumTtl: number) => Outcome<void>
}

interface ListenAt extends Pick<TcpOptions, "device" | "ttl" | "minimumTtl"> {
  readonly address: string
  readonly port: number
  readonly onlyIpv6?: true
}

/** A listening socket. Connections that it accepts inherit its options, and the key of their peer. */
export function listenTcp(at: ListenAt): Promise<Outcome<TcpListener>> {
  const opened = openStream(at.address)
  if (!opened.ok) return Promise.resolve(opened)
  const fd = opened.value
  const ready = startListening(fd, at)
  if (!ready.ok) {
    closeDescriptor(fd)
    return Promise.resolve(ready)
  }
  return new Promise((resolve) => {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true })
    // The kernel closes the number with the server; then it may be somebody else's.
    let open = true
    server.once("close", () => (open = false))
    server.once("error", ({ message }) => resolve({ ok: false, error: { code: "EIO", message } }))
    server.listen({ fd }, () => {
      const local = server.address()
      const port = local === null || typeof local === "string" ? at.port : local.port
      const keys = listenerKeys(fd)
      const setKey: TcpListener["setKey"] = (peer, key) =>
        open ? keys(peer, key) : refusal("setting the key of a peer", errno.badDescriptor)
      resolve({ ok: true, value: { port, server, setKey, setMinimumTtl } })
    })
  })
}

function setMinimumTtl(socket: net.Socket, minimumTtl: number): Outcome<void> {
  const fd = descriptorOf(socket)
  if (fd === undefined) return refusal("setting the smallest TTL to take", errno.badDescriptor)
  return setTcpOptions(fd, { minimumTtl }, socket.localAddress ?? "")
}

/** Node has no word for it; its own cluster module reads it there. */
function descriptorOf(socket: net.Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: unknown } }
  return typeof handle?.fd === "number" && handle.fd >= 0 ? handle.fd : undefined
}

function startListening(fd: number, at: ListenAt): Outcome<void> {
  // Else the port is taken for a minute after a restart.
  const reusable = setNumber(fd, level.socket, socketOption.reuseAddress, 1, "the reuse of its address")
  const single =
    reusable.ok && at.onlyIpv6 === true ? setNumber(fd, level.ipv6, ipv6Option.only, 1, "IPv6 alone") : reusable
  const ready = single.ok ? setTcpOptions(fd, at, at.address) : single
  const bound = ready.ok ? bindTo(fd, at.address, at.port) : ready
  if (!bound.ok) return bound
  const result = listen(fd, 128)
  return result < 0 ? refusal(`listening on ${at.address} port ${at.port}`, result) : done
}

function openStream(address: string): Outcome<number> {
  const type = socketType.stream | socketType.nonBlocking | socketType.closeOnExec
  const fd = socket(address.includes(":") ? family.ipv6 : family.ipv4, type, 0)
  return fd < 0 ? refusal("opening a TCP socket", fd) : { ok: true, value: fd }
}

function bindSource(fd: number, address: string, source: string): Outcome<void> {
  if (address.includes(":") !== source.includes(":")) {
    const message = `source address ${source} and ${address} are of different families`
    return { ok: false, error: { code: "EINVAL", message } }
  }
  const bound = bindTo(fd, source, 0)
  if (bound.ok || bound.error.code !== "EADDRNOTAVAIL") return bound
  return { ok: false, error: { code: "EADDRNOTAVAIL", message: `address "${source}" doesn't exist on this host` } }
}

/** fe80::/10, RFC 4291 §2.5.6. */
const isLinkLocal = (address: string): boolean => /^fe[89ab][0-9a-f]:/i.test(address)
