import type { AccessCheck } from "../../kubernetes/client/access.ts"
import type { KeyPair } from "../../kubernetes/certificates/certificates.ts"
import { orderSelfSigned } from "../../kubernetes/certificates/order.ts"
import type { Log } from "../../supervision/actor.ts"
import { Complaint } from "../complaint.ts"
import type { TlsSettings } from "../flags/tls.ts"
import { followCertificateFiles, readCertificateFiles } from "./certificate-files.ts"
import { type Answer, type Handler, type Server, serve, text } from "./serve.ts"

export interface MetricsPort {
  readonly host: string
  readonly port: number
  /** With `tls.crt` and `tls.key`; empty: a certificate that is made now and kept nowhere. */
  readonly certDirectory: string
  readonly settings: TlsSettings
  readonly access: AccessCheck
  readonly metrics: Handler
  readonly log: Log
}

/** `/metrics` over HTTPS, for those whom the API server lets. Throws a Complaint when the port cannot be opened. */
export async function serveMetrics({ certDirectory, settings, ...port }: MetricsPort): Promise<Server> {
  const pair = certDirectory === "" ? await selfSigned() : filesIn(certDirectory)
  const handlers = [guarded(port.access, port.metrics, port.log)]
  const served = await serve({ host: port.host, port: port.port, tls: { settings, pair } }, handlers)
  if (!served.ok) throw new Complaint(served.error)
  const server = served.value
  if (certDirectory === "") return server
  const renewed = (pair: KeyPair) => {
    server.use(pair)
    port.log.info("a new certificate for /metrics", { op: "certificates", directory: certDirectory })
  }
  const followed = followCertificateFiles(certDirectory, pair, renewed, port.log)
  return {
    ...server,
    async close() {
      await followed.stop()
      await server.close()
    },
  }
}

async function selfSigned(): Promise<KeyPair> {
  try {
    return await orderSelfSigned(Date.now())
  } catch (error) {
    throw new Complaint(`no certificate for /metrics: ${error instanceof Error ? error.message : "unknown error"}`)
  }
}

function filesIn(directory: string): KeyPair {
  const read = readCertificateFiles(directory)
  if (!read.ok) throw new Complaint(`cannot serve metrics over TLS: ${read.error}`)
  return read.value
}

/** Lets nobody see what `handler` answers but those with the right. Paths it does not know are nobody's secret. */
export function guarded(allowing: AccessCheck, handler: Handler, log: Log): Handler {
  let said = ""
  return async (asked) => {
    if (asked.path !== "/metrics") return undefined
    if (asked.method !== "GET" && asked.method !== "HEAD") return text("use GET", 405)
    const access = await allowing.check(asked.header("authorization"))
    if (access.kind === "allowed") return handler(asked)
    if (access.kind === "unavailable" && access.reason !== said) {
      said = access.reason
      log.warn(access.text, { op: "metrics", reason: access.reason })
    }
    return refusals[access.kind](access.text)
  }
}

const refusals = {
  unauthenticated: (why: string): Answer => ({ ...text(why, 401), headers: { "www-authenticate": "Bearer" } }),
  forbidden: (why: string): Answer => text(why, 403),
  unavailable: (why: string): Answer => text(why, 503),
}
