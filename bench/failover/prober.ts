// Asks by ARP, every so many milliseconds, who has an address, and prints a line whenever the answer is another MAC's.
// `node prober.ts INTERFACE ADDRESS EVERY_MS`, in the client's network namespace. Times are CLOCK_MONOTONIC, which all
// processes of a machine share.
import { packetPort } from "../../io/packet-port.ts"
import { createRawLoop } from "../../io/raw-loop.ts"
import { arpRequestFrame, decodeArpClaim } from "../../protocols/arp/claim.ts"
import { formatMac } from "../../protocols/ethernet/mac.ts"
import { parseIp } from "../../protocols/ip.ts"

const [name, address = "", every = "10"] = process.argv.slice(2)
const target = parseIp(address)
if (target === undefined) throw new Error(`no address: ${address}`)
const loop = createRawLoop()
const port = packetPort(loop)
const links = port.interfaces()
const link = links.ok ? links.value.find((one) => one.name === name) : undefined
if (link === undefined) throw new Error(`no interface: ${name}`)

let last = ""
const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6
const opened = port.open(
  { interfaceIndex: link.index, frames: "arp-claim" },
  {
    frame(bytes) {
      const claim = decodeArpClaim(bytes)
      // Announcements are not counted: what matters is that somebody who asks is answered.
      if (!claim.ok || claim.value.ip !== target || claim.value.gratuitous) return
      const mac = formatMac(claim.value.mac)
      if (mac === last) return
      last = mac
      process.stdout.write(`${JSON.stringify({ atMs: monotonicMs(), mac })}\n`)
    },
    error: (error) => process.stderr.write(`${error.message}\n`),
  },
)
if (!opened.ok) throw new Error(opened.error.message)
const socket = opened.value
const frame = arpRequestFrame({ mac: link.mac, senderIp: parseIp("192.0.2.100"), target, to: undefined })
const ask = () => {
  loop.timers.after(Number(every), ask)
  socket.send(frame)
}
ask()
process.stdin.resume()
process.stdin.on("end", () => process.exit(0))
