import { execFile } from "node:child_process"
import fs from "node:fs"
import http2 from "node:http2"
import os from "node:os"
import path from "node:path"
import { connect } from "node:tls"
import { promisify } from "node:util"
import test from "ava"
import { followCertificateFiles, readCertificateFiles } from "../../cli/daemon/certificate-files.ts"
import { type Handler, type Server, serve, type Tls, text } from "../../cli/daemon/serve.ts"
import { tlsSettings } from "../../cli/flags/tls.ts"
import { until } from "../../lab/wait.ts"
import type { KeyPair } from "../../kubernetes/certificates/certificates.ts"
import { issueSelfSigned } from "../../kubernetes/certificates/issue.ts"
import { memoryLog } from "../kubernetes/client/fake-api.ts"

const run = promisify(execFile)
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-serve-tls-"))
let first: KeyPair
let second: KeyPair
test.before(async () => {
  ;[first, second] = await Promise.all([issueSelfSigned(Date.now()), issueSelfSigned(Date.now())])
})
test.after.always(() => fs.rmSync(directory, { recursive: true }))

const settingsOf = (suites: string, curves: string, version: string): Tls["settings"] => {
  const settings = tlsSettings(suites, curves, version)
  if (!settings.ok) throw new Error(settings.error)
  return settings.value
}
async function serving(tls: Partial<Tls>, handler: Handler = () => text("here"), bodyLimitBytes?: number) {
  const served = await serve(
    {
      host: "127.0.0.1",
      port: 0,
      tls: { settings: settingsOf("", "", ""), pair: first, ...tls },
      ...(bodyLimitBytes !== undefined && { bodyLimitBytes }),
    },
    [handler],
  )
  if (!served.ok) throw new Error(served.error)
  return served.value
}
const url = ({ port }: Server) => `https://localhost:${port}/`

/** The file of a certificate for curl's --cacert. */
function caFile({ cert }: KeyPair): string {
  const file = path.join(directory, `${cert.length}-${Buffer.from(cert).toString("base64url").slice(600, 620)}.crt`)
  fs.writeFileSync(file, cert)
  return file
}
const curl = (...args: readonly string[]) =>
  run("curl", ["-sS", "--max-time", "20", ...args]).then(({ stdout }) => stdout)
const code = ["-o", "/dev/null", "-w", "%{http_code}"]

test("curl trusts it by its certificate; plain HTTP gets nothing", async (t) => {
  const server = await serving({})
  t.is(await curl("--cacert", caFile(first), url(server)), "here\n")
  await t.throwsAsync(curl("--cacert", caFile(second), url(server)), { message: /certificate/i })
  await t.throwsAsync(curl(`http://localhost:${server.port}/`))
  await server.close()
})

test("another certificate from the next connection on", async (t) => {
  const server = await serving({})
  server.use(second)
  t.is(await curl("--cacert", caFile(second), url(server)), "here\n")
  await t.throwsAsync(curl("--cacert", caFile(first), url(server)))
  await server.close()
})

test("TLS 1.3 at least, unless 1.2 is allowed; then by the suites and curves that were given", async (t) => {
  const strict = await serving({})
  await t.throwsAsync(curl("-k", "--tls-max", "1.2", url(strict)))
  await strict.close()
  const loose = await serving({ settings: settingsOf("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "24", "VersionTLS12") })
  const shake = (options: object) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ port: loose.port, host: "127.0.0.1", rejectUnauthorized: false, ...options }, () => {
        resolve(`${socket.getProtocol()} ${socket.getCipher().name} ${JSON.stringify(socket.getEphemeralKeyInfo())}`)
        socket.destroy()
      })
      socket.on("error", reject)
    })
  t.regex(await shake({ maxVersion: "TLSv1.2" }), /^TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384 .*secp384r1/)
  await t.throwsAsync(shake({ maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }))
  await t.throwsAsync(shake({ ecdhCurve: "X25519" }))
  t.regex(await shake({}), /^TLSv1.3/)
  await loose.close()
})

