import { KubeConfig } from "@kubernetes/client-node"
import { existsSync, readFileSync } from "node:fs"
import { homedir } from "node:os"
import path from "node:path"
import { LineCounter, parseDocument } from "yaml"
import { err, ok, type Result } from "../../protocols/result.ts"
import { authenticationFailure } from "./authentication.ts"
import { type Cluster, connectCluster } from "./cluster.ts"
import { realTime, type Time } from "./time.ts"

export interface LoadOptions {
  /** Path of a kubeconfig. Absent: `$KUBECONFIG`, then the Pod's service account, then `~/.kube/config`. */
  readonly kubeconfig?: string
  /** Absent: the kubeconfig's current context. */
  readonly context?: string
  readonly time?: Time
  /** Where the service account's files are looked for; empty is the real place. */
  readonly root?: string
}

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/token"

// A credential plugin may wait for a person at a browser, but not for ever.
const credentialTimeoutMs = 120_000

/**
 * Finds out which API server to talk to and gets the credentials for it, without talking to it yet. Every failure is a
 * sentence that names the file, context or plugin.
 */
export async function loadCluster(options: LoadOptions = {}): Promise<Result<Cluster, string>> {
  const time = options.time ?? realTime
  const config = findConfig(options)
  if (!config.ok) return config
  const chosen = chooseContext(config.value.config, options.context, config.value.from)
  if (!chosen.ok) return chosen
  try {
    // Fetches tokens and certificates once, so that a broken plugin or a missing file is told here and not by every watch.
    const failed = await within(time, credentialTimeoutMs, config.value.config.applyToHTTPSOptions({}))
    if (failed) return err(`${config.value.from}: no credentials after ${credentialTimeoutMs / 1000} s`)
  } catch (thrown) {
    return err(`${config.value.from}: ${authenticationFailure(config.value.config, thrown)}`)
  }
  return ok(connectCluster(config.value.config, time))
}

interface Found {
  readonly config: KubeConfig
  /** For error messages. */
  readonly from: string
}

function findConfig({ kubeconfig, root = "" }: LoadOptions): Result<Found, string> {
  if (kubeconfig !== undefined) return readConfigs([kubeconfig])
  const named = (process.env["KUBECONFIG"] ?? "").split(path.delimiter).filter((file) => file !== "")
  if (named.length > 0) {
    // As kubectl has it: of several files those that exist count.
    const present = named.filter((file) => existsSync(file))
    return readConfigs(present.length > 0 ? present : named.slice(0, 1))
  }
  if (process.env["KUBERNETES_SERVICE_HOST"] !== undefined && existsSync(`${root}${serviceAccount}`)) {
    const config = new KubeConfig()
    config.loadFromCluster(root)
    return ok({ config, from: "the Pod's service account" })
  }
  const usual = path.join(homedir(), ".kube", "config")
  if (existsSync(usual)) return readConfigs([usual])
  return err(
    `no cluster to talk to: no kubeconfig given, KUBECONFIG is not set, this is no Pod, and there is no ${usual}`,
  )
}

/** The first file that says something wins, as with kubectl. */
function readConfigs(files: readonly string[]): Result<Found, string> {
  const merged = new KubeConfig()
  const missing = <T extends { readonly name: string }>(have: readonly T[], more: readonly T[]) =>
    more.filter(({ name }) => have.every((one) => one.name !== name))
  for (const file of files) {
    const read = readConfig(file)
    if (!read.ok) return read
    const { clusters, users, contexts, currentContext } = read.value
    merged.loadFromOptions({
      clusters: [...merged.clusters, ...missing(merged.clusters, clusters)],
      users: [...merged.users, ...missing(merged.users, users)],
      contexts: [...merged.contexts, ...missing(merged.contexts, contexts)],
      currentContext: merged.currentContext || currentContext,
    })
  }
  return ok({ config: merged, from: `kubeconfig ${files.join(path.delimiter)}` })
}

function readConfig(file: string): Result<KubeConfig, string> {
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "unknown error"
    if (code === "ENOENT") return err(`kubeconfig ${file} does not exist`)
    if (code === "EISDIR") return err(`kubeconfig ${file} is a directory`)
    return err(`kubeconfig ${file} cannot be read (${code})`)
  }
  const lines = new LineCounter()
  // Without the excerpt of the source: a kubeconfig is full of secrets.
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines })
  const [mistake] = document.errors
  if (mistake) return err(`kubeconfig ${file} is not YAML: line ${lines.linePos(mistake.pos[0]).line}`)
  const value: unknown = document.toJS()
  if (typeof value !== "object" || value === null || !("clusters" in value))
    return err(`kubeconfig ${file} names no clusters`)
  try {
    const config = new KubeConfig()
    config.loadFromString(text)
    config.makePathsAbsolute(path.dirname(file))
    return ok(config)
  } catch (thrown) {
    // The library's own YAML parser quotes the source in its messages; its other errors name a field.
    const said = thrown instanceof Error && thrown.name !== "YAMLException" ? thrown.message : "cannot be understood"
    return err(`kubeconfig ${file}: ${said}`)
  }
}

function chooseContext(config: KubeConfig, wanted: string | undefined, from: string): Result<undefined, string> {
  const names = config.contexts.map(({ name }) => name).join(", ") || "none"
  const name = wanted ?? config.currentContext
  if (!name) return err(`${from} has no current context; choose one of: ${names}`)
  const context = config.getContextObject(name)
  if (context === null) return err(`${from} has no context "${name}"; it has: ${names}`)
  config.setCurrentContext(name)
  const cluster = config.getCurrentCluster()
  if (cluster === null) return err(`${from}: context "${name}" names cluster "${context.cluster}", which is not there`)
  if (config.getCurrentUser() === null)
    return err(`${from}: context "${name}" names user "${context.user}", which is not there`)
  if (!URL.canParse(cluster.server))
    return err(`${from}: server "${cluster.server}" of cluster "${cluster.name}" is no URL`)
  // The library wants this said for plain HTTP, where there is no TLS to verify.
  if (cluster.server.startsWith("http:")) Object.assign(cluster, { skipTLSVerify: true })
  return ok(undefined)
}

/** True when the time is up first. */
async function within(time: Time, limitMs: number, work: Promise<void>): Promise<boolean> {
  let cancel = () => {}
  const late = new Promise<boolean>((resolve) => {
    cancel = time.after(limitMs, () => resolve(true))
  })
  try {
    return await Promise.race([work.then(() => false), late])
  } finally {
    cancel()
  }
}
