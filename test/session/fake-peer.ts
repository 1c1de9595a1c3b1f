import net from "node:net"
import { takeFrames } from "../../protocols/bgp/framing.ts"
import { decode, encode, type Message, type Received } from "../../protocols/bgp/packet.ts"
import { type Offer, openFor, plainOffer } from "../../protocols/bgp/open.ts"
import { routesIn } from "../../protocols/bgp/update.ts"
import type { Ip } from "../../protocols/ip.ts"
import { until } from "./system.ts"

/** A peer that does what a test tells it: it takes connections, answers the OPEN, and remembers what it heard. */
export interface FakePeer {
  readonly port: number
  /** One for each connection, in order. */
  readonly connections: Heard[]
  /** What the last connection's routes come to. */
  routes(): string[]
  close(): void
}

export interface Heard {
  readonly socket: net.Socket
  readonly messages: Received[]
  readonly routes: Set<string>
  bytes: number
  ended: boolean
  send(message: Message): void
}

export interface FakeOptions {
  readonly asn?: number
  readonly holdSeconds?: number
  readonly port?: number
  readonly address?: string
  readonly offer?: Offer
  /** Called for each message instead of the usual answers to OPEN and KEEPALIVE. */
  readonly answer?: (message: Received, heard: Heard) => void
}

export async function startFakePeer(options: FakeOptions = {}): Promise<FakePeer> {
  const { asn = 64513, holdSeconds = 90, offer = plainOffer, address: at = "127.0.0.1" } = options
  const connections: Heard[] = []
  const usual = (message: Received, heard: Heard): void => {
    if (message.kind !== "open") return
    heard.send(openFor(asn, holdSeconds, "192.0.2.200" as Ip, offer))
    heard.send({ kind: "keepalive" })
  }
  const server = net.createServer((socket) => {
    const heard: Heard = {
      socket,
      messages: [],
      routes: new Set(),
      bytes: 0,
      ended: false,
      send: (message) => void socket.write(encode(message, { fourOctet: true })),
    }
    connections.push(heard)
    let rest: Uint8Array = new Uint8Array(0)
    socket.on("error", () => {})
    socket.on("close", () => (heard.ended = true))
    socket.on("data", (bytes) => {
      heard.bytes += bytes.length
      const frames = takeFrames(rest, bytes)
      rest = frames.rest
      for (const frame of frames.messages) {
        const message = decode(frame, { fourOctet: true })
        if (!message.ok) throw new Error(`the speaker sent what does not decode: ${message.error.because}`)
        heard.messages.push(message.value)
        if (message.value.kind === "update") {
          const { announced, withdrawn } = routesIn(message.value)
          for (const { text } of withdrawn) heard.routes.delete(text)
          for (const { text } of announced) heard.routes.add(text)
        }
        ;(options.answer ?? usual)(message.value, heard)
      }
    })
  })
  server.listen(options.port ?? 0, at)
  await until("listening", () => server.address() !== null)
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    connections,
    routes: () => [...(connections.at(-1)?.routes ?? [])].sort(),
    close() {
      for (const { socket } of connections) socket.destroy()
      server.close()
    },
  }
}