test("HTTP/2 only where it was asked for", async (t) => {
  const offered = async (server: Server) => {
    const session = http2.connect(url(server), { rejectUnauthorized: false })
    session.on("error", () => undefined)
    return new Promise<string>((resolve) => {
      const stream = session.request({ ":path": "/" })
      let body = ""
      stream.on("data", (data) => {
        body += String(data)
      })
      stream.on("end", () => resolve(body))
      stream.on("error", () => resolve("no HTTP/2"))
      stream.end()
    }).finally(() => session.destroy())
  }
  const one = await serving({})
  t.is(await offered(one), "no HTTP/2")
  await one.close()
  const two = await serving({ http2: true })
  t.is(await offered(two), "here\n")
  t.is(await curl("-k", "--http1.1", url(two)), "here\n")
  two.use(second)
  t.is(await curl("--cacert", caFile(second), url(two)), "here\n")
  await two.close()
})

test("a body arrives whole, up to the limit; past it the answer is 413", async (t) => {
  const server = await serving({}, ({ body }) => text(String(body.length)), 1000)
  const post = (size: number) => {
    const file = path.join(directory, `body-${size}`)
    fs.writeFileSync(file, "x".repeat(size))
    return curl("-k", "--data-binary", `@${file}`, ...code, url(server))
  }
  t.is(await post(1000), "200")
  t.is(await post(1001), "413")
  await server.close()
})

test("a certificate without its key is a sentence that quotes neither", async (t) => {
  const served = await serve(
    {
      host: "127.0.0.1",
      port: 0,
      tls: { settings: settingsOf("", "", ""), pair: { cert: first.cert, key: second.key } },
    },
    [],
  )
  t.false(served.ok)
  if (served.ok) return
  t.regex(served.error, /^cannot serve over TLS: .*key values mismatch$/)
})

function files(name: string, { cert, key }: KeyPair): string {
  const at = path.join(directory, name)
  fs.mkdirSync(at, { recursive: true })
  fs.writeFileSync(path.join(at, "tls.crt"), cert)
  fs.writeFileSync(path.join(at, "tls.key"), key.reveal())
  return at
}

test("files that change are read again; what is half written or missing changes nothing and is said once", async (t) => {
  const at = files("followed", first)
  const log = memoryLog()
  const seen: KeyPair[] = []
  const known = readCertificateFiles(at)
  if (!known.ok) return t.fail(known.error)
  const followed = followCertificateFiles(at, known.value, (pair) => seen.push(pair), log, 10)
  fs.writeFileSync(path.join(at, "tls.crt"), second.cert)
  await until("the mismatch to be named", 20_000, async () => (log.lines.length > 0 ? true : undefined))
  t.is(seen.length, 0)
  fs.writeFileSync(path.join(at, "tls.key"), second.key.reveal())
  await until("the new pair", 20_000, async () => (seen.length > 0 ? true : undefined))
  t.is(seen[0]?.cert, second.cert)
  fs.rmSync(at, { recursive: true })
  await until("the missing file to be named", 20_000, async () => (log.lines.length > 1 ? true : undefined))
  await followed.stop()
  t.is(seen.length, 1)
  t.is(log.lines.length, 2)
  t.false(log.lines.join().includes("PRIVATE"))
})

test("kubelet's way of replacing files, by a symbolic link, is noticed", async (t) => {
  const at = path.join(directory, "mounted")
  fs.mkdirSync(at)
  const swap = (target: string) => {
    fs.symlinkSync(target, path.join(at, "..tmp"))
    fs.renameSync(path.join(at, "..tmp"), path.join(at, "..data"))
  }
  swap(files("v1", first))
  for (const name of ["tls.crt", "tls.key"]) fs.symlinkSync(`..data/${name}`, path.join(at, name))
  const seen: KeyPair[] = []
  const followed = followCertificateFiles(at, undefined, (pair) => seen.push(pair), memoryLog(), 10)
  t.is(seen[0]?.cert, first.cert, "at once, when nothing was known")
  swap(files("v2", second))
  await until("the new pair", 20_000, async () => (seen.length > 1 ? true : undefined))
  await followed.stop()
  t.is(seen[1]?.cert, second.cert)
})
