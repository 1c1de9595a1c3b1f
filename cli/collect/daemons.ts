import http from "node:http"
import type { Cluster } from "../../kubernetes/client/cluster.ts"
import { tailOf } from "./log-text.ts"

/** A daemon that can be asked, and the ways to it, tried in this order. */
export interface Daemon {
  readonly name: string
  readonly ways: readonly Way[]
}

export interface Way {
  /** `debug socket /run/…`, for error texts. */
  readonly name: string
  readonly ask: (path: string) => Promise<Answered>
}

type Answered =
  | { readonly status: number; readonly body: string }
  /** The daemon was not reached. */
  | { readonly failure: string }

const bodyLimitBytes = 32 * 1024 * 1024
const answerWithinMs = 15_000

/** What a daemon says of itself. Not every one knows every question. */
const questions = {
  "readyz.txt": "/readyz",
  "actors.json": "/debug/actors",
  "status.json": "/debug/status",
  "metrics.txt": "/metrics",
} as const

export interface DaemonAnswers {
  readonly files: Readonly<Record<string, string>>
  readonly failures: readonly string[]
}

export async function askDaemon({ name, ways }: Daemon): Promise<DaemonAnswers> {
  const failures: string[] = []
  for (const way of ways) {
    const files: Record<string, string> = {}
    const gaps: string[] = []
    let reached = true
    for (const [file, path] of Object.entries(questions)) {
      const answered = await way.ask(path)
      if ("failure" in answered) {
        failures.push(`${name}: ${way.name}: ${answered.failure}`)
        reached = false
        break
      }
      // Readiness says its reason with 503; the controller has no status.
      if (answered.status === 200 || path === "/readyz") files[file] = answered.body
      else if (!(answered.status === 404 && path === "/debug/status"))
        gaps.push(`${name}: ${path} by ${way.name}: HTTP ${answered.status}`)
    }
    if (reached) return { files, failures: gaps }
  }
  return { files: {}, failures: failures.length > 0 ? failures : [`${name}: no way to ask it`] }
}

export const bySocket = (socketPath: string): Way => ({
  name: `debug socket ${socketPath}`,
  ask: (path) => request({ socketPath, path }),
})

export const byPort = (host: string, port: number): Way => ({
  name: `${host}:${port}`,
  ask: (path) => request({ host, port, path }),
})

export const byPortForward = (
  cluster: Pick<Cluster, "forward">,
  namespace: string,
  pod: string,
  port: number,
): Way => ({
  name: "port forwarding",
  async ask(path) {
    const forwarded = await cluster.forward({ namespace, pod, port })
    if (!forwarded.ok) return { failure: forwarded.error.message }
    const stream = forwarded.value
    stream.on("error", () => undefined)
    try {
      return await request({ createConnection: () => stream, host: "localhost", path })
    } finally {
      stream.destroy()
    }
  },
})

export const byProxy = (cluster: Pick<Cluster, "open">, namespace: string, pod: string, port: number): Way => ({
  name: "the API server's proxy",
  async ask(path) {
    const opened = await cluster.open({
      verb: "get",
      path: `/api/v1/namespaces/${namespace}/pods/http:${pod}:${port}/proxy${path}`,
      resource: "pods/proxy",
      signal: AbortSignal.timeout(answerWithinMs),
    })
    if (!opened.ok) {
      const { error } = opened
      const fromDaemon = error.kind === "refused" && (error.status === 404 || path === "/readyz")
      return fromDaemon ? { status: error.status, body: `${error.message}\n` } : { failure: error.message }
    }
    try {
      return { status: 200, body: (await tailOf(opened.value, bodyLimitBytes)).text }
    } catch {
      return { failure: "the answer broke off" }
    }
  },
})

function request(options: http.RequestOptions): Promise<Answered> {
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve({ failure: error.message })
    const asked = http.get(
      {
        // An agent, even of its own, would make connections by itself.
        ...(options.createConnection === undefined && { agent: false }),
        ...options,
        headers: { connection: "close" },
        signal: AbortSignal.timeout(answerWithinMs),
      },
      (response) => {
        tailOf(response, bodyLimitBytes).then(
          ({ text, leftOutBytes }) =>
            resolve(
              leftOutBytes > 0
                ? { failure: `an answer of more than ${bodyLimitBytes} bytes` }
                : { status: response.statusCode ?? 0, body: text },
            ),
          failed,
        )
      },
    )
    asked.on("error", failed)
  })
}
