import { encodeEcho, readFrame } from "../../protocols/bfd/echo.ts"
import { familyOf, type Ip } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { PacketSocket, World } from "../../supervision/world.ts"

export interface EchoPlace {
  readonly peer: Ip
  readonly own: Ip
  readonly interfaceIndex: number
  readonly discriminator: number
  readonly sourcePort: number
}

/**
 * The wire to one neighbour, for echoes. Its MAC is learned from its own control packets, so there is no question to ask
 * and it is right again with the next packet after the neighbour has changed it.
 */
export class EchoLink {
  readonly place: EchoPlace
  /** The interface is gone, and this with it. */
  lost = false
  readonly #ownMac: Uint8Array
  readonly #socket: PacketSocket
  #neighbourMac: Uint8Array | undefined

  private constructor(place: EchoPlace, ownMac: Uint8Array, socket: PacketSocket) {
    this.place = place
    this.#ownMac = ownMac
    this.#socket = socket
  }

  static open(world: World, place: EchoPlace, returned: (sequence: number) => void): Result<EchoLink, string> {
    if (familyOf(place.own) !== "ipv4") return err("echo mode is for IPv4 only")
    const links = world.packets.interfaces()
    if (!links.ok) return err(links.error.message)
    const link = links.value.find(({ index }) => index === place.interfaceIndex)
    if (link?.mac.length !== 6) return err(`interface ${link?.name ?? place.interfaceIndex} is no Ethernet`)
    let made: EchoLink | undefined
    const socket = world.packets.open(
      { interfaceIndex: place.interfaceIndex, frames: "bfd" },
      {
        frame: (bytes) => made?.hear(bytes, returned),
        error: ({ code }) => {
          if (made !== undefined && code === "ENODEV") made.lost = true
        },
      },
    )
    if (!socket.ok) return err(socket.error.message)
    made = new EchoLink(place, link.mac, socket.value)
    return ok(made)
  }

  /** False when it could not leave: nobody to hand it to yet, or no carrier. */
  send(sequence: number): boolean {
    const { own, sourcePort, discriminator } = this.place
    if (this.#neighbourMac === undefined || this.lost) return false
    const path = { ownMac: this.#ownMac, neighbourMac: this.#neighbourMac, own, sourcePort }
    return this.#socket.send(encodeEcho(path, { discriminator, sequence })).ok
  }

  close(): void {
    if (!this.lost) this.#socket.close()
  }

  private hear(bytes: Uint8Array, returned: (sequence: number) => void): void {
    const frame = readFrame(bytes)
    if (frame?.kind === "control" && frame.from === this.place.peer) this.#neighbourMac = frame.mac
    if (frame?.kind !== "echo" || frame.discriminator !== this.place.discriminator) return
    if (frame.address === this.place.own) returned(frame.sequence)
  }
}
