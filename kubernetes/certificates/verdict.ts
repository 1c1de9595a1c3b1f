import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto"
import { dayMs, type SecretFile } from "./certificates.ts"

/** PEM files by name; empty counts as missing. */
export type Pems = Readonly<Partial<Record<SecretFile, string>>>

/** What is to be made anew: nothing, the server certificate, or the CA and with it the server certificate. */
export interface CertificateVerdict {
  readonly decision: "keep" | "renew-server" | "renew-all"
  /** Empty exactly for `keep`. The first ones about the CA, if it is that. */
  readonly because: readonly CertificateReason[]
}

type CertificateFile = "ca.crt" | "tls.crt"
export type CertificateReason =
  | { readonly kind: "missing" | "unreadable"; readonly file: SecretFile }
  | {
      readonly kind: "not-yet-valid" | "expires-soon" | "expired"
      readonly file: CertificateFile
      readonly atMs: number
    }
  /** The private key is that of another certificate. */
  | { readonly kind: "wrong-key"; readonly file: CertificateFile }
  /** `unusable-ca-key`: it is no RSA key, so the new server certificate cannot be signed with it. */
  | { readonly kind: "no-ca" | "not-signed-by-ca" | "not-for-servers" | "unusable-ca-key" }
  | { readonly kind: "wrong-name"; readonly dnsName: string }

/** Renewed this long before the end, so that nobody notices a renewal that fails for weeks. */
const renewBeforeMs = 90 * dayMs
const serverUse = "1.3.6.1.5.5.7.3.1"

/** Are these certificates good for a server that is called by `dnsName`? Pure and total, whatever the files hold. */
export function certificateVerdict(pems: Pems, dnsName: string, nowMs: number): CertificateVerdict {
  const ca = read(pems, "ca.crt", "ca.key", nowMs)
  const aboutCa = [...ca.reasons]
  // RFC 5280 §4.2.1.9: whoever signs others must say that it is a CA.
  if (ca.certificate?.ca === false) aboutCa.push({ kind: "no-ca" })
  if (aboutCa.length > 0) return { decision: "renew-all", because: aboutCa }

  const server = read(pems, "tls.crt", "tls.key", nowMs)
  const because = [...server.reasons]
  if (server.certificate !== undefined) {
    // The name in the subject does not count any more (RFC 9525 §2).
    if (server.certificate.checkHost(dnsName, { subject: "never" }) === undefined)
      because.push({ kind: "wrong-name", dnsName })
    if (!server.certificate.keyUsage?.includes(serverUse)) because.push({ kind: "not-for-servers" })
    if (ca.certificate !== undefined && !signedBy(server.certificate, ca.certificate))
      because.push({ kind: "not-signed-by-ca" })
  }
  if (because.length === 0) return { decision: "keep", because }
  if (ca.key?.asymmetricKeyType === "rsa") return { decision: "renew-server", because }
  return { decision: "renew-all", because: [{ kind: "unusable-ca-key" }, ...because] }
}

function read(pems: Pems, certFile: CertificateFile, keyFile: "ca.key" | "tls.key", nowMs: number) {
  const reasons: CertificateReason[] = []
  const parse = <T>(file: SecretFile, parser: (pem: string) => T): T | undefined => {
    const pem = pems[file] ?? ""
    if (pem === "") return void reasons.push({ kind: "missing", file })
    try {
      return parser(pem)
    } catch {
      // What the parser says may quote the file.
      return void reasons.push({ kind: "unreadable", file })
    }
  }
  const certificate = parse(certFile, (pem) => new X509Certificate(pem))
  const key = parse(keyFile, (pem): KeyObject => createPrivateKey(pem))
  if (certificate !== undefined) {
    const [fromMs, untilMs] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()]
    if (nowMs < fromMs) reasons.push({ kind: "not-yet-valid", file: certFile, atMs: fromMs })
    if (nowMs >= untilMs) reasons.push({ kind: "expired", file: certFile, atMs: untilMs })
    else if (nowMs >= untilMs - renewBeforeMs) reasons.push({ kind: "expires-soon", file: certFile, atMs: untilMs })
    if (key !== undefined && !certificate.checkPrivateKey(key)) reasons.push({ kind: "wrong-key", file: certFile })
  }
  return { certificate, key, reasons }
}

function signedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey)
}

/** For the log. */
export function certificateReasonText(reason: CertificateReason): string {
  switch (reason.kind) {
    case "missing":
      return `there is no ${reason.file}`
    case "unreadable":
      return `${reason.file} is no PEM that can be read`
    case "not-yet-valid":
      return `${reason.file} is not valid before ${new Date(reason.atMs).toISOString()}`
    case "expires-soon":
    case "expired":
      return `${reason.file} ${reason.kind === "expired" ? "expired" : "expires"} at ${new Date(reason.atMs).toISOString()}`
    case "wrong-key":
      return `the private key does not belong to ${reason.file}`
    case "no-ca":
      return "ca.crt is not the certificate of a CA"
    case "unusable-ca-key":
      return "ca.key is no RSA key to sign with"
    case "not-signed-by-ca":
      return "tls.crt is not signed by ca.crt"
    case "not-for-servers":
      return "tls.crt is not meant for servers"
    case "wrong-name":
      return `tls.crt is not for ${reason.dnsName}`
    default:
      return reason satisfies never
  }
}
