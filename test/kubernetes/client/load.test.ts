import { KubeConfig, RequestContext } from "@kubernetes/client-node"
import test from "ava"
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { keepDispatcher } from "../../../kubernetes/client/dispatcher.ts"
import { loadCluster } from "../../../kubernetes/client/load.ts"
import { connectTo, fakeApi, json, kubeconfig, status, temporaryDirectory } from "./fake-api.ts"

// Tests run one after the other: they set the environment of the process.
delete process.env["KUBECONFIG"]
delete process.env["KUBERNETES_SERVICE_HOST"]
const directory = temporaryDirectory()
process.env["HOME"] = directory

const file = (name: string, text: string): string => {
  const at = path.join(directory, name)
  writeFileSync(at, text)
  return at
}
const complaint = async (text: string, context?: string): Promise<string> => {
  const at = file("config", text)
  const loaded = await loadCluster({ kubeconfig: at, ...(context !== undefined && { context }) })
  return loaded.ok ? "no complaint" : loaded.error.replaceAll(at, "FILE")
}

test.serial("what is wrong with a kubeconfig is said in a sentence that names it", async (t) => {
  const missing = await loadCluster({ kubeconfig: "/nowhere/config" })
  t.deepEqual(missing, { ok: false, error: "kubeconfig /nowhere/config does not exist" })
  t.deepEqual(await loadCluster({ kubeconfig: directory }), {
    ok: false,
    error: `kubeconfig ${directory} is a directory`,
  })

  t.is(await complaint("users:\n  - token: secret\n  a: [b\n"), "kubeconfig FILE is not YAML: line 3")
  t.is(await complaint(""), "kubeconfig FILE names no clusters")
  t.is(await complaint("just text"), "kubeconfig FILE names no clusters")
  const good = kubeconfig("https://10.0.0.1:6443")
  t.is(await complaint(good, "there"), 'kubeconfig FILE has no context "there"; it has: here')
  t.is(
    await complaint(good.replace('"current-context":"here"', '"current-context":""')),
    "kubeconfig FILE has no current context; choose one of: here",
  )
  t.is(
    await complaint(good.replace('"cluster":"fake"', '"cluster":"other"')),
    'kubeconfig FILE: context "here" names cluster "other", which is not there',
  )
  t.is(
    await complaint(good.replace('"user":"tester"', '"user":"other"')),
    'kubeconfig FILE: context "here" names user "other", which is not there',
  )
  t.is(await complaint(kubeconfig("10.0.0.1")), 'kubeconfig FILE: server "10.0.0.1" of cluster "fake" is no URL')
})

test.serial("a certificate file that is not there and a credential plugin that fails are told at once", async (t) => {
  const ca = { cluster: { "certificate-authority": "missing.crt" } }
  t.is(
    await complaint(kubeconfig("https://10.0.0.1", ca)),
    `kubeconfig FILE: ${path.join(directory, "missing.crt")} named by the kubeconfig cannot be read (ENOENT)`,
  )
  const plugin = (command: string, ...args: string[]) =>
    complaint(
      kubeconfig("https://10.0.0.1", {
        user: { exec: { apiVersion: "client.authentication.k8s.io/v1", command, args } },
      }),
    )
  const named = (command: string) => `kubeconfig FILE: the credential plugin "${command}" of user "tester"`
  t.is(await plugin("no-such-plugin"), `${named("no-such-plugin")} is not installed`)
  t.is(await plugin("sh", "-c", "echo 'session expired' >&2; exit 1"), `${named("sh")} failed: session expired`)
  t.is(await plugin("sh", "-c", "echo token-that-is-secret"), `${named("sh")} printed no ExecCredential`)
  t.is(await plugin("sh", "-c", "echo '{}'"), `${named("sh")} printed no ExecCredential`)
})

test.serial("nothing to go by: the places that were looked at are named", async (t) => {
  const loaded = await loadCluster()
  t.regex(
    loaded.ok ? "" : loaded.error,
    /^no cluster to talk to: no kubeconfig given, KUBECONFIG is not set, this is no Pod, .*\.kube\/config$/,
  )
})

test.serial(
  "of several files in KUBECONFIG those that exist count, and the first that says something wins",
  async (t) => {
    const first = file(
      "first",
      kubeconfig("https://10.0.0.1").replace('"current-context":"here"', '"current-context":""'),
    )
    const second = file("second", kubeconfig("https://10.0.0.2").replaceAll('"here"', '"second"'))
    process.env["KUBECONFIG"] = ["/nowhere", first, second].join(path.delimiter)
    t.teardown(() => delete process.env["KUBECONFIG"])
    const loaded = await loadCluster()
    t.like(loaded, { ok: true, value: { server: "https://10.0.0.1", context: "second" } })
    const other = await loadCluster({ context: "here" })
    t.like(other, { ok: true, value: { server: "https://10.0.0.1", context: "here" } })
  },
)

