import net from "node:net"
import { once } from "node:events"
import { takeFrames } from "../../protocols/bgp/framing.ts"
import { messageType } from "../../protocols/bgp/iana.ts"
import { openFor } from "../../protocols/bgp/open.ts"
import { encode } from "../../protocols/bgp/packet.ts"
import type { Ip } from "../../protocols/ip.ts"

/** A peer that takes everything, and tells of each UPDATE as soon as its last octet is here. */
export class Sink {
  readonly #server = net.createServer((socket) => this.#serve(socket))
  readonly #asn: number
  updates = 0
  /** Of UPDATEs. */
  octets = 0
  updated: () => void = () => {}

  constructor(asn: number) {
    this.#asn = asn
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1")
    await once(this.#server, "listening")
    const address = this.#server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }

  #serve(socket: net.Socket): void {
    let rest: Uint8Array = new Uint8Array(0)
    socket.setNoDelay(true)
    socket.on("error", () => {})
    socket.on("data", (bytes) => {
      const frames = takeFrames(rest, bytes)
      rest = frames.rest
      for (const frame of frames.messages) {
        if (frame[18] === messageType.open) {
          socket.write(encode(openFor(this.#asn, 90, "192.0.2.200" as Ip), { fourOctet: true }))
          socket.write(encode({ kind: "keepalive" }, { fourOctet: true }))
        } else if (frame[18] === messageType.update) {
          this.updates++
          this.octets += frame.length
          this.updated()
        }
      }
    })
  }

  close(): void {
    this.#server.close()
  }
}
