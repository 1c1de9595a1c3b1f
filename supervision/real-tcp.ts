import net from "node:net"
import { networkInterfaces } from "node:os"
import { endpoint, failure, invalid } from "./real-udp.ts"
import type {
  Endpoint,
  ListenHandlers,
  Network,
  NetworkError,
  TcpConnection,
  TcpHandlers,
  TcpListenAt,
  TcpListener,
  TcpTarget,
} from "./world.ts"

/** A socket that has every option its target asks for, the source address too, and has sent nothing yet. */
export interface PreparedTcp {
  readonly socket: net.Socket
  /** Where to connect to; absent: the address of the target. */
  readonly host?: string
  /** After silence: what the system knows about it, in words. */
  readonly explain?: () => string | undefined
}
export type PrepareTcp = (
  to: TcpTarget,
) => { readonly ok: true; readonly value: PreparedTcp } | { readonly ok: false; readonly error: NetworkError }

/** `connectTcp` over sockets of one who knows more options than Node. */
export const connectTcpOver =
  (prepare: PrepareTcp): Network["connectTcp"] =>
  (to, on) => {
    const wrong = invalid(to.unnumbered === true ? { address: "::", port: to.port } : to)
    const prepared = wrong === undefined ? prepare(to) : ({ ok: false, error: wrong } as const)
    if (!prepared.ok) return attempt({ socket: new net.Socket() }, to, on, () => fail(prepared.error))
    const { socket, host = to.address } = prepared.value
    // Who was found on the link, for one who only named it; the zone is not part of an address.
    const remote = { address: host.split("%")[0] ?? host, port: to.port }
    return attempt(prepared.value, to, on, () => socket.connect({ host, port: to.port }), remote)
  }

/** By Node alone: a source address, and no other option. What it cannot do it refuses, rather than go without. */
export const connectTcp: Network["connectTcp"] = (to, on) => {
  const socket = new net.Socket({ allowHalfOpen: true })
  const source = to.sourceAddress === undefined ? {} : { localAddress: to.sourceAddress }
  return attempt({ socket }, to, on, () => {
    const wrong = invalid(to) ?? beyondNode(to)
    if (wrong !== undefined) fail(wrong)
    socket.connect({ host: to.address, port: to.port, autoSelectFamily: false, ...source })
  })
}

function beyondNode({
  md5Password,
  authentication,
  device,
  ttl,
  minimumTtl,
  unnumbered,
}: TcpTarget): NetworkError | undefined {
  if ([md5Password, authentication, device, ttl, minimumTtl, unnumbered].every((option) => option === undefined))
    return undefined
  return { code: "ENOTSUP", message: "options of TCP sockets cannot be set here" }
}

const beyondNodeListening = ({ onlyIpv6, device, ttl }: TcpListenAt): NetworkError | undefined =>
  onlyIpv6 === undefined && device === undefined && ttl === undefined
    ? undefined
    : { code: "ENOTSUP", message: "options of TCP sockets cannot be set here" }

function fail({ message, code }: NetworkError): never {
  throw Object.assign(new Error(message), { code })
}

function attempt(
  { socket, explain }: PreparedTcp,
  to: TcpTarget,
  on: TcpHandlers,
  connect: () => void,
  remote: Endpoint = { address: to.address, port: to.port },
): TcpConnection {
  socket.setNoDelay(true)
  const connection = connectionOf(socket, remote)
  const timeout = setTimeout(() => {
    const why = explain?.()
    const silence = `no answer from ${to.address} port ${to.port} within ${to.timeoutMs} ms`
    const error = new Error(why === undefined ? silence : `${silence}: ${why}`)
    socket.destroy(Object.assign(error, { code: "ETIMEDOUT" }))
  }, to.timeoutMs)
  socket.once("connect", () => clearTimeout(timeout))
  socket.once("close", () => clearTimeout(timeout))
  follow(socket, on)
  socket.once("connect", () => on.opened())
  try {
    connect()
  } catch (error) {
    socket.destroy(error instanceof Error ? error : new Error(String(error)))
  }
  return connection
}

