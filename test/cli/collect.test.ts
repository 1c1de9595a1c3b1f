import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import net, { type AddressInfo } from "node:net"
import path from "node:path"
import { fileURLToPath } from "node:url"
import test, { type ExecutionContext } from "ava"
import { exactJsonText } from "../../kubernetes/client/exact-json.ts"
import { namespace, pool, service, stage } from "../controller/processes.ts"
import { until } from "../supervision/help.ts"
import { podGateway } from "./pod-gateway.ts"
import { unpacked } from "./unpack.ts"

const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url))
const token = "PLANTED-kubeconfig-token-0001"

async function collected(args: readonly string[], cwd: string) {
  const child = spawn(process.execPath, [main, "collect", ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] })
  const out: Buffer[] = []
  let error = ""
  child.stdout.on("data", (data: Buffer) => out.push(data))
  child.stderr.on("data", (data) => {
    error += String(data)
  })
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve))
  return { code, out: Buffer.concat(out), error }
}

/** Free now; nobody is told of it. */
async function nobodysPort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Where a text is found: as it is, or in what something in the archive says in base64. */
function leaks(files: ReadonlyMap<string, string>, secret: string): readonly string[] {
  const found: string[] = []
  for (const [name, content] of files) {
    const decoded = [...content.matchAll(/[A-Za-z0-9+/_-]{12,}/g)].flatMap(([text]) =>
      // It may begin anywhere in the run.
      [0, 1, 2, 3].map((skip) => Buffer.from(text.slice(skip), "base64").toString("latin1")),
    )
    if (content.includes(secret)) found.push(`${name}: ${content.split("\n").find((line) => line.includes(secret))}`)
    if (decoded.some((text) => text.includes(secret))) found.push(`${name}: in base64`)
  }
  return found
}

async function world(t: ExecutionContext) {
  const set = await stage()
  t.teardown(set.close)
  const gateway = await podGateway(set.api.url, token)
  t.teardown(gateway.close)
  const kubeconfig = path.join(set.directory, "operator.kubeconfig")
  fs.writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server: gateway.url } }],
      users: [{ name: "u", user: { token } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    }),
  )
  const { api } = set
  const pod = (name: string, component: string, restartCount = 0) =>
    api.objects.put({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { "app.kubernetes.io/component": component } },
      spec: { nodeName: "node-1", containers: [{ name: component, image: "troupe" }] },
      status: { phase: "Running", podIP: "192.0.2.11", containerStatuses: [{ name: component, restartCount }] },
    })
  const collect = async (...args: readonly string[]) => {
    const ran = await collected(["--kubeconfig", kubeconfig, "--output", "-", ...args], set.directory)
    t.is(ran.code, 0, ran.error)
    return { ...ran, files: await unpacked(ran.out) }
  }
  return { ...set, gateway, kubeconfig, pod, collect }
}

