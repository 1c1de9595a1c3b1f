import { SecretText } from "../../config/secret-text.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { Cluster } from "../client/cluster.ts"
import type { ApiFailure } from "../client/failure.ts"
import { isObject, type JsonObject, objectAt, textOf } from "../client/json.ts"
import type { Log } from "../client/log.ts"
import type { Certificates, SecretFile } from "./certificates.ts"
import { secretFiles } from "./certificates.ts"
import { orderCertificates, orderServerCertificate } from "./order.ts"
import { type Pems, certificateReasonText, certificateVerdict } from "./verdict.ts"

export interface CertificateSecret {
  readonly cluster: Cluster
  readonly namespace: string
  /** Created when it is missing. */
  readonly name: string
  /** What the server is called by. */
  readonly dnsName: string
  readonly log: Log
}

export interface Kept {
  readonly certificates: Certificates
  readonly wrote: boolean
}

const fieldManager = "MetalLB"
export const asManager = { fieldManager }

/** Reads the certificates in the Secret, and renews there what the verdict says. A conflict is a failure: read again. */
export async function keepCertificates(
  { cluster, namespace, name, dnsName, log }: CertificateSecret,
  nowMs: number,
  signal: AbortSignal,
): Promise<Result<Kept, ApiFailure>> {
  const collection = `/api/v1/namespaces/${namespace}/secrets`
  const got = await cluster.request({ verb: "get", path: `${collection}/${name}`, resource: "secrets", signal })
  const missing = !got.ok && got.error.kind === "refused" && got.error.status === 404
  if (!got.ok && !missing) return got
  const secret = got.ok ? objectAt(got.value) : undefined
  const pems = pemsOf(secret)
  const verdict = certificateVerdict(pems, dnsName, nowMs)
  const present = certificatesOf(pems)
  if (verdict.decision === "keep") return ok({ certificates: present, wrote: false })

  const because = verdict.because.map(certificateReasonText)
  log.info("new webhook certificates", { op: "certRotation", secret: `${namespace}/${name}`, because })
  const certificates =
    verdict.decision === "renew-all"
      ? await orderCertificates(dnsName, nowMs)
      : { ca: present.ca, server: await orderServerCertificate(present.ca, dnsName, nowMs) }
  const body = withCertificates(secret, namespace, name, certificates)
  const common = { resource: "secrets", query: asManager, body, signal }
  const written = await cluster.request(
    secret === undefined
      ? { verb: "create", path: collection, ...common }
      : { verb: "update", path: `${collection}/${name}`, ...common },
  )
  return written.ok ? ok({ certificates, wrote: true }) : err(written.error)
}

function pemsOf(secret: JsonObject | undefined): Pems {
  const data = objectAt(secret, "data")
  return Object.fromEntries(secretFiles.map((file) => [file, Buffer.from(textOf(data[file]), "base64").toString()]))
}

function certificatesOf(pems: Pems): Certificates {
  const pair = (cert: SecretFile, key: SecretFile) => ({
    cert: pems[cert] ?? "",
    key: new SecretText(pems[key] ?? ""),
  })
  return { ca: pair("ca.crt", "ca.key"), server: pair("tls.crt", "tls.key") }
}

/** The whole Secret with its version, so that of two controllers only one writes. What else it holds stays. */
function withCertificates(
  secret: JsonObject | undefined,
  namespace: string,
  name: string,
  { ca, server }: Certificates,
): JsonObject {
  const files: Readonly<Record<SecretFile, string>> = {
    "ca.crt": ca.cert,
    "ca.key": ca.key.reveal(),
    "tls.crt": server.cert,
    "tls.key": server.key.reveal(),
  }
  const data = Object.fromEntries(
    Object.entries(files).map(([file, pem]) => [file, Buffer.from(pem).toString("base64")]),
  )
  const metadata = isObject(secret?.["metadata"]) ? secret["metadata"] : { namespace, name }
  return {
    type: "Opaque",
    ...secret,
    apiVersion: "v1",
    kind: "Secret",
    metadata,
    data: { ...objectAt(secret, "data"), ...data },
  }
}
