import dgram from "node:dgram"
import { isIPv4, isIPv6 } from "node:net"
import type { Endpoint, Network, NetworkError, UdpPort } from "./world.ts"

/** One socket. Bound to `::` it takes IPv4 too; such peers appear under their IPv4 address. */
export const openUdp: Network["openUdp"] = (at, on) =>
  new Promise((resolve) => {
    const wrong = invalid(at)
    if (wrong !== undefined) return resolve({ ok: false, error: wrong })
    const version = isIPv6(at.address) ? 6 : 4
    const socket = dgram.createSocket({ type: version === 6 ? "udp6" : "udp4", lookup: literal })
    let open = false
    let closed = false
    const close = () => {
      if (closed) return
      closed = true
      socket.close()
    }
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (closed) return
      if (open) return on.error(failure(error))
      close()
      resolve({ ok: false, error: failure(error) })
    })
    socket.on("message", (bytes, from) => {
      if (!closed) on.datagram(bytes, { address: unmapped(from.address), port: from.port })
    })
    const listening = () => {
      open = true
      const local = socket.address()
      const port: UdpPort = {
        local: { address: local.address, port: local.port },
        send(bytes, to) {
          if (closed) return
          const wrong = invalid(to)
          if (wrong !== undefined) return queueMicrotask(() => on.error(wrong))
          const address = version === 6 && isIPv4(to.address) ? `::ffff:${to.address}` : to.address
          try {
            // The socket may keep the bytes for a while; the caller may use its buffer again at once.
            socket.send(Buffer.from(bytes), to.port, address, (error) => {
              if (error !== null && !closed) on.error(failure(error))
            })
          } catch (error) {
            queueMicrotask(() => on.error(failure(error)))
          }
        },
        close,
      }
      resolve({ ok: true, value: port })
    }
    try {
      socket.bind({ port: at.port, address: at.address }, listening)
    } catch (error) {
      close()
      resolve({ ok: false, error: failure(error) })
    }
  })

/** Only addresses, never names: nothing to wait for, so datagrams keep their order. */
function literal(
  address: string,
  _options: unknown,
  found: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  if (isIPv4(address)) return found(null, address, 4)
  if (isIPv6(address)) return found(null, address, 6)
  found(Object.assign(new Error(`${address} is not an IP address`), { code: "EINVAL" }), "", 0)
}

/** Node takes some ports modulo 65536 and looks names up; here both are mistakes. */
export function invalid({ address, port }: Endpoint): NetworkError | undefined {
  if (!isIPv4(address) && !isIPv6(address)) return { code: "EINVAL", message: `${address} is not an IP address` }
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return undefined
  return { code: "EINVAL", message: `${port} is not a port` }
}

export function unmapped(address: string): string {
  return address.startsWith("::ffff:") && isIPv4(address.slice(7)) ? address.slice(7) : address
}

export function failure(error: unknown): NetworkError {
  if (!(error instanceof Error)) return { code: "EIO", message: String(error) }
  const { code } = error as NodeJS.ErrnoException
  return { code: code ?? "EIO", message: error.message }
}

export function endpoint(address: string | undefined, port: number | undefined): Endpoint | undefined {
  return address === undefined || port === undefined ? undefined : { address: unmapped(address), port }
}