test.serial("one archive: objects, logs, explanations, and what the daemons say of themselves", async (t) => {
  const { api, directory, controller, gateway, kubeconfig, pod, collect } = await world(t)
  api.objects.put({ apiVersion: "v1", kind: "Node", metadata: { name: "node-1" } })
  api.objects.put(pool("p", "10.0.0.0/31", "fc00::/64"))
  for (const name of ["a", "b", "c"]) api.objects.put(service(name))
  const daemon = controller("controller")
  await until(async () => (await daemon.ask("/readyz")) === "ok\n", 60_000)
  const stored = () => exactJsonText(api.objects.get("metallb.io/v1beta1", "IPAddressPool", "p", namespace))
  await until(() => stored().includes('"assignedIPv4":2'), 60_000)
  pod("controller-1", "controller", 2)
  pod("speaker-1", "speaker")
  api.objects.put({ ...service("other"), metadata: { name: "other", namespace } })
  gateway.logs.set("controller-1/controller", "2026-07-16T15:00:00Z newest\n")
  gateway.logs.set("controller-1/controller/previous", "2026-07-16T14:00:00Z before the crash\n")
  gateway.forwards.set("controller-1", path.join(directory, "controller.sock"))

  const { files, error } = await collect("--since", "90m")
  t.regex(error, /^the archive: \d+ files, 0\.\d MiB before compression; \d things could not be collected/)
  t.like(JSON.parse(files.get("about.json") ?? ""), { namespace, server: gateway.url, context: "x" })
  t.is(files.get("pods/controller-1/controller.log"), "2026-07-16T15:00:00Z newest\n")
  t.is(files.get("pods/controller-1/controller.previous.log"), "2026-07-16T14:00:00Z before the crash\n")
  t.true(gateway.asked.some((one) => one.includes("/log?container=controller&sinceSeconds=5400&timestamps=true")))
  t.is(files.get("daemons/controller-1/readyz.txt"), "ok\n", files.get("errors.txt"))
  t.regex(
    files.get("daemons/controller-1/metrics.txt") ?? "",
    /^metallb_allocator_addresses_total\{pool="p"\} 92233720368547\d+$/m,
  )
  t.true(files.get("daemons/controller-1/actors.json")?.includes('"/controller/allocator/pools/p"'))
  t.false(files.has("daemons/controller-1/status.json"), "a controller has none")
  t.regex(files.get("objects/ipaddresspools.yaml") ?? "", /availableIPv6: 9223372036854775807\n/, "to the last digit")
  for (const name of ["services", "nodes", "namespaces", "pods", "leases", "configurationstates", "events-of-services"])
    t.true(files.has(`objects/${name}.yaml`), name)
  t.regex(files.get("explain/default/a.txt") ?? "", /^Service default\/a has 10\.0\.0\.[01] from pool p\n/)
  t.is([...files].filter(([name, text]) => name.startsWith("explain/") && text.includes("has no address")).length, 2)

  // What could not be had, and why.
  const errors = files.get("errors.txt") ?? ""
  t.regex(errors, /^pods\/speaker-1\/speaker\.log: /m)
  t.regex(errors, /^daemons\/speaker-1: port forwarding: port 17472 of Pod metallb-system\/speaker-1: .*403/m)
  t.notRegex(errors, /frr/, "what is not installed is no error")

  // It can be asked again without the cluster.
  const state = path.join(directory, "objects")
  fs.mkdirSync(state)
  for (const [name, content] of files)
    if (name.startsWith("objects/")) fs.writeFileSync(path.join(directory, name), content)
  const again = spawn(process.execPath, [main, "explain", "service", "default/a", "--state", state])
  let explained = ""
  again.stdout.on("data", (data) => {
    explained += String(data)
  })
  await new Promise((resolve) => again.on("close", resolve))
  t.regex(explained, /^Service default\/a has 10\.0\.0\.[01] from pool p\n/)

  // Ports may not be forwarded: the controller is asked through the proxy. By default the archive is a file for its owner.
  gateway.forwards.clear()
  gateway.proxied.set("controller-1", path.join(directory, "controller.sock"))
  const file = await collected(["--kubeconfig", kubeconfig], directory)
  t.is(file.code, 0, file.error)
  const archives = fs.readdirSync(directory).filter((name) => /^troupe-collect-\d{8}-\d{6}\.tar\.gz$/.test(name))
  t.is(archives.length, 1)
  t.is(fs.statSync(path.join(directory, archives[0] ?? "")).mode & 0o777, 0o600)
  const second = await unpacked(fs.readFileSync(path.join(directory, archives[0] ?? "")))
  t.is(second.get("daemons/controller-1/readyz.txt"), "ok\n")
  t.true(second.get("daemons/controller-1/actors.json")?.includes('"/controller/allocator/pools/p"'))
  t.notRegex(second.get("errors.txt") ?? "", /controller-1/, "one way is enough")
})

