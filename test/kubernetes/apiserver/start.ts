import { type ChildProcess, spawn } from "node:child_process"
import { generateKeyPairSync, randomBytes } from "node:crypto"
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { loadCluster } from "../../../kubernetes/client/load.ts"
import { installed } from "../../../lab/run.ts"
import { until } from "../../../lab/wait.ts"
import { build, builtPath, cannotBuild } from "./build.ts"

/** The two programs: paths, or how to get them. */
export interface Programs {
  readonly etcd: string
  readonly kubeApiServer: () => Promise<string>
}

/** Those in `KUBEBUILDER_ASSETS`; else Debian's etcd and an API server that Go builds. A text says what is missing. */
export async function programs(): Promise<Programs | string> {
  const assets = process.env["KUBEBUILDER_ASSETS"]
  if (assets) {
    const [etcd = "", server = ""] = ["etcd", "kube-apiserver"].map((name) => path.join(assets, name))
    return existsSync(etcd) && existsSync(server)
      ? { etcd, kubeApiServer: async () => server }
      : `needs etcd and kube-apiserver in KUBEBUILDER_ASSETS (${assets})`
  }
  if (!(await installed("etcd"))) return "needs etcd (Debian: etcd-server), or KUBEBUILDER_ASSETS"
  const why = existsSync(builtPath()) ? undefined : cannotBuild()
  return why === undefined ? { etcd: "etcd", kubeApiServer: build } : `${why}, or KUBEBUILDER_ASSETS`
}

export interface KubeApiServer {
  /** Path; of an administrator. */
  readonly kubeconfig: string
  readonly stop: () => Promise<void>
}

const startWithinMs = 180_000
const portAttempts = 3
/** The server makes it, signed by itself. */
const authority = "certificates/apiserver.crt"

/**
 * etcd and kube-apiserver with an empty cluster, dual-stack Services, RBAC and the default admission plugins, on loopback
 * and in a directory of their own. There is no controller manager: nothing collects garbage or ends a namespace.
 */
export async function startKubeApiServer(found: Programs): Promise<KubeApiServer> {
  const server = await found.kubeApiServer()
  const directory = mkdtempSync(path.join(tmpdir(), "troupe-kube-"))
  const children: ChildProcess[] = []
  // A test run that is cut short leaves nothing running.
  const atExit = () => {
    for (const child of children) child.kill("SIGKILL")
  }
  process.once("exit", atExit)
  const stop = async () => {
    process.removeListener("exit", atExit)
    for (const child of children.toReversed()) await end(child)
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    children.push(startEtcd(found.etcd, directory))
    const token = randomBytes(24).toString("hex")
    writeFileSync(path.join(directory, "tokens.csv"), `${token},admin,admin,system:masters\n`, { mode: 0o600 })
    const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey
    const pem = key.export({ type: "pkcs1", format: "pem" })
    writeFileSync(path.join(directory, "service-account.key"), pem, { mode: 0o600 })
    // The port may be taken between looking for it and listening.
    for (let attempt = 1; ; attempt++) {
      const port = await freePort()
      const child = launch(server, serverArguments(port), directory, "kube-apiserver")
      children.push(child)
      const kubeconfig = writeKubeconfig(directory, `https://127.0.0.1:${port}`, token)
      if (await ready(child, directory, kubeconfig)) return { kubeconfig, stop }
      if (attempt === portAttempts)
        throw new Error(`kube-apiserver does not start:\n${tail(directory, "kube-apiserver")}`)
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Its sockets are files in the directory: no port can be taken. */
function startEtcd(program: string, directory: string): ChildProcess {
  const peer = "http://127.0.0.1:2380"
  return launch(
    program,
    [
      "--data-dir=data",
      "--listen-client-urls=unix://etcd.sock:0",
      "--advertise-client-urls=unix://etcd.sock:0",
      "--listen-peer-urls=unix://peer.sock:0",
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ],
    directory,
    "etcd",
  )
}

const serverArguments = (port: number): readonly string[] => [
  "--etcd-servers=unix://etcd.sock:0",
  "--bind-address=127.0.0.1",
  "--advertise-address=127.0.0.1",
  `--secure-port=${port}`,
  "--endpoint-reconciler-type=none",
  "--cert-dir=certificates",
  "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112",
  "--service-account-issuer=https://kubernetes.default.svc",
  "--service-account-key-file=service-account.key",
  "--service-account-signing-key-file=service-account.key",
  "--authorization-mode=RBAC",
  "--token-auth-file=tokens.csv",
  "--profiling=false",
]

function launch(command: string, args: readonly string[], directory: string, name: string): ChildProcess {
  const log = openSync(path.join(directory, `${name}.log`), "a")
  // A proxy of the environment is none of a server on loopback.
  const env = { PATH: process.env["PATH"] ?? "", HOME: directory }
  const child = spawn(command, args, { cwd: directory, env, stdio: ["ignore", log, log] })
  closeSync(log)
  child.on("error", () => undefined)
  return child
}

const gone = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

/** True once it answers with all that it starts with; false when it has ended. */
async function ready(child: ChildProcess, directory: string, kubeconfig: string): Promise<boolean> {
  const certificate = path.join(directory, authority)
  const written = () => existsSync(certificate) && readFileSync(certificate, "utf8").includes("END CERTIFICATE")
  await until("the API server's certificate", startWithinMs, async () => gone(child) || written())
  if (gone(child)) return false
  const cluster = await loadCluster({ kubeconfig })
  if (!cluster.ok) throw new Error(cluster.error)
  try {
    await until("the API server to be ready", startWithinMs, async () => {
      const answer = await cluster.value.open({ verb: "get", path: "/readyz", resource: "readyz" })
      if (answer.ok) await answer.value.cancel()
      return gone(child) || answer.ok
    })
    return !gone(child)
  } finally {
    await cluster.value.close()
  }
}

function writeKubeconfig(directory: string, server: string, token: string): string {
  const file = path.join(directory, "kubeconfig")
  const content = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "certificate-authority": authority } }],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
    "current-context": "test",
  }
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 })
  return file
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const at = server.address()
      server.close(() => resolve(typeof at === "object" && at !== null ? at.port : 0))
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (gone(child)) return
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
  child.kill("SIGKILL")
  await closed
}

const tail = (directory: string, name: string): string =>
  readFileSync(path.join(directory, `${name}.log`), "utf8")
    .split("\n")
    .slice(-12)
    .join("\n")
