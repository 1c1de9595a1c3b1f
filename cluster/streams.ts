import type { Sealing } from "../protocols/memberlist/encryption.ts"
import type { StreamMessage } from "../protocols/memberlist/message.ts"
import type { PacketSecurity } from "../protocols/memberlist/packet.ts"
import { answerTo, encodeStream, StreamDecoder, type StreamDirection } from "../protocols/memberlist/stream.ts"
import type { Network, TcpConnection, TcpHandlers } from "../supervision/world.ts"
import type { Endpoint } from "./machine/state.ts"

/** As many as memberlist serves at once. */
const MOST_INBOUND = 128

export interface StreamsOptions {
  readonly network: Network
  readonly security: PacketSecurity
  readonly compress: boolean
  /** The source address of what we open. */
  readonly sourceAddress: string | undefined
  /** For each message anew; undefined: in the clear. */
  readonly sealing: () => Sealing | undefined
  readonly inboundTimeoutMs: number
  readonly on: StreamsHandlers
}

export interface StreamsHandlers {
  request(exchange: string, message: StreamMessage): void
  /** Exactly one of these two follows each `open`. */
  reply(exchange: string, message: StreamMessage): void
  noReply(exchange: string, reason: string): void
  fault(kind: string, detail: string): void
  /** `expire(exchange)` is to be called after that time, unless `settled` comes first. */
  deadline(exchange: string, afterMs: number): void
  settled(exchange: string): void
}

interface Stream {
  /** Set as soon as there is one. */
  connection: TcpConnection | undefined
  readonly inbound: boolean
  /** One message is all there is to a direction. */
  heard: boolean
}

/** The TCP side: one request and at most one reply a connection, each with a deadline. */
export class Streams {
  readonly #options: StreamsOptions
  readonly #streams = new Map<string, Stream>()
  #inbound = 0
  /** Nobody is there any more to hear of it. */
  #closed = false
  accepted = 0
  opened = 0

  constructor(options: StreamsOptions) {
    this.#options = options
  }

  accept(connection: TcpConnection): TcpHandlers {
    const { on, inboundTimeoutMs } = this.#options
    if (this.#inbound >= MOST_INBOUND) {
      on.fault("too-many-streams", connection.remote.address)
      connection.destroy()
      return { opened() {}, data() {}, closed() {} }
    }
    const exchange = `in/${++this.accepted}`
    const stream: Stream = { connection, inbound: true, heard: false }
    const decoder = new StreamDecoder(this.#options.security, "request")
    this.#add(exchange, stream, inboundTimeoutMs)
    return {
      opened() {},
      data: (bytes) => {
        if (stream.heard || this.#closed) return
        const result = decoder.push(bytes)
        if (!result) return
        stream.heard = true
        if (result.ok) return on.request(exchange, result.value)
        on.fault(`stream-${result.error.kind}`, `from ${connection.remote.address}`)
        const words = answerTo(result.error)
        if (words === undefined) connection.end()
        else this.answer(exchange, { kind: "error", error: words })
      },
      closed: () => this.#remove(exchange),
    }
  }

  open(exchange: string, to: Endpoint, message: StreamMessage, timeoutMs: number): void {
    const { on, network, security, sourceAddress } = this.#options
    this.opened++
    const decoder = new StreamDecoder(security, "reply")
    const stream: Stream = { connection: undefined, inbound: false, heard: false }
    this.#add(exchange, stream, timeoutMs)
    const settle = (report: () => void): void => {
      if (stream.heard || this.#closed) return
      stream.heard = true
      report()
      // Orderly, so that what was sent is not lost to a reset; the deadline sees to the rest.
      stream.connection?.end()
    }
    const target = { ...to, timeoutMs: Math.max(1, timeoutMs), ...(sourceAddress ? { sourceAddress } : {}) }
    stream.connection = network.connectTcp(target, {
      opened: () => stream.connection?.send(this.#encode(message, "request")),
      data: (bytes) => {
        const result = stream.heard ? undefined : decoder.push(bytes)
        if (result?.ok) settle(() => on.reply(exchange, result.value))
        else if (result) settle(() => on.noReply(exchange, `unreadable answer: ${result.error.kind}`))
      },
      closed: (error) => {
        const cut = decoder.started ? "closed in the middle of the answer" : "closed without an answer"
        settle(() => on.noReply(exchange, error?.message ?? cut))
        this.#remove(exchange)
      },
    })
  }

  answer(exchange: string, message: StreamMessage): void {
    const connection = this.#streams.get(exchange)?.connection
    connection?.send(this.#encode(message, "reply"))
    connection?.end()
  }

  close(exchange: string): void {
    this.#streams.get(exchange)?.connection?.end()
  }

  expire(exchange: string): void {
    const stream = this.#streams.get(exchange)
    if (!stream) return
    if (!stream.inbound && !stream.heard) {
      stream.heard = true
      this.#options.on.noReply(exchange, "no answer in time")
    }
    stream.connection?.destroy()
  }

  /** For good. */
  closeAll(): void {
    this.#closed = true
    for (const { connection } of this.#streams.values()) connection?.destroy()
  }

  #encode(message: StreamMessage, direction: StreamDirection): Uint8Array {
    const { security, compress, sealing } = this.#options
    const seal = sealing()
    return encodeStream(message, { direction, label: security.label, compress, ...(seal ? { sealing: seal } : {}) })
  }

  #add(exchange: string, stream: Stream, timeoutMs: number): void {
    this.#streams.set(exchange, stream)
    if (stream.inbound) this.#inbound++
    this.#options.on.deadline(exchange, timeoutMs)
  }

  #remove(exchange: string): void {
    const stream = this.#streams.get(exchange)
    if (!stream) return
    this.#streams.delete(exchange)
    if (stream.inbound) this.#inbound--
    this.#options.on.settled(exchange)
  }
}
