// Many peers in one process: each takes its connection on an address of its own, answers, keeps the session alive, and
// notes how long it heard nothing. A line on standard input asks for the silences since the line before.
import net from "node:net"
import { createInterface } from "node:readline"
import { takeFrames } from "../../protocols/bgp/framing.ts"
import { messageType } from "../../protocols/bgp/iana.ts"
import { openFor } from "../../protocols/bgp/open.ts"
import { encode } from "../../protocols/bgp/packet.ts"
import type { Ip } from "../../protocols/ip.ts"

export interface Silences {
  /** Milliseconds between one message and the next, of all peers. */
  readonly gapsMs: readonly number[]
}

const holdSeconds = 3
const [count = 100] = process.argv.slice(2).map(Number)
const addresses = Array.from({ length: count }, (_, i) => `127.77.${i >> 8}.${(i & 255) + 1}`)
const keepalive = encode({ kind: "keepalive" }, { fourOctet: true })
let gapsMs: number[] = []

function serve(socket: net.Socket, address: string): void {
  let rest: Uint8Array = new Uint8Array(0)
  let heardMs = performance.now()
  let beating: NodeJS.Timeout | undefined
  socket.setNoDelay(true)
  socket.on("error", () => {})
  socket.on("close", () => clearInterval(beating))
  socket.on("data", (bytes) => {
    const frames = takeFrames(rest, bytes)
    rest = frames.rest
    const nowMs = performance.now()
    for (const frame of frames.messages) {
      if (frame[18] === messageType.open) {
        socket.write(encode(openFor(64513, holdSeconds, address as Ip), { fourOctet: true }))
        socket.write(keepalive)
        beating = setInterval(() => socket.write(keepalive), (holdSeconds * 1000) / 3)
      } else gapsMs.push(nowMs - heardMs)
      heardMs = nowMs
    }
  })
}

const [first = "", ...others] = addresses
const server = net
  .createServer((socket) => serve(socket, first))
  .listen(0, first, () => {
    const at = server.address()
    const port = typeof at === "object" && at !== null ? at.port : 0
    const open = others.map(
      (address) =>
        new Promise<void>((resolve) => {
          net.createServer((socket) => serve(socket, address)).listen(port, address, resolve)
        }),
    )
    void Promise.all(open).then(() => process.stdout.write(`${JSON.stringify({ addresses, port })}\n`))
  })

createInterface({ input: process.stdin })
  .on("line", () => {
    process.stdout.write(`${JSON.stringify({ gapsMs } satisfies Silences)}\n`)
    gapsMs = []
  })
  .on("close", () => process.exit(0))
