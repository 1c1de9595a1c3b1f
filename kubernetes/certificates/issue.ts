// The library looks its parts up by decorators; this has to be there before it.
import "reflect-metadata"
import { createPrivateKey, KeyObject, randomBytes, webcrypto } from "node:crypto"
import * as x509 from "@peculiar/x509"
import { SecretText } from "../../config/secret-text.ts"
import { type Certificates, dayMs, type KeyPair } from "./certificates.ts"

type Keys = webcrypto.CryptoKeyPair

// RSA, because a cipher list that is copied from somewhere names RSA suites more often than ECDSA ones, and because
// MetalLB, should one go back to it, reads its CA key as an RSA key only.
const algorithm = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
}
const validMs = 3650 * dayMs
// Other clocks may be late.
const backMs = 60 * 60 * 1000

/** A CA and, signed by it, a certificate for the server called `dnsName`; both valid for ten years from `nowMs`. */
export async function issueCertificates(dnsName: string, nowMs: number): Promise<Certificates> {
  const keys = await generateKeys()
  const subject = [{ O: ["metallb"] }, { CN: ["cert"] }]
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(nowMs),
    name: new x509.Name(subject).toString(),
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const ca = pair(cert, keys)
  return { ca, server: await issueServerCertificate(ca, dnsName, nowMs) }
}

/** A new server certificate from the CA that there is. */
export async function issueServerCertificate(ca: KeyPair, dnsName: string, nowMs: number): Promise<KeyPair> {
  const keys = await generateKeys()
  const issuer = new x509.X509Certificate(ca.cert)
  const cert = await x509.X509CertificateGenerator.create({
    ...common(nowMs),
    subject: new x509.Name([{ CN: [dnsName] }]).toString(),
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: importKey(ca.key),
    extensions: [
      ...serverExtensions([{ type: "dns", value: dnsName }]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return pair(cert, keys)
}

/** For a port whose clients check nothing: /metrics, when no certificate was given. */
export async function issueSelfSigned(nowMs: number): Promise<KeyPair> {
  const keys = await generateKeys()
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(nowMs),
    name: "CN=localhost",
    keys,
    extensions: serverExtensions([
      { type: "dns", value: "localhost" },
      { type: "ip", value: "127.0.0.1" },
    ]),
  })
  return pair(cert, keys)
}

const common = (nowMs: number) => ({
  // RFC 5280 §4.1.2.2: positive, and not more than 20 octets.
  serialNumber: `0${randomBytes(16).toString("hex").slice(1)}`,
  notBefore: new Date(nowMs - backMs),
  notAfter: new Date(nowMs + validMs),
  signingAlgorithm: algorithm,
})

const serverExtensions = (names: x509.JsonGeneralNames) => [
  new x509.BasicConstraintsExtension(false, undefined, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
  new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
  new x509.SubjectAlternativeNameExtension(names),
]

const generateKeys = (): Promise<Keys> => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])

const importKey = (key: SecretText): webcrypto.CryptoKey =>
  createPrivateKey(key.reveal()).toCryptoKey(algorithm, false, ["sign"])

function pair(certificate: x509.X509Certificate, keys: Keys): KeyPair {
  const key = KeyObject.from(keys.privateKey).export({ type: "pkcs1", format: "pem" })
  return { cert: `${certificate.toString("pem")}\n`, key: new SecretText(String(key)) }
}
