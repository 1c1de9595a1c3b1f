import { quote } from "../../config/go-text.ts"
import { err, ok, type Result } from "../../protocols/result.ts"

/** In the words of Node's `tls` module. */
export interface TlsSettings {
  readonly minVersion: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3"
  readonly ciphers?: string
  readonly ecdhCurve?: string
}

/** IANA's names, as Go has them → OpenSSL's. Those with RC4 and 3DES, which Go still knows, OpenSSL has not got. */
const suites: Readonly<Record<string, string>> = {
  TLS_AES_128_GCM_SHA256: "",
  TLS_AES_256_GCM_SHA384: "",
  TLS_CHACHA20_POLY1305_SHA256: "",
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: "ECDHE-ECDSA-AES128-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: "ECDHE-ECDSA-AES128-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: "ECDHE-ECDSA-AES256-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: "ECDHE-RSA-AES128-SHA",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: "ECDHE-RSA-AES128-SHA256",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_RSA_WITH_AES_128_CBC_SHA: "AES128-SHA",
  TLS_RSA_WITH_AES_128_CBC_SHA256: "AES128-SHA256",
  TLS_RSA_WITH_AES_128_GCM_SHA256: "AES128-GCM-SHA256",
  TLS_RSA_WITH_AES_256_CBC_SHA: "AES256-SHA",
  TLS_RSA_WITH_AES_256_GCM_SHA384: "AES256-GCM-SHA384",
}
// Always on, as with Go: which of them is used cannot be configured.
const tls13Suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]

/** Numbers of IANA's "TLS Supported Groups" registry. */
const curves: Readonly<Record<number, string>> = {
  23: "P-256",
  24: "P-384",
  25: "P-521",
  29: "X25519",
  4587: "SecP256r1MLKEM768",
  4588: "X25519MLKEM768",
  4589: "SecP384r1MLKEM1024",
}

const versions: Readonly<Record<string, TlsSettings["minVersion"]>> = {
  "": "TLSv1.3",
  VersionTLS10: "TLSv1",
  VersionTLS11: "TLSv1.1",
  VersionTLS12: "TLSv1.2",
  VersionTLS13: "TLSv1.3",
}

/** The three `--tls-…` flags, read as MetalLB reads them and in its order; the errors are its texts. */
export function tlsSettings(cipherSuites: string, curveIds: string, minVersion: string): Result<TlsSettings, string> {
  const ciphers = cipherSuites === "" ? ok("") : cipherList(cipherSuites)
  if (!ciphers.ok) return err(`parsing tls-cipher-suites: ${ciphers.error}`)
  const ecdhCurve = curveIds === "" ? ok("") : curveList(curveIds)
  if (!ecdhCurve.ok) return err(`parsing tls-curve-preferences: ${ecdhCurve.error}`)
  const version = Object.hasOwn(versions, minVersion) ? versions[minVersion] : undefined
  if (version === undefined) return err(`parsing tls-min-version: unknown tls version ${quote(minVersion)}`)
  if (ciphers.value !== "" && version === "TLSv1.3") return err("cipher suites cannot be configured with TLS 1.3")
  return ok({
    minVersion: version,
    ...(ciphers.value !== "" && { ciphers: ciphers.value }),
    ...(ecdhCurve.value !== "" && { ecdhCurve: ecdhCurve.value }),
  })
}

function cipherList(text: string): Result<string, string> {
  const names: string[] = []
  for (const suite of text.split(",").map((name) => name.trim())) {
    if (!Object.hasOwn(suites, suite)) return err(`Cipher suite ${suite} not supported or doesn't exist`)
    names.push(suites[suite] ?? "")
  }
  return ok([...tls13Suites, ...names.filter((name) => name !== "")].join(":"))
}

function curveList(text: string): Result<string, string> {
  const ids = text.split(",").map((id) => id.trim())
  const bad = ids.find((id) => !(/^\d+$/.test(id) && BigInt(id) <= 65_535n))
  if (bad !== undefined) return err(`invalid curve preference ${quote(bad)}: must be a numeric CurveID (0-65535)`)
  const seen = new Set<number>()
  const names: string[] = []
  for (const id of ids.map(Number)) {
    if (id === 0) return err("curve preference 0 is out of range (must be 1-65535)")
    if (seen.has(id)) return err(`duplicate curve preference ${id}`)
    seen.add(id)
    const name = curves[id]
    // The words are MetalLB's, Go and all: what its tooling matches on.
    if (name === undefined) return err(`curve preference ${id} is not supported by the current Go version`)
    names.push(name)
  }
  return ok(names.join(":"))
}
