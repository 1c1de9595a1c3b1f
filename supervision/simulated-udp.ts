import { type Fabric, type Host, refuse } from "./simulated-network.ts"
import type { Life } from "./simulated-schedule.ts"
import type { Endpoint, Network, UdpHandlers, UdpPort } from "./world.ts"

interface Socket {
  readonly host: Host
  readonly life: Life
  readonly on: UdpHandlers
}

/** Datagrams between simulated hosts: delayed, reordered, lost, never damaged or doubled. */
export class SimulatedUdp {
  readonly #fabric: Fabric
  readonly #sockets = new Map<string, Socket>()

  constructor(fabric: Fabric) {
    this.#fabric = fabric
  }

  open(host: Host): Network["openUdp"] {
    return (at, on) => {
      const port = at.port === 0 ? host.nextPort++ : at.port
      const local: Endpoint = { address: at.address, port }
      if (this.#fabric.sourceOf(host, at.address) === undefined)
        return Promise.resolve(refuse("EADDRNOTAVAIL", `${at.address} is no address of ${host.name}`))
      const key = `${host.name} ${local.address} ${port}`
      const before = this.#sockets.get(key)
      if (before !== undefined && !before.life.dead)
        return Promise.resolve(refuse("EADDRINUSE", `UDP ${local.address} port ${port} is in use`))
      const socket: Socket = { host, life: host.life, on }
      this.#sockets.set(key, socket)
      const isOpen = () => this.#sockets.get(key) === socket && !socket.life.dead
      const value: UdpPort = {
        local,
        send: (bytes, to) => {
          const source = this.#fabric.sourceOf(host, at.address, to.address)
          if (isOpen() && source !== undefined) this.#send(host, bytes.slice(), { address: source, port }, to)
        },
        close: () => {
          if (isOpen()) this.#sockets.delete(key)
        },
      }
      return Promise.resolve({ ok: true, value })
    }
  }

  #send(from: Host, bytes: Uint8Array, source: Endpoint, to: Endpoint): void {
    const { schedule } = this.#fabric
    const target = this.#fabric.hostOf(to.address)
    if (target === undefined || this.#fabric.loses(from, target)) return
    schedule.after(undefined, this.#fabric.delayMs(from, target), "udp", () => {
      const socket = this.#find(to)
      if (socket === undefined || !this.#fabric.reaches(from, socket.host, "sockets")) return
      schedule.enter(socket.life, () => {
        if (this.#find(to) !== socket) return
        schedule.note(socket.host.name, `udp from ${from.name} ${bytes.length}`)
        socket.on.datagram(bytes, source)
      })
    })
  }

  #find(to: Endpoint): Socket | undefined {
    const host = this.#fabric.hostOf(to.address)
    if (host === undefined) return undefined
    const any = to.address.includes(":") ? "::" : "0.0.0.0"
    const socket =
      this.#sockets.get(`${host.name} ${to.address} ${to.port}`) ?? this.#sockets.get(`${host.name} ${any} ${to.port}`)
    return socket?.life.dead === false ? socket : undefined
  }
}
