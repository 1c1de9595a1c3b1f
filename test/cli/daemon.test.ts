import { type ChildProcess, spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import test from "ava"
import { actorTree } from "../../cli/debug-client.ts"
import { startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"
import { kube } from "../../lab/kube.ts"
import * as objects from "../../lab/objects.ts"
import { until } from "../../lab/wait.ts"
import { get } from "./get.ts"

const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url))
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-daemon-"))
test.after.always(() => fs.rmSync(directory, { recursive: true }))

const children = new Set<ChildProcess>()
test.afterEach.always(() => {
  for (const child of children) child.kill("SIGKILL")
})

function daemon(...args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] },
  })
  children.add(child)
  let out = ""
  let error = ""
  child.stdout.on("data", (data) => {
    out += String(data)
  })
  child.stderr.on("data", (data) => {
    error += String(data)
  })
  const ended = new Promise<{ code: number | null; out: string; error: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, out, error })),
  )
  return {
    child,
    ended,
    lines: () =>
      out
        .trim()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line),
  }
}
type Line = Readonly<Record<string, unknown>>

function kubeconfig(server: string): string {
  const file = path.join(directory, `${server.replaceAll(/\W/g, "-")}.kubeconfig`)
  fs.writeFileSync(
    file,
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server } }],
      users: [{ name: "u", user: {} }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    }),
  )
  return file
}

const quiet = ["--namespace=metallb-system", "--port=0", "--health-probe-port=0"]
const alone = [...quiet, "--webhook-mode=disabled"]