test.serial("secrets are nowhere in it, wherever they stand", async (t) => {
  const { api, gateway, pod, collect } = await world(t)
  const planted: string[] = [token]
  const plant = (where: string): string => {
    const secret = `PLANTED-${where}-${String(planted.length).padStart(4, "0")}`
    planted.push(secret)
    return secret
  }
  const encoded = (text: string) => Buffer.from(text).toString("base64")
  const put = (apiVersion: string, kind: string, name: string, rest: object, metadata: object = {}) => {
    const applied = JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, ...rest })
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": applied }
    api.objects.put({ apiVersion, kind, metadata: { name, namespace, annotations, ...metadata }, ...rest })
  }
  const pem = (name: string) =>
    `-----BEGIN PRIVATE KEY-----\n${encoded(name.repeat(3))
      .match(/.{1,64}/g)
      ?.join("\n")}\n-----END PRIVATE KEY-----\n`
  const jwt = (name: string) =>
    `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${encoded(name).replaceAll("=", "")}.c2lnbmF0dXJl`

  const basic = plant("basic-auth")
  put("v1", "Secret", "peer", { type: "kubernetes.io/basic-auth", data: { password: encoded(basic) } })
  const typed = plant("string-data")
  put("v1", "Secret", "typed", { type: "Opaque", stringData: { anything: typed } })
  const gossip = plant("memberlist")
  put("v1", "Secret", "memberlist", { type: "Opaque", data: { secretkey: encoded(gossip) } })
  const key = plant("tls-key")
  put("v1", "Secret", "cert", {
    type: "kubernetes.io/tls",
    data: { "tls.key": encoded(pem(key)), "tls.crt": encoded("public") },
  })
  const account = plant("account")
  put("v1", "Secret", "account", {
    type: "Opaque",
    data: { token: encoded(jwt(account)), namespace: encoded(namespace) },
  })
  const peer = plant("peer")
  put("metallb.io/v1beta2", "BGPPeer", "router", {
    spec: { myASN: 64512, peerASN: 64513, peerAddress: "192.0.2.1", password: peer },
  })
  const env = plant("env")
  const argument = plant("argument")
  const nextArgument = plant("next-argument")
  const url = plant("url")
  const containers = [
    {
      name: "speaker",
      image: "troupe",
      args: [`--redis-password=${argument}`, "--api-token", nextArgument, "--ml-secret-name=memberlist"],
      env: [
        { name: "DB_PASSWORD", value: env },
        { name: "WITNESS", value: `redis://user:${url}@192.0.2.9:6379` },
        { name: "METALLB_ML_SECRET_KEY_PATH", value: "/etc/ml_secret_key" },
      ],
    },
  ]
  const template = { metadata: { labels: { app: "x" } }, spec: { containers } }
  put("apps/v1", "DaemonSet", "speaker", { spec: { selector: { matchLabels: { app: "x" } }, template } })
  put("v1", "Pod", "speaker-2", { spec: { containers }, status: { phase: "Pending" } })
  const yaml = plant("configmap-yaml")
  const block = plant("configmap-block")
  const frr = plant("frr")
  const named = plant("configmap-key")
  const json = plant("configmap-json")
  put("v1", "ConfigMap", "config", {
    data: {
      config: `peers:\n- peer-address: 10.0.0.1\n  password: "${yaml}"\n- password: |\n    ${block}\n`,
      "frr.conf": `router bgp 64512\n neighbor 192.0.2.1 password ${frr}\n`,
      "api-token": named,
      "settings.json": JSON.stringify({ nested: JSON.stringify({ clientSecret: json }) }),
    },
  })
  const annotation = plant("annotation")
  api.objects.put({
    ...service("web"),
    metadata: { name: "web", namespace: "default", annotations: { "example.com/api-token": annotation } },
  })
  api.objects.put({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e1", namespace },
    involvedObject: { kind: "Pod", name: "speaker-1", namespace },
    type: "Warning",
    reason: "Failed",
    message: `dial with ${basic}; Authorization: Bearer ${plant("event-bearer")}; token=${plant("event-token")}`,
  })
  pod("speaker-1", "speaker")
  const logged = [
    `plain ${basic} and ${peer} and ${gossip}`,
    JSON.stringify({ msg: `said "${typed}"`, password: plant("log-json") }),
    `Authorization: Basic ${encoded(`user:${peer}`)}`,
    `in base64 at any place: ${encoded(`a${peer}b`)} ${encoded(`aa${peer}bb`)} ${encoded(`aaa${peer}bbb`)}`,
    `for URLs ${Buffer.from(`??>${frr}`).toString("base64url")} ${encodeURIComponent(yaml)}`,
    `hex ${Buffer.from(env).toString("hex")}`,
    `jwt ${jwt(plant("log-jwt"))}`,
    pem(plant("log-pem")),
    `the environment again: ${env}, ${argument}, ${nextArgument}, ${url}, ${named}, ${json}, ${block}, ${annotation}`,
    `key line ${encoded(key.repeat(3)).slice(0, 64)}`,
  ]
  gateway.logs.set("speaker-1/speaker", logged.join("\n"))

  const { files } = await collect()
  t.true(files.has("pods/speaker-1/speaker.log"))
  for (const file of ["secrets", "bgppeers", "configmaps", "daemonsets", "pods", "events"])
    t.true(files.has(`objects/${file}.yaml`), file)
  for (const secret of planted) t.deepEqual(leaks(files, secret), [], secret)
  const whole = [...files.values()].join("\n")
  t.false(whole.includes(Buffer.from(env).toString("hex")))
  t.false(whole.includes("BEGIN PRIVATE KEY"))

  // What only names a secret, or is none, is there.
  t.regex(files.get("objects/secrets.yaml") ?? "", /name: memberlist\n/)
  t.regex(files.get("objects/secrets.yaml") ?? "", /secretkey: <redacted, \d+ bytes>/)
  for (const kept of ["--ml-secret-name=memberlist", "/etc/ml_secret_key", "peerAddress: 192.0.2.1"])
    t.true(whole.includes(kept), kept)
})

