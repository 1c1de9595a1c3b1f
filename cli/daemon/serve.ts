import fs from "node:fs"
import http from "node:http"
import https from "node:https"
import type { Result } from "../../protocols/result.ts"
import { err, ok } from "../../protocols/result.ts"

export interface Answer {
  readonly status: number
  readonly type?: string
  readonly body: string
}
export type Handler = (request: {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
}) => Answer | undefined | Promise<Answer | undefined>

export interface Server {
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
  | { readonly host: string; readonly port: number; readonly tls?: { readonly directory: string } }
  | { readonly socket: string }

/**
 * A small HTTP server: the first handler that answers, wins; none is a 404, a throw a 500 without the details. The
 * error of the Result is a sentence that names the place and what is wrong.
 */
export async function serve(at: ListenAt, handlers: readonly Handler[]): Promise<Result<Server, string>> {
  const listener: http.RequestListener = (request, response) => {
    void answer(request, handlers).then(({ status, type, body }) => {
      response.writeHead(status, { "content-type": type ?? "text/plain; charset=utf-8" })
      response.end(body)
    })
    request.resume()
  }
  const made = create(at, listener)
  if (!made.ok) return made
  const server = made.value
  server.headersTimeout = 5_000
  server.requestTimeout = 10_000
  const place = "socket" in at ? at.socket : `${at.host}:${at.port}`
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(err(`cannot listen on ${place}: ${reasonOf(error)}`)),
    )
    const listening = () => {
      server.removeAllListeners("error")
      server.on("error", () => undefined)
      if ("socket" in at) fs.chmodSync(at.socket, 0o600)
      resolve(ok({ close: () => closeServer(server) }))
    }
    if ("socket" in at) server.listen(at.socket, listening)
    else server.listen(at.port, at.host, listening)
  })
}

function create(at: ListenAt, listener: http.RequestListener): Result<http.Server, string> {
  if ("socket" in at) {
    // Left over from a process that was killed: nobody can be listening on it, or connecting would be refused below.
    fs.rmSync(at.socket, { force: true })
    return ok(http.createServer(listener))
  }
  if (!at.tls) return ok(http.createServer(listener))
  try {
    const [cert, key] = ["tls.crt", "tls.key"].map((file) => fs.readFileSync(`${at.tls?.directory}/${file}`))
    return ok(https.createServer({ minVersion: "TLSv1.3", cert, key }, listener))
  } catch (error) {
    return err(`cannot serve metrics over TLS with ${at.tls.directory}: ${reasonOf(error)}`)
  }
}

async function answer(request: http.IncomingMessage, handlers: readonly Handler[]): Promise<Answer> {
  const url = URL.parse(request.url ?? "/", "http://localhost")
  if (!url) return text("bad request", 400)
  try {
    for (const handler of handlers) {
      const found = await handler({ method: request.method ?? "GET", path: url.pathname, query: url.searchParams })
      if (found) return found
    }
    return text("not found", 404)
  } catch {
    return text("internal error", 500)
  }
}

function closeServer(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === "EADDRINUSE") return "the address is in use"
  if (code === "EACCES") return "permission denied"
  if (code === "ENOENT") return "no such file or directory"
  return error instanceof Error ? error.message : String(error)
}
