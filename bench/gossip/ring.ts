// A ring of real processes in the network namespace it is started in: `node ring.ts KIND SIZE SECONDS [BINARY]`, KIND ours or
// memberlist. Waits until all know all and all is quiet, then prints as JSON what crossed the loopback interface and how
// much CPU the nodes took.
import { readdirSync, readFileSync } from "node:fs"
import { setTimeout } from "node:timers/promises"
import { metallbKey } from "../../protocols/memberlist/encryption.ts"
import { endAll, type Peer, startOurs, startReal, until } from "../../test/cluster/processes.ts"

export interface Measured {
  readonly bytes: number
  readonly packets: number
  readonly cpuSeconds: number
}

const [kind = "ours", sizeText = "3", secondsText = "60", binary = ""] = process.argv.slice(2)
const [size, seconds] = [Number(sizeText), Number(secondsText)]
const secret = "a ring to be measured"
const port = 7946
const quietSeconds = 20

async function start(i: number): Promise<Peer> {
  const [name, address] = [`node-${i}`, `127.0.${i >> 8}.${(i & 255) + 1}`]
  if (kind === "ours")
    return startOurs({ name, bindAddress: address, bindPort: port, profile: "lan", secretKey: secret })
  const key = Buffer.from(metallbKey(Buffer.from(secret))).toString("hex")
  return startReal(binary, name, address, ["-port", `${port}`, "-key", key])
}

function loopback(): Pick<Measured, "bytes" | "packets"> {
  const line = readFileSync("/proc/net/dev", "utf8")
    .split("\n")
    .find((text) => text.trim().startsWith("lo:"))
  const [bytes = 0, packets = 0] = (line ?? "").replace("lo:", "").trim().split(/\s+/).map(Number)
  return { bytes, packets }
}

const ticksPerSecond = 100
function cpuSeconds(): number {
  let ticks = 0
  for (const task of readdirSync("/proc/self/task")) {
    const children = readFileSync(`/proc/self/task/${task}/children`, "utf8").trim().split(" ")
    for (const pid of children.filter((text) => text !== "")) {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
      ticks += Number(fields[11]) + Number(fields[12])
    }
  }
  return ticks / ticksPerSecond
}

try {
  const peers: Peer[] = []
  for (let i = 0; i < size; i++) {
    const peer = await start(i)
    peers.push(peer)
    const [first] = peers
    if (first !== undefined && first !== peer) peer.join(first)
  }
  await until(
    () => peers.every((peer) => peer.members().length === size),
    () => `members: ${peers.map((peer) => peer.members().length).join()}`,
    180_000,
  )
  await setTimeout(quietSeconds * 1000)
  const before = { ...loopback(), cpu: cpuSeconds() }
  await setTimeout(seconds * 1000)
  const after = { ...loopback(), cpu: cpuSeconds() }
  const measured: Measured = {
    bytes: after.bytes - before.bytes,
    packets: after.packets - before.packets,
    cpuSeconds: after.cpu - before.cpu,
  }
  process.stdout.write(`${JSON.stringify(measured)}\n`)
} finally {
  endAll()
}