test.serial("logs keep their newest part, the archive its limit, and the rest is said", async (t) => {
  const { api, gateway, pod, collect } = await world(t)
  pod("speaker-1", "speaker")
  pod("speaker-2", "speaker")
  const line = (i: number) => `line ${String(i).padStart(7, "0")} ${"x".repeat(80)}\n`
  const all = Array.from({ length: 50_000 }, (_, i) => line(i)).join("")
  gateway.logs.set("speaker-1/speaker", all)
  gateway.logs.set("speaker-2/speaker", all)
  api.objects.put(service("web"))

  const { files } = await collect("--max-log-size", "1", "--max-size", "1.5")
  const log = files.get("pods/speaker-1/speaker.log") ?? ""
  t.true(log.length > 1024 * 1024 - 200 && log.length < 1024 * 1024 + 100)
  t.true(log.endsWith(line(49_999)))
  const parts = /^\[(\d+) bytes before this are left out\]\n(line [\s\S]*)$/.exec(log)
  t.is(Number(parts?.[1]) + (parts?.[2]?.length ?? 0), all.length)
  t.false(files.has("pods/speaker-2/speaker.log"))
  t.regex(
    files.get("errors.txt") ?? "",
    /^pods\/speaker-2\/speaker\.log: left out, the archive has reached --max-size$/m,
  )
})

test.serial("without a cluster: this host and a daemon's socket, or one sentence", async (t) => {
  const { directory, controller, kubeconfig } = await stage().then((set) => {
    t.teardown(set.close)
    return set
  })
  const daemon = controller("one")
  await until(async () => (await daemon.ask("/healthz")) === "ok\n", 60_000)
  const gone = kubeconfig(`http://127.0.0.1:${await nobodysPort()}`)
  const socket = path.join(directory, "one.sock")
  const ran = await collected(["--kubeconfig", gone, "-o", "here.tar.gz", "--local", "--socket", socket], directory)
  t.is(ran.code, 0, ran.error)
  const files = await unpacked(fs.readFileSync(path.join(directory, "here.tar.gz")))
  t.regex(files.get("daemons/one/metrics.txt") ?? "", /^metallb_k8s_client_config_loaded_bool /m)
  const errors = files.get("errors.txt") ?? ""
  t.regex(errors, /^the cluster: nothing listens at http:\/\/127\.0\.0\.1:\d+ \(connection refused\)$/m)
  if (/^local\/addresses\.json: /m.test(errors)) t.log("ip is not installed: what it says is not looked at")
  else
    t.true(
      (JSON.parse(files.get("local/addresses.json") ?? "[]") as { ifname?: string }[]).some(
        ({ ifname }) => ifname === "lo",
      ),
    )
  t.regex(files.get("local/interface-settings.txt") ?? "", /^lo\.arp_ignore = \d+$/m)

  for (const [args, sentence] of [
    [["--kubeconfig", "/nowhere"], /^troupe: kubeconfig \/nowhere does not exist\n$/],
    [["--kubeconfig", gone, "-o", "/nowhere/x.tar.gz"], /^troupe: \/nowhere\/x\.tar\.gz cannot be written: /],
    [["--since", "soon"], /^troupe: --since soon: give a duration/],
    [["--max-size", "0"], /^troupe: --max-size 0: give a number of MiB\n$/],
  ] as const) {
    const refused = await collected(args, directory)
    t.is(refused.code, 1)
    t.regex(refused.error, sentence)
  }
})