test.serial("in a Pod the service account is used, with its namespace", async (t) => {
  const api = await fakeApi()
  const root = path.join(directory, "pod")
  const account = path.join(root, "var/run/secrets/kubernetes.io/serviceaccount")
  mkdirSync(account, { recursive: true })
  for (const [name, text] of Object.entries({ token: "pod-token", namespace: "metallb-system", "ca.crt": "" }))
    writeFileSync(path.join(account, name), text)
  const { hostname, port } = new URL(api.url)
  process.env["KUBERNETES_SERVICE_HOST"] = hostname
  process.env["KUBERNETES_SERVICE_PORT"] = port
  const loaded = await loadCluster({ root })
  delete process.env["KUBERNETES_SERVICE_HOST"]
  await api.close()
  t.like(loaded, { ok: true, value: { server: `https://${hostname}:${port}`, namespace: "metallb-system" } })
})

test.serial("the token goes along, and failures are told in words", async (t) => {
  const api = await fakeApi()
  const cluster = await connectTo(api, { user: { token: "the-token" } })
  const get = () => cluster.request({ verb: "get", path: "/version", resource: "version" })
  api.intercept(() => true, json({ major: "1" }))
  t.deepEqual(await get(), { ok: true, value: { major: "1" } })
  t.is(api.requests[0]?.headers.authorization, "Bearer the-token")

  api.intercept(() => true, status(401, "Unauthorized", "Unauthorized"))
  t.deepEqual(await get(), {
    ok: false,
    error: { kind: "refused", status: 401, reason: "Unauthorized", message: "Unauthorized" },
  })
  api.intercept(
    () => true,
    (response) => void response.writeHead(502).end("<html>bad gateway</html>"),
  )
  t.like(await get(), { ok: false, error: { status: 502, message: "the API server answered with status 502" } })
  api.intercept(
    () => true,
    (_, socket) => socket.resetAndDestroy(),
  )
  t.like(await get(), { ok: false, error: { message: `the connection to ${api.url} broke` } })
  api.intercept(
    () => true,
    () => {},
  )
  const slow = await cluster.request({ verb: "get", path: "/version", resource: "version", timeoutMs: 50 })
  t.like(slow, { ok: false, error: { message: `${api.url} did not answer within 1 s` } })
  await api.close()
  t.like(await get(), { ok: false, error: { message: `nothing listens at ${api.url} (connection refused)` } })

  const counted = cluster.counters().map(({ verb, resource, code, count }) => [verb, resource, code, count].join(" "))
  t.deepEqual(counted.sort(), [
    "get version 200 1",
    "get version 401 1",
    "get version 502 1",
    "get version unreachable 3",
  ])
  const [first] = cluster.counters()
  t.is(
    first?.seconds.counts.reduce((sum, n) => sum + n, 0),
    1,
  )
  await cluster.close()
})

test.serial("the connections are kept until the CA changes, as when a cluster rotates it", async (t) => {
  const ca = file("ca.crt", "the first")
  const config = new KubeConfig()
  config.loadFromString(kubeconfig("https://10.0.0.1", { cluster: { "certificate-authority": ca } }))
  const kept = keepDispatcher(config)
  const dispatcher = async () => {
    const context = new RequestContext("https://10.0.0.1/version", "GET")
    await config.applySecurityAuthentication(context)
    return context.getDispatcher()
  }
  const first = await dispatcher()
  t.truthy(first)
  t.is(await dispatcher(), first)
  writeFileSync(ca, "the second")
  const second = await dispatcher()
  t.not(second, first)
  t.is(await dispatcher(), second)
  await kept.close()
})

const openssl = spawnSync("openssl", ["version"]).status === 0
const withTls = openssl ? test.serial : test.skip

withTls(
  "over TLS, a hundred requests one after another and a few at once use a few connections (needs openssl)",
  async (t) => {
    const key = path.join(directory, "tls.key")
    const cert = path.join(directory, "tls.crt")
    const command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1"
    const made = spawnSync("openssl", [
      ...command.split(" "),
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-keyout",
      key,
      "-out",
      cert,
    ])
    t.is(made.status, 0)
    const api = await fakeApi({ key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") })
    const ca = readFileSync(cert).toString("base64")
    const cluster = await connectTo(api, { cluster: { "certificate-authority-data": ca } })
    const get = () => cluster.request({ verb: "list", path: "/api/v1/services", resource: "services" })
    for (let i = 0; i < 100; i++) t.true((await get()).ok)
    t.true(api.connections <= 2, `${api.connections} connections`)
    await Promise.all([get(), get(), get(), get()])
    t.true(api.connections <= 6, `${api.connections} connections`)

    const stranger = await connectTo(api)
    const refused = await stranger.request({ verb: "get", path: "/version", resource: "version" })
    t.regex(refused.ok ? "" : refused.error.message, /cannot be trusted/)
    await cluster.close()
    await stranger.close()
    await api.close()
  },
)
