// Hears gratuitous ARP on an interface: `node listener.ts INTERFACE`. At each line of its input it prints when each address
// was first announced since the line before, and by whom. Times are CLOCK_MONOTONIC, which all processes share.
import { createInterface } from "node:readline"
import { packetPort } from "../../io/packet-port.ts"
import { createRawLoop } from "../../io/raw-loop.ts"
import { decodeArpClaim } from "../../protocols/arp/claim.ts"
import { formatMac } from "../../protocols/ethernet/mac.ts"

export interface Heard {
  /** By MAC, then by address: when first. */
  readonly announced: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly frames: number
}

const [name] = process.argv.slice(2)
const loop = createRawLoop()
const port = packetPort(loop)
const links = port.interfaces()
const link = links.ok ? links.value.find((one) => one.name === name) : undefined
if (link === undefined) throw new Error(`no interface ${name}`)

const nowMs = () => Number(process.hrtime.bigint()) / 1e6
let announced: Record<string, Record<string, number>> = {}
let frames = 0
const opened = port.open(
  { interfaceIndex: link.index, frames: "arp-claim" },
  {
    frame(bytes) {
      const claim = decodeArpClaim(bytes)
      if (!claim.ok || !claim.value.gratuitous) return
      frames++
      const mac = formatMac(claim.value.mac)
      announced[mac] ??= {}
      announced[mac][claim.value.ip] ??= nowMs()
    },
    error: (error) => process.stderr.write(`${error.message}\n`),
  },
)
if (!opened.ok) throw new Error(opened.error.message)
createInterface({ input: process.stdin })
  .on("line", () => {
    const heard: Heard = { announced, frames }
    announced = {}
    frames = 0
    process.stdout.write(`${JSON.stringify(heard)}\n`)
  })
  .on("close", () => process.exit(0))