/** A server that listens already, with the options that Node has not. */
export interface PreparedListener {
  readonly server: net.Server
  readonly port: number
  readonly setKey: NonNullable<TcpListener["setKey"]>
  readonly setMinimumTtl: (socket: net.Socket, minimumTtl: number) => ReturnType<PreparedListener["setKey"]>
}
type PrepareListener = (
  at: TcpListenAt,
) => Promise<
  { readonly ok: true; readonly value: PreparedListener } | { readonly ok: false; readonly error: NetworkError }
>

/** `listenTcp` over servers of one who knows more options than Node. */
export const listenTcpOver =
  (prepare: PrepareListener): Network["listenTcp"] =>
  async (at, on) => {
    const wrong = invalid(at)
    if (wrong !== undefined) return { ok: false, error: wrong }
    const prepared = await prepare(at)
    if (!prepared.ok) return prepared
    const { server, port, setKey, setMinimumTtl } = prepared.value
    server.on("connection", (socket) => accepted(socket, on, (least) => setMinimumTtl(socket, least)))
    server.on("error", (error) => on.error(failure(error)))
    return {
      ok: true,
      value: { local: { address: at.address, port }, setKey, close: () => void server.close() },
    }
  }

function accepted(
  socket: net.Socket,
  on: ListenHandlers,
  setMinimumTtl?: NonNullable<TcpConnection["setMinimumTtl"]>,
): void {
  const remote = endpoint(socket.remoteAddress?.split("%")[0], socket.remotePort)
  // Gone before we looked.
  if (remote === undefined) return void socket.destroy()
  const connection = connectionOf(socket, remote)
  // So that it is known when the socket has closed.
  void connection.local
  const handlers = on.connection(setMinimumTtl === undefined ? connection : withMinimumTtl(connection, setMinimumTtl))
  follow(socket, handlers)
  handlers.opened()
}

/** Its own members are looked up each time they are asked for. */
const withMinimumTtl = (
  connection: TcpConnection,
  setMinimumTtl: NonNullable<TcpConnection["setMinimumTtl"]>,
): TcpConnection => Object.assign(Object.create(connection) as TcpConnection, { setMinimumTtl })

export const listenTcp: Network["listenTcp"] = (at, on) =>
  new Promise((resolve) => {
    const wrong = invalid(at) ?? beyondNodeListening(at)
    if (wrong !== undefined) return resolve({ ok: false, error: wrong })
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accepted(socket, on))
    let open = false
    server.on("error", (error) => {
      if (open) on.error(failure(error))
      else resolve({ ok: false, error: failure(error) })
    })
    const listening = () => {
      open = true
      const local = server.address()
      if (local === null || typeof local === "string") throw new Error("a TCP listener without an address")
      resolve({
        ok: true,
        value: { local: { address: local.address, port: local.port }, close: () => void server.close() },
      })
    }
    try {
      server.listen({ port: at.port, host: at.address }, listening)
    } catch (error) {
      resolve({ ok: false, error: failure(error) })
    }
  })

function connectionOf(socket: net.Socket, remote: Endpoint): TcpConnection {
  let local: Endpoint | undefined
  return {
    // Node forgets it when the socket closes; the report of a closed session still wants it.
    get local() {
      // A link-local one comes with its zone, which is not part of an address.
      return (local ??= endpoint(socket.localAddress?.split("%")[0], socket.localPort))
    },
    get interfaceAddresses() {
      return local === undefined ? [] : neighboursOf(local.address)
    },
    remote,
    send: (bytes) => !socket.writableEnded && !socket.destroyed && socket.write(bytes),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}

/** The addresses of the interface that has this one, itself included. */
function neighboursOf(address: string): readonly string[] {
  const all = Object.values(networkInterfaces()).map((addresses = []) => addresses.map((one) => one.address))
  return all.find((addresses) => addresses.includes(address)) ?? []
}

/** `close` comes once from a socket, whatever happened before it. */
function follow(socket: net.Socket, on: TcpHandlers): void {
  let error: NetworkError | undefined
  socket.on("data", (bytes) => on.data(bytes))
  socket.on("drain", () => on.drained?.())
  socket.on("end", () => {
    if (on.ended === undefined) socket.end()
    else on.ended()
  })
  socket.on("error", (reason) => {
    error = failure(reason)
  })
  socket.once("close", () => on.closed(error))
}
