// A packet port on the main thread of this process, driven by JSON lines. Whatever happens is a JSON line.
import { createInterface } from "node:readline"
import { packetPort } from "../../../io/packet-port.ts"
import { createRawLoop } from "../../../io/raw-loop.ts"
import type { PacketFilter, PacketPort, PacketSocket } from "../../../supervision/world.ts"

export type PortCommand =
  | { readonly kind: "interfaces" }
  | { readonly kind: "watch" }
  | { readonly kind: "open"; readonly at: PacketFilter }
  | { readonly kind: "send"; readonly hex: string }
  | { readonly kind: "join"; readonly hex: string }
  | { readonly kind: "leave"; readonly hex: string }
  | { readonly kind: "close" }

const loop = createRawLoop()
const port: PacketPort = packetPort(loop)
let socket: PacketSocket | undefined

const tell = (line: Readonly<Record<string, unknown>>) => process.stdout.write(`${JSON.stringify(line)}\n`)

function perform(command: PortCommand): void {
  switch (command.kind) {
    case "interfaces":
      return void tell({ kind: "interfaces", outcome: port.interfaces() })
    case "watch": {
      const watch = port.watchInterfaces(() => tell({ kind: "changed" }))
      return void tell({ kind: "watching", ok: watch.ok })
    }
    case "open": {
      const opened = port.open(command.at, {
        frame: (bytes) => tell({ kind: "frame", hex: Buffer.from(bytes).toString("hex") }),
        error: (error) => tell({ kind: "error", ...error }),
      })
      if (opened.ok) socket = opened.value
      return void tell({ kind: "opened", ...(opened.ok ? { ok: true } : opened) })
    }
    case "send":
      return void tell({ kind: "sent", outcome: socket?.send(Buffer.from(command.hex, "hex")) })
    case "join":
      return void tell({ kind: "joined", outcome: socket?.joinGroup(Buffer.from(command.hex, "hex")) })
    case "leave":
      socket?.leaveGroup(Buffer.from(command.hex, "hex"))
      return void tell({ kind: "left" })
    case "close":
      socket?.close()
      return void tell({ kind: "closed" })
    default:
      return command satisfies never
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => perform(JSON.parse(line) as PortCommand))
  .on("close", () => loop.stop())