for (const [what, args, sentence] of [
  ["an unknown flag", ["controller", "--nope"], /^troupe: controller: flag provided but not defined: -nope \(/],
  [
    "an unknown log level",
    ["controller", "--log-level=loud"],
    /^troupe: failed to initialize logging: failed to parse log level: loud\n$/,
  ],
  [
    "no namespace",
    ["controller"],
    /^troupe: Unable to get namespace from pod service account data, please specify --namespace or METALLB_NAMESPACE: there is no \/var\/run\//,
  ],
  [
    "a kubeconfig that is not there",
    ["controller", ...quiet, "--kubeconfig=/nowhere"],
    /^troupe: failed to create k8s client: kubeconfig \/nowhere does not exist\n$/,
  ],
  [
    "an unknown webhook mode",
    ["controller", ...quiet, "--webhook-mode=maybe"],
    /^troupe: invalid webhookmode value "maybe": /,
  ],
  [
    "cipher suites without TLS 1.2",
    ["controller", ...quiet, "--tls-cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA"],
    /^troupe: failed to parse TLS configuration: cipher suites cannot be configured with TLS 1.3\n$/,
  ],
  [
    "a metrics certificate that is not there",
    [
      "controller",
      ...alone,
      "--port=1",
      "--metrics-cert-dir=/nowhere",
      "--kubeconfig",
      kubeconfig("http://127.0.0.1:9"),
    ],
    /^troupe: cannot serve metrics over TLS: \/nowhere\/tls.crt cannot be read: no such file or directory\n$/,
  ],
  [
    "a profiling address that is none",
    ["controller", ...alone, "--pprof-bind-address=6060", "--kubeconfig", kubeconfig("http://127.0.0.1:9")],
    /^troupe: pprof-bind-address: "6060" is no host:port\n$/,
  ],
  ["no node name", ["speaker", ...quiet], /^troupe: must specify --node-name or METALLB_NODE_NAME\n$/],
  [
    "a gossip port that is none",
    ["speaker", ...quiet, "--node-name=a", "--ml-bindaddr=127.0.0.1", "--ml-labels=a=b", "--ml-bindport=x"],
    /^troupe: unable to parse ml-bindport: "x" is no port\n$/,
  ],
  ["an unknown command", ["juggle"], /unknown command 'juggle'/],
  ["nobody to ask", ["actors", "--socket=/nowhere.sock"], /^troupe: nobody answers at \/nowhere.sock: /],
] as const) {
  test.serial(`${what}: one sentence on standard error, exit code 1, no stack`, async (t) => {
    const { code, error } = await daemon(...args).ended
    t.is(code, 1)
    t.regex(error, sentence)
    t.notRegex(error, /\n\s+at /)
  })
}

test.serial("what ends a start is in the log too, in the words that people search for", async (t) => {
  for (const [args, msg, error] of [
    [["--kubeconfig=/nowhere"], "failed to create k8s client", "kubeconfig /nowhere does not exist"],
    [["--tls-min-version=x"], "failed to parse TLS configuration", 'parsing tls-min-version: unknown tls version "x"'],
    [
      ["--webhook-mode=maybe"],
      "failed to start",
      'invalid webhookmode value "maybe": must be enabled, disabled or onlywebhook',
    ],
  ] as const) {
    const controller = daemon("controller", ...quiet, ...args)
    t.is((await controller.ended).code, 1)
    t.like(controller.lines().at(-1), { level: "error", op: "startup", msg, error })
  }
})

test.serial("--help names the flags and exits 0", async (t) => {
  const { code, out } = await daemon("speaker", "--help").ended
  t.is(code, 0)
  t.regex(out, /--ml-bindaddr text/)
})

test.serial("an API server that is down at start is waited for; SIGTERM ends it in order", async (t) => {
  t.timeout(60_000)
  // A port that is free now; the API server comes up on it later.
  const placeholder = await startEmbeddedApi({ listen: [{ host: "127.0.0.1", port: 0 }], definitions })
  const port = Number(new URL(placeholder.url).port)
  await placeholder.close()
  const socket = path.join(directory, "late.sock")
  const controller = daemon(
    "controller",
    ...alone,
    `--kubeconfig=${kubeconfig(placeholder.url)}`,
    `--debug-socket=${socket}`,
  )
  await until("the controller to say that the API server is away", 20_000, async () =>
    controller.lines().some((line) => JSON.stringify(line).includes("connection refused")) ? true : undefined,
  )
  const disabled = controller.lines().find(({ msg }) => String(msg).startsWith("webhooks are disabled"))
  t.regex(String(disabled?.["msg"]), /the API server checks each object by its schema and CEL rules alone/)
  const before = await get({ socketPath: socket }, "/readyz")
  t.is(before.status, 503)
  t.like(await get({ socketPath: socket }, "/healthz"), { status: 200 }, "alive all the same")

  const api = await startEmbeddedApi({ listen: [{ host: "127.0.0.1", port }], definitions })
  const cluster = kube(api.url)
  for (const name of ["default", objects.systemNamespace]) await cluster.apply(objects.namespace(name))
  await cluster.apply({
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name: "p", namespace: objects.systemNamespace },
    spec: { addresses: ["192.0.2.0/30"] },
  })
  await until("readiness", 45_000, async () =>
    (await get({ socketPath: socket }, "/readyz")).status === 200 ? true : undefined,
  )
  await cluster.apply(objects.service("web"))
  await until("an address", 10_000, async () => {
    const { body } = await get({ socketPath: socket }, "/metrics")
    return body.includes('metallb_allocator_addresses_in_use_total{pool="p"} 1') ? true : undefined
  })
  const { body } = await get({ socketPath: socket }, "/metrics")
  for (const line of [
    'metallb_allocator_addresses_total{pool="p"} 4',
    "metallb_k8s_client_config_loaded_bool 1",
    "metallb_k8s_client_config_stale_bool 0",
  ])
    t.true(body.includes(line), line)
  const { tree } = await actorTree(socket)
  t.true(JSON.stringify(tree).includes('"/controller/allocator/pools/p"'))

  controller.child.kill("SIGTERM")
  const { code, error } = await controller.ended
  t.is(code, 0, error)
  t.like(controller.lines().at(-1), { level: "info", op: "shutdown", msg: "done" })
  for (const line of controller.lines()) {
    for (const key of ["ts", "level", "caller", "msg"]) t.is(typeof line[key], "string", JSON.stringify(line))
  }
  await api.close()
})

test.serial("with --exit-with-stdin it ends when standard input does", async (t) => {
  const controller = daemon(
    "controller",
    ...alone,
    `--kubeconfig=${kubeconfig("http://127.0.0.1:65123")}`,
    "--exit-with-stdin",
  )
  await until("the first line", 20_000, async () => (controller.lines().length > 1 ? true : undefined))
  controller.child.stdin.end()
  t.is((await controller.ended).code, 0)
})
