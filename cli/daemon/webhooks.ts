import type { KeyPair } from "../../kubernetes/certificates/certificates.ts"
import { rotateCertificates } from "../../kubernetes/certificates/rotation.ts"
import type { Cluster } from "../../kubernetes/client/cluster.ts"
import { webhooks } from "../../kubernetes/webhooks/handler.ts"
import type { Log } from "../../supervision/actor.ts"
import { Complaint } from "../complaint.ts"
import type { FlagValues } from "../flags/parse.ts"
import type { TlsSettings } from "../flags/tls.ts"
import { followCertificateFiles } from "./certificate-files.ts"
import type { Exporter } from "./metrics.ts"
import type { Begun } from "./run.ts"
import { type Handler, type Server, serve } from "./serve.ts"
import { measuredWebhooks } from "./webhook-metrics.ts"
import { type Work, workOf } from "./work-metrics.ts"

export type WebhookMode = "enabled" | "disabled" | "onlywebhook"

export function webhookMode(flags: FlagValues): WebhookMode {
  const mode = flags.text("webhook-mode")
  if (mode !== "enabled" && mode !== "disabled" && mode !== "onlywebhook") {
    throw new Complaint(`invalid webhookmode value ${JSON.stringify(mode)}: must be enabled, disabled or onlywebhook`)
  }
  return mode
}

export interface WebhookServer {
  readonly metrics: (to: Exporter) => void
  /** Keeping the certificates. */
  readonly work: () => readonly Work[]
  readonly stop: () => Promise<void>
}

// The API server sends an object with its old version; a list of BGPPeers to convert may be larger.
const bodyLimitBytes = 16 * 1024 * 1024
const retryMs = 10_000

/**
 * Answers the API server's webhook calls as soon as there is a certificate for it. What fails here is said and tried
 * again, and never in the way of assigning addresses. Undefined in the mode `disabled`.
 */
export function startWebhooks(
  mode: WebhookMode,
  cluster: Cluster,
  { flags, namespace, tls, log }: Pick<Begun, "flags" | "namespace" | "tls" | "log">,
): WebhookServer | undefined {
  if (mode === "disabled") {
    log.info(
      "webhooks are disabled: the API server checks each object by its schema and CEL rules alone; what makes a " +
        "configuration invalid as a whole is accepted there, and named here and in ConfigurationState. BGPPeers cannot " +
        "be read or written as v1beta1",
      { op: "startup" },
    )
    return undefined
  }
  const answering = webhooks({ cluster, namespace, log })
  const measured = measuredWebhooks(({ method, path, header, body }) =>
    answering.answer({ method, path, contentType: header("content-type"), body }),
  )
  const { handler } = measured
  const port = webhookPort(flags, tls, handler, log)
  const rotation = flags.boolean("disable-cert-rotation")
    ? undefined
    : rotated(cluster, flags, namespace, port.use, log)
  const certificates = rotation ?? followCertificateFiles(flags.text("cert-dir"), undefined, port.use, log)
  return {
    metrics(to) {
      measured.metrics(to)
      to.counter(
        "troupe_webhook_requests_total",
        "Webhook requests of the API server by their outcome",
        ["path", "outcome"],
        answering.counts().map(({ path, outcome, count }) => [[path, outcome], count]),
      )
    },
    work: () => (rotation ? [workOf("cert-rotator", rotation.counts())] : []),
    async stop() {
      await certificates.stop()
      await port.stop()
    },
  }
}

function rotated(cluster: Cluster, flags: FlagValues, namespace: string, use: (pair: KeyPair) => void, log: Log) {
  log.info("setting up cert rotation", { op: "startup", action: "setting up cert rotation" })
  return rotateCertificates({
    cluster,
    namespace,
    secretName: flags.text("webhook-secret"),
    dnsName: `${flags.text("cert-service-name")}.${namespace}.svc`,
    serve: use,
    log,
  })
}

/** Opened with the first certificate; later ones are taken over. */
function webhookPort(flags: FlagValues, settings: TlsSettings, handler: Handler, log: Log) {
  const at = { host: "0.0.0.0", port: flags.number("webhook-port"), bodyLimitBytes }
  let newest: KeyPair | undefined
  let opening: Promise<void> | undefined
  let server: Server | undefined
  let retry: NodeJS.Timeout | undefined
  let stopped = false

  async function open(pair: KeyPair): Promise<void> {
    const tls = { settings, pair, http2: flags.boolean("webhook-http2") }
    const served = await serve({ ...at, tls }, [handler])
    if (!served.ok) {
      log.error(served.error, { op: "startup", "unable to create": "webhooks" })
      retry = setTimeout(begin, retryMs)
      return
    }
    server = served.value
    if (newest !== undefined && newest !== pair) server.use(newest)
    log.info("webhooks enabled", { op: "startup", action: "webhooks enabled", port: server.port })
  }

  function begin(): void {
    if (stopped || newest === undefined) return
    opening = open(newest).finally(() => {
      opening = undefined
    })
  }

  return {
    use: (pair: KeyPair): void => {
      newest = pair
      if (server !== undefined) server.use(pair)
      else if (opening === undefined) {
        clearTimeout(retry)
        begin()
      }
    },
    async stop(): Promise<void> {
      stopped = true
      clearTimeout(retry)
      await opening
      await server?.close()
    },
  }
}
