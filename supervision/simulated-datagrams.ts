import { type Fabric, type Host, refuse } from "./simulated-network.ts"
import type { Life } from "./simulated-schedule.ts"
import type { SimulatedSegments } from "./simulated-segment.ts"
import type {
  DatagramBinding,
  DatagramHandlers,
  DatagramPort,
  DatagramSocket,
  Endpoint,
  NetworkInterface,
} from "./world.ts"

interface Socket {
  readonly host: Host
  readonly life: Life
  readonly at: DatagramBinding
  readonly on: DatagramHandlers
}

/** UDP that knows TTL and interface. Hosts are one hop apart, so the TTL arrives as it was sent. */
export class SimulatedDatagrams {
  readonly #fabric: Fabric
  readonly #segments: SimulatedSegments
  readonly #sockets = new Map<string, Socket>()

  constructor(fabric: Fabric, segments: SimulatedSegments) {
    this.#fabric = fabric
    this.#segments = segments
  }

  port(host: Host): DatagramPort {
    return {
      open: (at, on) => {
        const key = `${host.name} ${at.address} ${at.port} ${at.interface ?? ""}`
        if (this.#fabric.sourceOf(host, at.address) === undefined && !isAny(at.address))
          return refuse("EADDRNOTAVAIL", `${at.address} is no address of ${host.name}`)
        if (this.#sockets.get(key)?.life.dead === false)
          return refuse("EADDRINUSE", `UDP ${at.address} port ${at.port} is in use`)
        const socket: Socket = { host, life: host.life, at, on }
        this.#sockets.set(key, socket)
        const isOpen = () => this.#sockets.get(key) === socket && !socket.life.dead
        const value: DatagramSocket = {
          send: (bytes, to) => {
            const source = this.#fabric.sourceOf(host, at.address, to.address)
            if (!isOpen() || source === undefined) return refuse("ENETUNREACH", `no way to ${to.address}`)
            this.#send(socket, bytes.slice(), { address: source, port: at.port }, to)
            return { ok: true, value: undefined }
          },
          close: () => {
            if (isOpen()) this.#sockets.delete(key)
          },
        }
        return { ok: true, value }
      },
    }
  }

  #send(from: Socket, bytes: Uint8Array, source: Endpoint, to: Endpoint): void {
    const { schedule } = this.#fabric
    const target = this.#fabric.hostOf(to.address)
    const out = this.#card(from.host, source.address)
    if (target === undefined || out?.up === false || this.#fabric.loses(from.host, target)) return
    schedule.after(undefined, this.#fabric.delayMs(from.host, target), "datagram", () => {
      const card = this.#card(target, to.address)
      if (card?.up !== true || !this.#fabric.reaches(from.host, target, "sockets")) return
      const socket = this.#find(target, to, card.name)
      if (socket === undefined) return
      schedule.enter(socket.life, () => {
        if (this.#find(target, to, card.name) !== socket) return
        schedule.note(target.name, `datagram from ${from.host.name} ${bytes.length}`)
        socket.on.datagram(bytes, source, { to: to.address, ttl: from.at.ttl, interfaceIndex: card.index })
      })
    })
  }

  #card(host: Host, address: string): NetworkInterface | undefined {
    const cards = this.#segments.port(host).interfaces()
    return cards.ok
      ? cards.value.find(({ addresses }) => addresses.some((each) => each.address === address))
      : undefined
  }

  #find(host: Host, to: Endpoint, card: string): Socket | undefined {
    const any = to.address.includes(":") ? "::" : "0.0.0.0"
    for (const address of [to.address, any]) {
      for (const name of [card, ""]) {
        const socket = this.#sockets.get(`${host.name} ${address} ${to.port} ${name}`)
        if (socket?.life.dead === false) return socket
      }
    }
    return undefined
  }
}

const isAny = (address: string): boolean => address === "0.0.0.0" || address === "::"
