import { execFile, type ChildProcess, spawn } from "node:child_process"
import fs from "node:fs"
import { createServer } from "node:net"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import test from "ava"
import { objectAt, textOf } from "../../kubernetes/client/json.ts"
import { startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"
import { webhookRules } from "../../kubernetes/webhooks/rules.ts"
import { until } from "../../lab/wait.ts"
import { kubeconfig } from "../kubernetes/client/fake-api.ts"

const run = promisify(execFile)
const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url))
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-webhooks-"))
const children = new Set<ChildProcess>()
test.after.always(() => {
  for (const child of children) child.kill("SIGKILL")
  fs.rmSync(directory, { recursive: true })
})

const namespace = "metallb-system"
const dnsName = `metallb-webhook-service.${namespace}.svc`

/** Below the range that the kernel gives out by itself, so that nobody gets it in between. */
const metricsPort = 20_000 + (process.pid % 10_000)

function controller(server: string, ...args: readonly string[]) {
  const config = path.join(directory, "kubeconfig")
  fs.writeFileSync(config, kubeconfig(server))
  const common = [`--kubeconfig=${config}`, `--namespace=${namespace}`, "--health-probe-port=0"]
  const child = spawn(process.execPath, [main, "controller", ...common, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  children.add(child)
  let out = ""
  child.stdout.on("data", (data) => {
    out += String(data)
  })
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve))
  return { child, ended, log: () => out }
}

test.serial("a controller that only reviews: curl and openssl trust it by the CA in the Secret", async (t) => {
  const api = await startEmbeddedApi({ listen: [{}], definitions })
  t.teardown(() => api.close())
  api.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })
  const daemon = controller(
    api.url,
    "--webhook-mode=onlywebhook",
    "--webhook-port=0",
    `--port=${metricsPort}`,
    "--tls-curve-preferences=29",
  )
  const port = await until(
    "the webhook port",
    45_000,
    async () =>
      /"port":(\d+)/.exec(
        daemon
          .log()
          .split("\n")
          .find((line) => line.includes("webhooks enabled")) ?? "",
      )?.[1],
  )
  const state = () => api.objects.get("metallb.io/v1beta1", "ConfigurationState", "controller", namespace)
  await until(
    "its ConfigurationState",
    30_000,
    async () => objectAt(state(), "status")["result"] === "Unknown" || undefined,
  )
  const secret = api.objects.get("v1", "Secret", "metallb-webhook-cert", namespace)
  const ca = path.join(directory, "ca.crt")
  fs.writeFileSync(ca, Buffer.from(textOf(objectAt(secret, "data")["ca.crt"]), "base64"))
  const { stdout: shown } = await run("sh", [
    "-c",
    `openssl s_client -connect 127.0.0.1:${port} -CAfile ${ca} -verify_return_error -verify_hostname ${dnsName} -servername ${dnsName} </dev/null`,
  ])
  t.regex(shown, /Verify return code: 0 \(ok\)/)
  t.regex(shown, /TLSv1.3/)
  t.regex(shown, /X25519/)

  const trusting = ["-sS", "--max-time", "30", "--cacert", ca, "--resolve", `${dnsName}:${port}:127.0.0.1`]
  const review = async (kind: string, object: object) => {
    const rule = webhookRules.find((rule) => rule.kind === kind)
    const body = path.join(directory, "body.json")
    const request = { uid: "u", operation: "CREATE", object }
    fs.writeFileSync(body, JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request }))
    const json = ["-H", "content-type: application/json", "--data-binary", `@${body}`]
    const { stdout } = await run("curl", [...trusting, ...json, `https://${dnsName}:${port}${rule?.path}`])
    return (JSON.parse(stdout) as { response: { allowed: boolean; status: { message?: string } } }).response
  }
  const pool = (addresses: readonly string[]) => ({
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name: "p", namespace },
    spec: { addresses },
  })
  t.true((await review("IPAddressPool", pool(["192.0.2.0/24"]))).allowed)
  t.deepEqual(
    (await review("IPAddressPool", pool(["192.0.2.0/33"]))).status.message,
    `parsing address pool p: invalid CIDR "192.0.2.0/33" in pool "p": invalid CIDR "192.0.2.0/33"`,
  )

  const { stdout: metrics } = await run("curl", [
    ..."-sS -k --max-time 30 -H".split(" "),
    "Authorization: Bearer x",
    `https://127.0.0.1:${metricsPort}/metrics`,
  ])
  t.regex(
    metrics,
    /troupe_webhook_requests_total\{path="\/validate-metallb-io-v1beta1-ipaddresspool",outcome="denied"\} 1/,
  )
  const webhook = 'webhook="/validate-metallb-io-v1beta1-ipaddresspool"'
  for (const line of [
    `controller_runtime_webhook_requests_total{${webhook},code="200"} 2`,
    `controller_runtime_webhook_requests_in_flight{${webhook}} 0`,
    `controller_runtime_webhook_latency_seconds_count{${webhook}} 2`,
    "metallb_k8s_client_config_loaded_bool 0",
  ])
    t.true(metrics.includes(`${line}\n`), line)
  t.regex(metrics, /^controller_runtime_reconcile_total\{controller="cert-rotator",result="requeue_after"\} [1-9]/m)
  t.notRegex(metrics, /metallb_allocator/, "it assigns nothing")
  t.false(daemon.log().includes("PRIVATE"))
  daemon.child.kill("SIGTERM")
  t.is(await daemon.ended, 0)
})

test.serial(
  "without rotation the files are served as soon as they are there; a port in use is in nobody's way",
  async (t) => {
    const api = await startEmbeddedApi({ listen: [{}], definitions })
    t.teardown(() => api.close())
    api.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })
    const blocker = createServer().listen(0, "0.0.0.0")
    t.teardown(() => void blocker.close())
    await new Promise((resolve) => blocker.once("listening", resolve))
    const { port } = blocker.address() as { port: number }
    const certificates = path.join(directory, "certs")
    const socket = path.join(directory, "debug.sock")
    const daemon = controller(
      api.url,
      "--port=0",
      "--disable-cert-rotation",
      `--cert-dir=${certificates}`,
      `--webhook-port=${port}`,
      `--debug-socket=${socket}`,
    )
    await until("the missing files to be named", 30_000, async () =>
      daemon.log().includes("nothing is served until it can be") ? true : undefined,
    )
    const ready = () => run("curl", ["-sS", "--unix-socket", socket, "http://localhost/readyz"]).catch(() => undefined)
    await until("readiness all the same", 30_000, async () => ((await ready())?.stdout === "ok\n" ? true : undefined))
    fs.mkdirSync(certificates)
    const files = ["-keyout", path.join(certificates, "tls.key"), "-out", path.join(certificates, "tls.crt")]
    await run("openssl", [..."req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 2".split(" "), ...files])
    await until("the port in use to be named", 30_000, async () =>
      daemon.log().includes(`cannot listen on 0.0.0.0:${port}: the address is in use`) ? true : undefined,
    )
    await new Promise((resolve) => blocker.close(resolve))
    await until("the port", 30_000, async () => (daemon.log().includes("webhooks enabled") ? true : undefined))
    t.is(api.objects.get("v1", "Secret", "metallb-webhook-cert", namespace), undefined, "no Secret was made")
    daemon.child.kill("SIGTERM")
    t.is(await daemon.ended, 0)
    await api.close()
  },
)
