import net from "node:net"
import { endpoint, failure, invalid } from "./real-udp.ts"
import type { Endpoint, Network, NetworkError, TcpConnection, TcpHandlers } from "./world.ts"

export const connectTcp: Network["connectTcp"] = (to, on) => {
  const socket = new net.Socket({ allowHalfOpen: true })
  socket.setNoDelay(true)
  const connection = connectionOf(socket, { address: to.address, port: to.port })
  const timeout = setTimeout(() => {
    const message = `no answer from ${to.address} port ${to.port} within ${to.timeoutMs} ms`
    socket.destroy(Object.assign(new Error(message), { code: "ETIMEDOUT" }))
  }, to.timeoutMs)
  socket.once("connect", () => clearTimeout(timeout))
  socket.once("close", () => clearTimeout(timeout))
  follow(socket, on)
  socket.once("connect", () => on.opened())
  try {
    const wrong = invalid(to)
    if (wrong !== undefined) throw Object.assign(new Error(wrong.message), { code: wrong.code })
    socket.connect({
      host: to.address,
      port: to.port,
      autoSelectFamily: false,
      ...(to.sourceAddress === undefined ? {} : { localAddress: to.sourceAddress }),
    })
  } catch (error) {
    socket.destroy(error instanceof Error ? error : new Error(String(error)))
  }
  return connection
}

export const listenTcp: Network["listenTcp"] = (at, on) =>
  new Promise((resolve) => {
    const wrong = invalid(at)
    if (wrong !== undefined) return resolve({ ok: false, error: wrong })
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const remote = endpoint(socket.remoteAddress, socket.remotePort)
      // Gone before we looked.
      if (remote === undefined) return void socket.destroy()
      const handlers = on.connection(connectionOf(socket, remote))
      follow(socket, handlers)
      handlers.opened()
    })
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
      return (local ??= endpoint(socket.localAddress, socket.localPort))
    },
    remote,
    send: (bytes) => !socket.writableEnded && !socket.destroyed && socket.write(bytes),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
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
