import { type Fabric, type Host, refuse } from "./simulated-network.ts"
import type { Life } from "./simulated-schedule.ts"
import type { Endpoint, ListenHandlers, Network, NetworkError, TcpConnection, TcpHandlers } from "./world.ts"

const retryMs = 200
/** Unanswered for so long, a connection is given up. */
const giveUpMs = 60_000

interface Listener {
  readonly host: Host
  readonly life: Life
  readonly on: ListenHandlers
}

/** Reliable byte streams between simulated hosts: loss and partitions only delay them, up to a minute. */
export class SimulatedTcp {
  readonly #fabric: Fabric
  readonly #listeners = new Map<string, Listener>()

  constructor(fabric: Fabric) {
    this.#fabric = fabric
  }

  listen(host: Host): Network["listenTcp"] {
    return (at, on) => {
      if (this.#fabric.sourceOf(host, at.address) === undefined)
        return Promise.resolve(refuse("EADDRNOTAVAIL", `${at.address} is no address of ${host.name}`))
      const local: Endpoint = { address: at.address, port: at.port === 0 ? host.nextPort++ : at.port }
      const key = `${host.name} ${local.address} ${local.port}`
      const before = this.#listeners.get(key)
      if (before !== undefined && !before.life.dead)
        return Promise.resolve(refuse("EADDRINUSE", `TCP ${local.address} port ${local.port} is in use`))
      const listener: Listener = { host, life: host.life, on }
      this.#listeners.set(key, listener)
      const close = () => {
        if (this.#listeners.get(key) === listener) this.#listeners.delete(key)
      }
      return Promise.resolve({ ok: true, value: { local, close } })
    }
  }

  connect(host: Host): Network["connectTcp"] {
    return (to, on) => {
      const source = this.#fabric.sourceOf(host, to.sourceAddress ?? (to.address.includes(":") ? "::" : "0.0.0.0"))
      const local = { address: source ?? "", port: host.nextPort++ }
      const side = new Side(this.#fabric, host, local, { address: to.address, port: to.port })
      side.on = on
      if (source === undefined) {
        side.close({ code: "EADDRNOTAVAIL", message: `${host.name} has no address to reach ${to.address} from` })
        return side
      }
      const { schedule } = this.#fabric
      const message = `no answer from ${to.address} port ${to.port} within ${to.timeoutMs} ms`
      const forget = schedule.after(host.life, to.timeoutMs, "tcp connect timeout", () =>
        side.close({ code: "ETIMEDOUT", message }),
      )
      side.opening = forget
      this.#knock(side, to)
      return side
    }
  }

  /** The first packet of the handshake, again and again until somebody answers or the caller has given up. */
  #knock(side: Side, to: Endpoint): void {
    const { schedule } = this.#fabric
    const target = this.#fabric.hostOf(to.address)
    const delayMs = target === undefined ? retryMs : this.#fabric.delayMs(side.host, target)
    schedule.after(undefined, delayMs, "tcp", () => {
      if (side.closed || side.life.dead) return
      if (target === undefined || !passes(this.#fabric, side.host, target))
        return void schedule.after(undefined, retryMs, "tcp", () => this.#knock(side, to))
      if (target.life.dead) return this.#accept(side, to, target)
      // The kernel of a program that stands still completes the handshake.
      if (target.life.paused && this.#fabric.answers(target) && this.#find(to) !== undefined)
        schedule.after(side.life, this.#fabric.delayMs(target, side.host), "tcp answer", () => side.open())
      schedule.enter(target.life, () => this.#accept(side, to, target))
    })
  }

  #accept(side: Side, to: Endpoint, target: Host): void {
    const listener = this.#find(to)
    const answer = (run: () => void) =>
      this.#fabric.schedule.after(side.life, this.#fabric.delayMs(target, side.host), "tcp answer", run)
    if (side.closed) return
    if (listener === undefined) {
      const message = `${to.address} port ${to.port} refused the connection`
      answer(() => side.close({ code: "ECONNREFUSED", message }))
      return
    }
    const other = new Side(this.#fabric, listener.host, to, side.local)
    other.peer = side
    side.peer = other
    other.on = listener.on.connection(other)
    other.open()
    answer(() => side.open())
  }

  #find(to: Endpoint): Listener | undefined {
    const host = this.#fabric.hostOf(to.address)
    if (host === undefined) return undefined
    const any = to.address.includes(":") ? "::" : "0.0.0.0"
    const listener =
      this.#listeners.get(`${host.name} ${to.address} ${to.port}`) ??
      this.#listeners.get(`${host.name} ${any} ${to.port}`)
    return listener?.life.dead === false ? listener : undefined
  }
}

type Segment = { readonly kind: "data"; readonly bytes: Uint8Array } | { readonly kind: "end" | "reset" }

/** One end of a connection. */
class Side implements TcpConnection {
  readonly host: Host
  readonly life: Life
  readonly remote: Endpoint
  readonly local: Endpoint
  on: TcpHandlers | undefined
  peer: Side | undefined
  opening: (() => void) | undefined
  closed = false
  readonly #fabric: Fabric
  #opened = false
  #ended = false
  #peerEnded = false
  readonly #out: Segment[] = []
  #sending = false

  constructor(fabric: Fabric, host: Host, local: Endpoint, remote: Endpoint) {
    this.#fabric = fabric
    this.host = host
    this.life = host.life
    this.local = local
    this.remote = remote
  }

  open(): void {
    if (this.closed) return
    if (this.#opened) return this.#pump()
    this.opening?.()
    this.#opened = true
    this.on?.opened()
    this.#pump()
  }

  send(bytes: Uint8Array): boolean {
    if (this.closed || this.#ended) return false
    this.#push({ kind: "data", bytes: bytes.slice() })
    return true
  }

  end(): void {
    if (this.closed || this.#ended) return
    this.#ended = true
    this.#push({ kind: "end" })
    this.#closeWhenBothEnded()
  }

  destroy(): void {
    if (this.closed) return
    if (!this.#ended && this.#opened) this.#push({ kind: "end" })
    this.#ended = true
    this.close()
  }

  /** Tells its own handlers, once and in a later turn. */
  close(error?: NetworkError): void {
    if (this.closed) return
    this.closed = true
    this.opening?.()
    this.#fabric.schedule.soon(this.life, "tcp closed", () => this.on?.closed(error))
  }

  #push(segment: Segment): void {
    this.#out.push(segment)
    if (this.#opened) this.#pump()
  }

  /** In order, one flight at a time: all that waits goes together. */
  #pump(failingSinceMs?: number): void {
    const { peer } = this
    if (this.#sending || this.#out.length === 0 || peer === undefined) return
    this.#sending = true
    const { schedule } = this.#fabric
    const delayMs = this.#fabric.delayMs(this.host, peer.host) + (failingSinceMs === undefined ? 0 : retryMs)
    schedule.after(undefined, delayMs, "tcp", () => {
      this.#sending = false
      if (this.life.dead) return
      const target = this.#fabric.named(peer.host.name)
      if (!passes(this.#fabric, this.host, target)) {
        const sinceMs = failingSinceMs ?? schedule.nowMs
        if (schedule.nowMs - sinceMs < giveUpMs) return this.#pump(sinceMs)
        return this.close({ code: "ETIMEDOUT", message: `${this.remote.address} does not answer any more` })
      }
      if (peer.life.dead) return this.close({ code: "ECONNRESET", message: `${this.remote.address} has restarted` })
      const flight = this.#out.splice(0)
      schedule.enter(peer.life, () => {
        for (const segment of flight) peer.#receive(segment)
      })
    })
  }

  #receive(segment: Segment): void {
    if (this.closed) {
      if (segment.kind === "data") {
        this.#out.push({ kind: "reset" })
        this.#pump()
      }
      return
    }
    // The first bytes may overtake the answer to our first packet.
    if (!this.#opened) this.open()
    this.#fabric.schedule.note(this.host.name, `tcp ${segment.kind} from ${this.remote.address}:${this.remote.port}`)
    switch (segment.kind) {
      case "data":
        return this.on?.data(segment.bytes)
      case "reset":
        return this.close({ code: "ECONNRESET", message: `${this.remote.address} reset the connection` })
      case "end":
        this.#peerEnded = true
        if (this.on?.ended === undefined) this.end()
        else this.on.ended()
        this.#closeWhenBothEnded()
    }
  }

  #closeWhenBothEnded(): void {
    if (this.#ended && this.#peerEnded) this.close()
  }
}

function passes(fabric: Fabric, from: Host, to: Host): boolean {
  return fabric.reaches(from, to, "sockets") && !fabric.loses(from, to)
}
