import fs from "node:fs"
import http from "node:http"
import http2 from "node:http2"
import https from "node:https"
import type { AddressInfo, Server as NetServer, Socket } from "node:net"
import type { KeyPair } from "../../kubernetes/certificates/certificates.ts"
import type { Result } from "../../protocols/result.ts"
import { err, ok } from "../../protocols/result.ts"
import type { TlsSettings } from "../flags/tls.ts"

export interface Answer {
  readonly status: number
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  /** Sent in place of `body`. */
  readonly bytes?: Uint8Array
}
export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** From this host itself: loopback or a Unix socket. */
  readonly local: boolean
  /** A header by its name in lower case; empty when there is none. */
  readonly header: (name: string) => string
  /** Empty where `bodyLimitBytes` is not given. */
  readonly body: string
}
export type Handler = (request: Asked) => Answer | undefined | Promise<Answer | undefined>

export interface Server {
  /** The TCP port; 0 for a Unix socket. */
  readonly port: number
  /** From the next connection on. Only over TLS; throws when the key does not belong to the certificate. */
  readonly use: (pair: KeyPair) => void
  readonly close: () => Promise<void>
}

export const text = (body: string, status = 200): Answer => ({ status, body: `${body}\n` })
export const json = (value: unknown, status = 200): Answer => ({
  status,
  type: "application/json",
  body: `${JSON.stringify(value)}\n`,
})

/** Where to listen: a TCP port, or a Unix socket that only its owner may open. */
export type ListenAt =
  | {
      readonly host: string
      readonly port: number
      readonly tls?: Tls
      /** Bodies are read, up to here; longer ones are answered with 413. */
      readonly bodyLimitBytes?: number
    }
  | { readonly socket: string }

export interface Tls {
  readonly settings: TlsSettings
  readonly pair: KeyPair
  readonly http2?: boolean
}

const maxConnections = 500
const handshakeTimeoutMs = 10_000
const headersTimeoutMs = 5_000
const requestTimeoutMs = 10_000

/**
 * A small HTTP server: the first handler that answers, wins; none is a 404, a throw a 500 without the details. The
 * error of the Result is a sentence that names the place and what is wrong.
 */
export async function serve(at: ListenAt, handlers: readonly Handler[]): Promise<Result<Server, string>> {
  const limit = "bodyLimitBytes" in at ? at.bodyLimitBytes : undefined
  const listener: http.RequestListener = (request, response) => {
    void read(request, limit)
      .then((body) => (body === undefined ? text("the body is too large", 413) : answer(request, body, handlers)))
      .then(({ status, type, headers, body, bytes }) => {
        response.writeHead(status, { "content-type": type ?? "text/plain; charset=utf-8", ...headers })
        response.end(bytes ?? body, () => {
          if (status === 413) request.destroy()
        })
      })
  }
  const tls = "tls" in at ? at.tls : undefined
  const made = create(tls, listener)
  if (!made.ok) return made
  const server = made.value
  server.maxConnections = maxConnections
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  // Left over from a process that was killed: nobody can be listening on it, or connecting would be refused below.
  if ("socket" in at) fs.rmSync(at.socket, { force: true })
  const place = "socket" in at ? at.socket : `${at.host}:${at.port}`
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(err(`cannot listen on ${place}: ${reasonOf(error)}`)),
    )
    const listening = () => {
      server.removeAllListeners("error")
      server.on("error", () => undefined)
      if ("socket" in at) fs.chmodSync(at.socket, 0o600)
      const port = "socket" in at ? 0 : (server.address() as AddressInfo).port
      resolve(
        ok({
          port,
          use: (pair) => {
            if (tls && "setSecureContext" in server) server.setSecureContext(secureOptions({ ...tls, pair }))
          },
          close: () => closeServer(server, sockets),
        }),
      )
    }
    if ("socket" in at) server.listen(at.socket, listening)
    else server.listen(at.port, at.host, listening)
  })
}

type AnyServer = http.Server | https.Server | http2.Http2SecureServer

function create(tls: Tls | undefined, listener: http.RequestListener): Result<AnyServer, string> {
  try {
    return ok(tls?.http2 ? createHttp2(tls, listener) : createHttp1(tls, listener))
  } catch (error) {
    // What OpenSSL says about a certificate or key quotes neither.
    return err(`cannot serve over TLS: ${reasonOf(error)}`)
  }
}

function createHttp1(tls: Tls | undefined, listener: http.RequestListener): http.Server | https.Server {
  const timeouts = { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs }
  if (!tls) return http.createServer(timeouts, listener)
  return https.createServer({ ...timeouts, ...secureOptions(tls) }, listener)
}

function createHttp2(tls: Tls, listener: http.RequestListener): http2.Http2SecureServer {
  const server = http2.createSecureServer({
    ...secureOptions(tls),
    allowHTTP1: true,
    settings: { maxConcurrentStreams: 100 },
  })
  // Their requests and responses are made to look like HTTP/1's.
  server.on("request", listener as unknown as Parameters<typeof server.on>[1])
  server.setTimeout(requestTimeoutMs)
  return server
}

const secureOptions = ({ settings, pair }: Tls) => ({
  ...settings,
  cert: pair.cert,
  key: pair.key.reveal(),
  handshakeTimeout: handshakeTimeoutMs,
})

/** Undefined as soon as it is longer than the limit; without one it is thrown away. */
function read(request: http.IncomingMessage, limitBytes: number | undefined): Promise<string | undefined> {
  if (limitBytes === undefined) {
    request.resume()
    return Promise.resolve("")
  }
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let bytes = 0
    request.on("data", (part: Buffer) => {
      bytes += part.length
      if (bytes <= limitBytes) parts.push(part)
      else resolve(undefined)
    })
    request.on("end", () => resolve(Buffer.concat(parts).toString()))
    // The client went away; nobody will read the answer.
    request.on("close", () => resolve(""))
    request.on("error", () => resolve(""))
  })
}

async function answer(request: http.IncomingMessage, body: string, handlers: readonly Handler[]): Promise<Answer> {
  const url = URL.parse(request.url ?? "/", "http://localhost")
  if (!url) return text("bad request", 400)
  const header = (name: string) => String(request.headers[name] ?? "")
  const { remoteAddress } = request.socket
  const local = remoteAddress === undefined || isLoopback(remoteAddress)
  const asked = { method: request.method ?? "GET", path: url.pathname, query: url.searchParams, local, header, body }
  try {
    for (const handler of handlers) {
      const found = await handler(asked)
      if (found) return found
    }
    return text("not found", 404)
  } catch {
    return text("internal error", 500)
  }
}

const isLoopback = (address: string): boolean => /^(?:127\.|::1$|::ffff:127\.)/.test(address)

function closeServer(server: NetServer, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    for (const socket of sockets) socket.destroy()
  })
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === "EADDRINUSE") return "the address is in use"
  if (code === "EACCES") return "permission denied"
  if (code === "ENOENT") return "no such file or directory"
  return error instanceof Error ? error.message : String(error)
}
