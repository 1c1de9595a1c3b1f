import { execFile } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { inspect, promisify } from "node:util"
import test from "ava"
import type { Certificates, KeyPair } from "../../kubernetes/certificates/certificates.ts"
import { issueCertificates, issueSelfSigned, issueServerCertificate } from "../../kubernetes/certificates/issue.ts"
import { certificateReasonText, certificateVerdict, type Pems } from "../../kubernetes/certificates/verdict.ts"

const run = promisify(execFile)
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-certificates-"))
test.after.always(() => fs.rmSync(directory, { recursive: true }))

const dnsName = "metallb-webhook-service.metallb-system.svc"
const dayMs = 86_400_000
const nowMs = Date.UTC(2027, 0, 1)
let made: Certificates
let other: Certificates
let ecKey: string
let good: Pems
test.before(async () => {
  ;[made, other] = await Promise.all([issueCertificates(dnsName, nowMs), issueCertificates(dnsName, nowMs)])
  ecKey = (await run("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])).stdout
  good = pemsOf(made)
})

const pemsOf = ({ ca, server }: Certificates): Pems => ({
  "ca.crt": ca.cert,
  "ca.key": ca.key.reveal(),
  "tls.crt": server.cert,
  "tls.key": server.key.reveal(),
})

function written(name: string, content: string): string {
  const file = path.join(directory, name)
  fs.writeFileSync(file, content)
  return file
}
const opensslText = async (name: string, { cert }: KeyPair) =>
  (await run("openssl", ["x509", "-noout", "-text", "-in", written(name, cert)])).stdout

test("openssl verifies the server certificate against the CA, for its name and purpose", async (t) => {
  const ca = written("ca.crt", made.ca.cert)
  const server = written("tls.crt", made.server.cert)
  const strict = ["-x509_strict", "-purpose", "sslserver", "-attime", String(nowMs / 1000)]
  const verify = (name: string) =>
    run("openssl", ["verify", ...strict, "-verify_hostname", name, "-CAfile", ca, server])
  t.is((await verify(dnsName)).stdout, `${server}: OK\n`)
  await t.throwsAsync(verify("other.metallb-system.svc"))
})

test("openssl reads what MetalLB would have written: names, ten years, key uses", async (t) => {
  const ca = await opensslText("ca", made.ca)
  t.regex(ca, /Subject: O ?= ?metallb, CN ?= ?cert/)
  t.regex(ca, /CA:TRUE/)
  t.regex(ca, /Certificate Sign/)
  const server = await opensslText("server", made.server)
  t.regex(server, new RegExp(`DNS:${dnsName}`))
  t.regex(server, /TLS Web Server Authentication/)
  t.regex(server, /Not After : Dec 29 00:00:00 2036 GMT/)
  t.regex(made.ca.key.reveal(), /^-----BEGIN RSA PRIVATE KEY-----/, "the form that MetalLB reads a CA key in")
  const key = await run("openssl", ["rsa", "-noout", "-check", "-in", written("ca.key", made.ca.key.reveal())])
  t.regex(key.stdout + key.stderr, /RSA key ok/)
})

test("a new server certificate keeps the CA", async (t) => {
  const server = await issueServerCertificate(made.ca, "x.y.svc", nowMs)
  t.not(server.cert, made.server.cert)
  const pems = pemsOf({ ca: made.ca, server })
  t.deepEqual(certificateVerdict(pems, "x.y.svc", nowMs), { decision: "keep", because: [] })
})

test("the certificate of /metrics is its own CA, for localhost", async (t) => {
  const text = await opensslText("metrics", await issueSelfSigned(nowMs))
  t.regex(text, /DNS:localhost, IP Address:127.0.0.1/)
  t.regex(text, /CN ?= ?localhost/)
})

const forName = async (name: string) => (await issueServerCertificate(made.ca, name, nowMs)).cert
test("every reason for a renewal, and what it renews", async (t) => {
  const openssl = await selfMade()
  const rows: readonly (readonly [string, Pems, number, string, readonly string[]])[] = [
    ["all well", good, nowMs, "keep", []],
    ["89 days before the end is too late", good, nowMs + (3650 - 89) * dayMs, "renew-all", ["expires-soon"]],
    ["91 days before the end is not", good, nowMs + (3650 - 91) * dayMs, "keep", []],
    ["past the end", good, nowMs + 3651 * dayMs, "renew-all", ["expired"]],
    ["a clock that is behind", good, nowMs - dayMs, "renew-all", ["not-yet-valid"]],
    ["an empty Secret", {}, nowMs, "renew-all", ["missing", "missing"]],
    ["no CA key", { ...good, "ca.key": "" }, nowMs, "renew-all", ["missing"]],
    ["CA certificate is garbage", { ...good, "ca.crt": "x" }, nowMs, "renew-all", ["unreadable"]],
    ["CA key of another", { ...good, "ca.key": pemsOf(other)["ca.key"] ?? "" }, nowMs, "renew-all", ["wrong-key"]],
    [
      "a server certificate as CA",
      { ...good, "ca.crt": made.server.cert, "ca.key": made.server.key.reveal() },
      nowMs,
      "renew-all",
      ["no-ca"],
    ],
    ["no server key", { ...good, "tls.key": "" }, nowMs, "renew-server", ["missing"]],
    ["server key is garbage", { ...good, "tls.key": "\0" }, nowMs, "renew-server", ["unreadable"]],
    ["server key of another", { ...good, "tls.key": other.server.key.reveal() }, nowMs, "renew-server", ["wrong-key"]],
    [
      "signed by another CA",
      { ...pemsOf(other), "ca.crt": made.ca.cert, "ca.key": made.ca.key.reveal() },
      nowMs,
      "renew-server",
      ["not-signed-by-ca"],
    ],
    [
      "another name",
      { ...good, "tls.crt": await forName("a.b.svc") },
      nowMs,
      "renew-server",
      ["wrong-key", "wrong-name"],
    ],
    ["an EC CA, all well", openssl, Date.now(), "keep", []],
    ["an EC CA cannot sign", { ...openssl, "tls.key": "" }, Date.now(), "renew-all", ["unusable-ca-key", "missing"]],
  ]
  for (const [what, pems, atMs, decision, kinds] of rows) {
    const verdict = certificateVerdict(pems, dnsName, atMs)
    t.is(verdict.decision, decision as typeof verdict.decision, what)
    t.deepEqual(
      verdict.because.map(({ kind }) => kind),
      kinds as (typeof verdict.because)[number]["kind"][],
      what,
    )
    for (const reason of verdict.because) t.regex(certificateReasonText(reason), /^[a-z]+[^\n]{5,120}$/, what)
  }
})

/** As an administrator may have made them by hand. */
async function selfMade(): Promise<Pems> {
  const [caKey, ca, key, request, server] = ["ca.k", "ca.c", "s.k", "s.r", "s.c"].map((name) =>
    path.join(directory, name),
  )
  const extensions = written("ext", `subjectAltName=DNS:${dnsName}\nextendedKeyUsage=serverAuth\n`)
  fs.writeFileSync(caKey ?? "", ecKey)
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
  const file = (name: string | undefined) => name ?? ""
  await run("openssl", ["req", "-x509", "-key", file(caKey), "-out", file(ca), "-days", "3650", "-subj", "/CN=own"])
  await run("openssl", ["req", ...ec, "-keyout", file(key), "-out", file(request), "-subj", "/CN=server"])
  await run("openssl", [
    ..."x509 -req -days 3650 -CAcreateserial -in".split(" "),
    file(request),
    "-CA",
    file(ca),
    "-CAkey",
    file(caKey),
    "-extfile",
    extensions,
    "-out",
    file(server),
  ])
  const pem = (name: string | undefined) => fs.readFileSync(file(name), "utf8")
  return { "ca.crt": pem(ca), "ca.key": pem(caKey), "tls.crt": pem(server), "tls.key": pem(key) }
}

test("a key never appears in what is printed", (t) => {
  for (const text of [inspect(made, { depth: 9 }), JSON.stringify(made), String(made.ca.key)]) {
    t.false(text.includes("PRIVATE KEY"))
  }
  const verdict = certificateVerdict(
    { ...good, "tls.key": `${good["tls.key"]}trailing`, "ca.crt": "z" },
    dnsName,
    nowMs,
  )
  t.false(JSON.stringify(verdict).includes("PRIVATE"))
})
