// What runs on a lab node beside the speaker: the application behind every Service, and the way to the API server,
// which listens on a Unix socket because it lives outside the node's network.
import http from "node:http"
import net from "node:net"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: { name: { type: "string" }, "api-socket": { type: "string" }, "api-port": { type: "string" } },
})
const { name = "", "api-socket": apiSocket = "", "api-port": apiPort = "" } = values

const application = http.createServer((request, response) => {
  response.end(`${name} answers at ${request.socket.localAddress?.replace(/^::ffff:/, "")}\n`)
})
// Both families.
application.listen(80, "::")

const relay = net.createServer((client) => {
  const api = net.connect(apiSocket)
  client.pipe(api).pipe(client)
  client.on("error", () => api.destroy())
  api.on("error", () => client.destroy())
})
relay.listen(Number(apiPort), "127.0.0.1")

process.stdin.resume()
process.stdin.on("end", () => process.exit(0))
process.on("SIGTERM", () => process.exit(0))
