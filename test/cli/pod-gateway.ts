import { createHash } from "node:crypto"
import http from "node:http"
import net from "node:net"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"

/** What an API server does with Pods and a kubelet, in front of one that has none: logs, proxy, port forwarding. */
export interface PodGateway {
  readonly url: string
  /** Every request, as `METHOD path?query`. */
  readonly asked: string[]
  /** `POD/CONTAINER`, with `/previous` for the one before → its log. */
  readonly logs: Map<string, string | Buffer>
  /** Pod → the Unix socket of what runs in it, for ports forwarded to it. */
  readonly forwards: Map<string, string>
  /** Pod → the same, for the proxy. */
  readonly proxied: Map<string, string>
  readonly close: () => Promise<void>
}

export async function podGateway(apiUrl: string, token: string): Promise<PodGateway> {
  const asked: string[] = []
  const logs = new Map<string, string | Buffer>()
  const forwards = new Map<string, string>()
  const proxied = new Map<string, string>()
  const sockets = new Set<Duplex>()

  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://gateway")
    asked.push(`${request.method} ${url.pathname}${url.search}`)
    if (request.headers.authorization !== `Bearer ${token}`) return void response.writeHead(401).end()
    const log = /^\/api\/v1\/namespaces\/[^/]+\/pods\/([^/]+)\/log$/.exec(url.pathname)
    if (log) {
      const { searchParams } = url
      const previous = searchParams.get("previous") === "true" ? "/previous" : ""
      const text = logs.get(`${log[1]}/${searchParams.get("container")}${previous}`)
      if (text === undefined) return void response.writeHead(404).end("no such log")
      return void response.writeHead(200, { "content-type": "text/plain" }).end(text)
    }
    const proxy = /^\/api\/v1\/namespaces\/[^/]+\/pods\/http:([^:/]+):\d+\/proxy(\/.*)$/.exec(url.pathname)
    if (proxy) {
      const socketPath = proxied.get(proxy[1] ?? "")
      if (socketPath === undefined) return void response.writeHead(503).end("connection refused")
      const onward = http.request({ socketPath, path: proxy[2] ?? "/", agent: false }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      })
      onward.on("error", () => response.writeHead(502).end())
      return void onward.end()
    }
    const onward = http.request(
      `${apiUrl}${request.url}`,
      { method: request.method, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on("error", () => response.destroy())
    request.pipe(onward)
  })

  server.on("upgrade", (request: http.IncomingMessage, socket: Duplex) => {
    asked.push(`UPGRADE ${request.url}`)
    sockets.add(socket)
    socket.on("error", () => undefined)
    const pod = /\/pods\/([^/]+)\/portforward\?ports=\d+$/.exec(request.url ?? "")?.[1] ?? ""
    const socketPath = forwards.get(pod)
    if (socketPath === undefined || request.headers.authorization !== `Bearer ${token}`)
      return void socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    forward(socket, request, net.connect(socketPath))
  })

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    logs,
    forwards,
    proxied,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const acceptMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/** Kubernetes' `v4.channel.k8s.io` over a WebSocket (RFC 6455): channel 0 data, 1 errors, each begun with the port. */
function forward(socket: Duplex, request: http.IncomingMessage, target: net.Socket): void {
  const key = request.headers["sec-websocket-key"] ?? ""
  const accept = createHash("sha1").update(`${key}${acceptMagic}`).digest("base64")
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n`,
  )
  const port = Buffer.from([0x40, 0x44])
  for (const channel of [0, 1]) socket.write(frame(Buffer.concat([Buffer.from([channel]), port])))
  target.on("data", (data) => socket.write(frame(Buffer.concat([Buffer.from([0]), data]))))
  target.on("close", () => socket.end(Buffer.from([0x88, 0])))
  target.on("error", () => socket.destroy())
  let rest = Buffer.alloc(0)
  socket.on("data", (data: Buffer) => {
    rest = Buffer.concat([rest, data])
    for (let read = unframe(rest); read !== undefined; read = unframe(rest)) {
      rest = rest.subarray(read.length)
      if (read.opcode === 8) return void target.end()
      if (read.payload[0] === 0) target.write(read.payload.subarray(1))
    }
  })
  socket.on("close", () => target.destroy())
}

function frame(payload: Buffer): Buffer {
  const { length } = payload
  if (length < 126) return Buffer.concat([Buffer.from([0x82, length]), payload])
  const head = Buffer.alloc(length < 65_536 ? 4 : 10)
  head[0] = 0x82
  head[1] = length < 65_536 ? 126 : 127
  if (length < 65_536) head.writeUInt16BE(length, 2)
  else head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}

/** One masked frame of a client, or undefined while it is not complete. */
function unframe(bytes: Buffer) {
  if (bytes.length < 2) return undefined
  const short = (bytes[1] ?? 0) & 0x7f
  const head = short < 126 ? 2 : short === 126 ? 4 : 10
  if (bytes.length < head + 4) return undefined
  const size = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  const length = head + 4 + size
  if (bytes.length < length) return undefined
  const mask = bytes.subarray(head, head + 4)
  const payload = Buffer.from(bytes.subarray(head + 4, length).map((byte, i) => byte ^ (mask[i % 4] ?? 0)))
  return { opcode: (bytes[0] ?? 0) & 0x0f, payload, length }
}
