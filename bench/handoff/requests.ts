// HTTP requests to one address, each over a TCP connection of its own, at a steady rate; prints what became of them when its
// standard input ends. `node requests.ts ADDRESS PER_SECOND TIMEOUT_MS`, in the client's network namespace.
import net from "node:net"

const [address = "", perSecond = "200", timeout = "1000"] = process.argv.slice(2)
const timeoutMs = Number(timeout)

export interface Outcome {
  readonly requests: number
  /** Not answered, whatever the reason; without `cut`. */
  readonly failed: number
  /**
   * Reset: the connection was open while the address moved, and the node that has it now knows nothing of it. No order of
   * announcements helps against that. (A node where nobody listens would refuse.)
   */
  readonly cut: number
  /** Why, each reason with how often. */
  readonly failures: Readonly<Record<string, number>>
  /** Of those that were answered. */
  readonly slowestMs: number
  /** The longest time in which no request came back answered. */
  readonly longestGapMs: number
  /** How late this program's own timer was at most: the gap says nothing of the network below that. */
  readonly lateMs: number
  /** Who answered, in the order of their first answers. */
  readonly by: Readonly<Record<string, number>>
}

let requests = 0
let underWay = 0
let cut = 0
let slowestMs = 0
let longestGapMs = 0
let lateMs = 0
let lastMs = performance.now()
const failures: Record<string, number> = {}
const by: Record<string, number> = {}

function request(): void {
  requests++
  underWay++
  const begunMs = performance.now()
  let body = ""
  let failure: string | undefined
  const socket = net.connect({ host: address, port: 80 })
  const timer = setTimeout(() => socket.destroy(new Error("timeout")), timeoutMs)
  socket.setEncoding("utf8")
  socket.on("connect", () => socket.write(`GET / HTTP/1.1\r\nhost: ${address}\r\nconnection: close\r\n\r\n`))
  socket.on("data", (text: string) => void (body += text))
  socket.on("error", (error: NodeJS.ErrnoException) => void (failure = error.code ?? error.message))
  socket.on("close", () => {
    clearTimeout(timer)
    underWay--
    const name = /\n(\S+) answers at/.exec(body)?.[1]
    if (failure === undefined && name !== undefined) {
      const nowMs = performance.now()
      slowestMs = Math.max(slowestMs, nowMs - begunMs)
      longestGapMs = Math.max(longestGapMs, nowMs - lastMs)
      lastMs = nowMs
      by[name] = (by[name] ?? 0) + 1
    } else if (failure === "ECONNRESET") cut++
    else {
      const why = failure ?? "no answer"
      failures[why] = (failures[why] ?? 0) + 1
    }
    if (ending) finish()
  })
}

let ending = false
function finish(): void {
  if (underWay > 0) return
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0)
  const outcome: Outcome = { requests, failed, cut, failures, slowestMs, longestGapMs, lateMs, by }
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0))
}

// A timer that is a little late makes up for it; after a long sleep a burst would only overrun the servers.
const everyMs = 1000 / Number(perSecond)
const mostAtOnce = 10
let dueMs = performance.now()
const pace = setInterval(() => {
  const nowMs = performance.now()
  lateMs = Math.max(lateMs, nowMs - dueMs)
  dueMs = Math.max(dueMs, nowMs - mostAtOnce * everyMs)
  for (; dueMs <= nowMs; dueMs += everyMs) request()
}, 2)
process.stdin.resume()
process.stdin.on("end", () => {
  clearInterval(pace)
  ending = true
  finish()
})
