import { takeFrames } from "../../protocols/bgp/framing.ts"
import { type Negotiated, acceptOpen } from "../../protocols/bgp/negotiation.ts"
import { openFor } from "../../protocols/bgp/open.ts"
import { decode, encode, type Message, type Received } from "../../protocols/bgp/packet.ts"
import { routesIn } from "../../protocols/bgp/update.ts"
import type { Ip } from "../../protocols/ip.ts"
import type { Cancel, TcpConnection, TcpHandlers, World } from "../../supervision/world.ts"

/** A router in the simulator: takes sessions, keeps their routes while they live, enforces its hold timer. */
export interface SimulatedRouter {
  /** Routes of all living sessions. */
  routes(): string[]
  /** What it had to complain of. Must stay empty. */
  readonly complaints: string[]
  sessions(): number
}

export interface RouterIdentity {
  readonly asn: number
  readonly peerAsn: number
  readonly identifier: Ip
  readonly holdSeconds: number
}

export async function startRouter(world: World, address: string, identity: RouterIdentity): Promise<SimulatedRouter> {
  const sessions = new Set<Session>()
  const complaints: string[] = []
  const listener = await world.network.listenTcp(
    { address, port: 179 },
    {
      connection(connection) {
        // RFC 4271 §6.8: one session for each neighbour; an older one is one whose end it has not heard of.
        for (const old of sessions) old.drop()
        const session = new Session(world, connection, identity, complaints, () => sessions.delete(session))
        sessions.add(session)
        return session.handlers
      },
      error: (error) => void complaints.push(error.message),
    },
  )
  if (!listener.ok) throw new Error(listener.error.message)
  return {
    routes: () => [...sessions].flatMap(({ routes }) => [...routes]).sort(),
    complaints,
    sessions: () => sessions.size,
  }
}

class Session {
  readonly routes = new Set<string>()
  readonly #world: World
  readonly #connection: TcpConnection
  readonly #identity: RouterIdentity
  readonly #complaints: string[]
  readonly #over: () => void
  #rest: Uint8Array = new Uint8Array(0)
  #negotiated: Negotiated | undefined
  #cancelHold: Cancel = () => {}
  #cancelBeat: Cancel = () => {}

  constructor(
    world: World,
    connection: TcpConnection,
    identity: RouterIdentity,
    complaints: string[],
    over: () => void,
  ) {
    this.#world = world
    this.#connection = connection
    this.#identity = identity
    this.#complaints = complaints
    this.#over = over
    this.#hold(10)
  }

  readonly handlers: TcpHandlers = {
    opened: () => {},
    data: (bytes) => {
      const frames = takeFrames(this.#rest, bytes)
      this.#rest = frames.rest
      for (const frame of frames.messages) {
        const message = decode(frame, { fourOctet: true })
        if (message.ok) this.#heard(message.value)
        else this.#complaints.push(message.error.because)
      }
      if (frames.fault !== undefined) this.#complaints.push(frames.fault.because)
    },
    closed: () => this.drop(),
  }

  drop(): void {
    this.#cancelHold()
    this.#cancelBeat()
    this.routes.clear()
    this.#connection.destroy()
    this.#over()
  }

  #heard(message: Received): void {
    if (this.#negotiated !== undefined && this.#negotiated.holdSeconds > 0) this.#hold(this.#negotiated.holdSeconds)
    switch (message.kind) {
      case "open":
        return this.#greet(message)
      case "update":
        if (message.faults.length > 0) this.#complaints.push(message.faults[0]?.because ?? "")
        for (const { text } of routesIn(message).withdrawn) {
          if (!this.routes.delete(text)) this.#complaints.push(`withdrawn, but never said: ${text}`)
        }
        for (const { text } of routesIn(message).announced) this.routes.add(text)
        return
      case "notification":
        return this.drop()
      case "keepalive":
      case "route-refresh":
    }
  }

  #greet(open: Parameters<typeof acceptOpen>[0]): void {
    const { asn, peerAsn, identifier, holdSeconds } = this.#identity
    const verdict = acceptOpen(open, { myASN: asn, peerASN: peerAsn, holdSeconds, identifier })
    if (!verdict.ok) return void this.#complaints.push(verdict.error.because)
    this.#negotiated = verdict.value
    this.#send(openFor(asn, holdSeconds, identifier))
    this.#beat()
  }

  #beat(): void {
    this.#send({ kind: "keepalive" })
    const seconds = this.#negotiated?.holdSeconds ?? 0
    if (seconds > 0) this.#cancelBeat = this.#world.timers.after((seconds * 1000) / 3, () => this.#beat())
  }

  #hold(seconds: number): void {
    this.#cancelHold()
    this.#cancelHold = this.#world.timers.after(seconds * 1000, () => {
      this.#send({ kind: "notification", code: 4, subcode: 0, data: new Uint8Array(0) })
      this.drop()
    })
  }

  #send(message: Message): void {
    this.#connection.send(encode(message, { fourOctet: true }))
  }
}
