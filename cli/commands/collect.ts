import fs from "node:fs"
import { stringify } from "yaml"
import pkg from "../../package.json" with { type: "json" }
import { parseDurationMs } from "../../config/duration.ts"
import type { Cluster } from "../../kubernetes/client/cluster.ts"
import { exactJsonText } from "../../kubernetes/client/exact-json.ts"
import { isObject, type JsonObject, listOf, objectAt } from "../../kubernetes/client/json.ts"
import { loadCluster } from "../../kubernetes/client/load.ts"
import { labDirectory } from "../../lab/layout.ts"
import { type Archive, startArchive } from "../collect/archive.ts"
import { askDaemon, byPort, byPortForward, byProxy, bySocket, type Daemon } from "../collect/daemons.ts"
import { explanations } from "../collect/explanations.ts"
import { localFiles } from "../collect/local.ts"
import { tailOf, withNote } from "../collect/log-text.ts"
import { flagOf, type OurPod, ourPods, readLog } from "../collect/pods.ts"
import { redactObject, redactText } from "../collect/redact.ts"
import { Scrubber } from "../collect/scrub.ts"
import { wantedObjects } from "../collect/what.ts"
import { Complaint } from "../complaint.ts"
import { list } from "../manifests/cluster.ts"

export interface CollectOptions {
  readonly namespace: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly output?: string
  readonly since?: string
  readonly maxLogSize: string
  readonly maxSize: string
  readonly lab?: string | true
  readonly socket?: readonly string[]
  readonly local?: boolean
}

interface Collecting {
  readonly archive: Archive
  readonly scrubber: Scrubber
  readonly errors: string[]
  readonly namespace: string
  readonly sinceSeconds: number | undefined
  readonly logLimitBytes: number
}

/** Gives the exit code: 0 when there is an archive, whatever could not be had for it. */
export async function collectCommand(options: CollectOptions): Promise<number> {
  const sinceSeconds = secondsOf(options.since)
  const logLimitBytes = mebibytes("--max-log-size", options.maxLogSize)
  const limitBytes = mebibytes("--max-size", options.maxSize)
  const now = new Date()
  const directory = `troupe-collect-${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}`
  const lab = options.lab === undefined ? undefined : labDirectory(options.lab === true ? "lab" : options.lab)
  const cluster = await clusterOf(options, lab)
  const toStdout = options.output === "-"
  const file = options.output ?? `${directory}.tar.gz`
  const output = toStdout ? process.stdout : await opened(file)
  const archive = startArchive(output, directory, now.getTime(), limitBytes)
  const { namespace } = options
  const errors = cluster.ok ? [] : [`the cluster: ${cluster.error}`]
  const collecting = { archive, scrubber: new Scrubber(), errors, namespace, sinceSeconds, logLimitBytes }
  try {
    await everything(collecting, options, lab, cluster.ok ? cluster.value : undefined, now)
    await archive.finish()
  } catch (error) {
    throw new Complaint(`${file} cannot be written: ${error instanceof Error ? error.message : "unknown error"}`)
  } finally {
    if (cluster.ok) await cluster.value.close()
  }
  const { files, bytes } = archive.counts()
  const gaps = errors.length === 0 ? "" : `; ${errors.length} things could not be collected, see errors.txt in it`
  const size = `${(bytes / 1024 / 1024).toFixed(1)} MiB before compression`
  process.stderr.write(`${toStdout ? "the archive" : file}: ${files} files, ${size}${gaps}\n`)
  return 0
}

async function everything(
  collecting: Collecting,
  options: CollectOptions,
  lab: string | undefined,
  connection: Cluster | undefined,
  now: Date,
): Promise<void> {
  const { namespace } = collecting
  const version = await connection?.request({ verb: "get", path: "/version", resource: "version" })
  if (version && !version.ok) collecting.errors.push(`the cluster: ${version.error.message}`)
  // An API server that says no to this may answer the rest; one that is not there will not.
  const cluster = version?.ok || version?.error.kind === "refused" ? connection : undefined
  // First of all, so that every secret is known before anything is written.
  const lists = cluster ? await readObjects(cluster, collecting) : []
  await add(
    collecting,
    "about.json",
    about(collecting, options, connection, version?.ok ? version.value : undefined, now),
  )
  for (const { file, objects } of lists) await addObjects(collecting, file, objects)
  const all = lists.flatMap(({ objects }) => objects)
  if (all.length > 0) await addExplanations(collecting, all)
  const pods = ourPods(lists.find(({ file }) => file === "pods")?.objects ?? [])
  if (cluster && lab === undefined) for (const pod of pods) await addLogs(collecting, cluster, pod)
  if (lab !== undefined) await addLabLogs(collecting, lab)
  const daemons = [
    ...(options.socket ?? []).map((path) => ({ name: nameOf(path), ways: [bySocket(path)] })),
    ...(lab === undefined ? [] : labDaemons(collecting, lab)),
    ...(options.local ? [{ name: "local", ways: [byPort("127.0.0.1", 17472)] }] : []),
    ...(cluster && lab === undefined ? pods.filter(({ running }) => running).map(daemonOf(cluster, namespace)) : []),
  ]
  for (const daemon of daemons) await addDaemon(collecting, daemon)
  if (options.local) await addLocal(collecting)
  const { archive, errors } = collecting
  for (const name of archive.counts().leftOut) errors.push(`${name}: left out, the archive has reached --max-size`)
  if (errors.length > 0) await archive.addLast("errors.txt", collecting.scrubber.clean(`${errors.join("\n")}\n`))
}

/** Nothing is written but by this: known secrets are nowhere in it. */
async function add({ archive, scrubber }: Collecting, name: string, content: string): Promise<void> {
  await archive.add(safe(name), scrubber.clean(content))
}

/** Names of objects in paths: they hold no slash, but whoever sent them may not be an API server. */
const safe = (name: string): string =>
  name
    .split("/")
    .map((part) => part.replaceAll(/[^A-Za-z0-9._@+=-]/g, "_").replace(/^\.+$/, "_"))
    .join("/")

function about(
  { namespace }: Collecting,
  options: CollectOptions,
  cluster: Cluster | undefined,
  kubernetes: unknown,
  now: Date,
): string {
  const { socket = [], ...flags } = options
  return `${JSON.stringify(
    {
      troupe: pkg.version,
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
      collected: now.toISOString(),
      namespace,
      options: { ...flags, ...(socket.length > 0 && { socket }) },
      ...(cluster && { server: cluster.server.replace(/\/\/[^/@]*@/, "//"), context: cluster.context }),
      ...(kubernetes !== undefined && { kubernetes }),
    },
    null,
    2,
  )}\n`
}

interface ObjectsOfFile {
  readonly file: string
  readonly objects: readonly JsonObject[]
}

async function readObjects(cluster: Cluster, { namespace, errors }: Collecting): Promise<readonly ObjectsOfFile[]> {
  const lists: ObjectsOfFile[] = []
  for (const wanted of wantedObjects(namespace)) {
    const found = await list(cluster, wanted, true)
    if ("failure" in found) errors.push(`objects/${wanted.file}: ${found.failure}`)
    else if (found.objects.length > 0) lists.push({ file: wanted.file, objects: found.objects })
  }
  return lists
}

// YAML is what people read; ten thousand objects of it would take seconds to write.
const yamlUpTo = 500

async function addObjects(collecting: Collecting, file: string, objects: readonly JsonObject[]): Promise<void> {
  const items = objects.map((object) => redactedObject(collecting, object))
  if (items.length <= yamlUpTo) {
    const list = { apiVersion: "v1", kind: "List", items }
    await add(collecting, `objects/${file}.yaml`, stringify(list, { lineWidth: 0, aliasDuplicateObjects: false }))
  } else {
    const lines = items.map(exactJsonText).join(",\n")
    await add(collecting, `objects/${file}.json`, `{"apiVersion":"v1","kind":"List","items":[\n${lines}\n]}\n`)
  }
}

async function addExplanations(collecting: Collecting, all: readonly JsonObject[]): Promise<void> {
  const controller = all
    .filter(({ kind }) => kind === "Deployment" || kind === "Pod")
    .flatMap((one) => [objectAt(one, "spec", "template", "spec"), objectAt(one, "spec")])
    .flatMap(({ containers }) => listOf(containers).filter(isObject))
    .find(({ name }) => name === "controller")
  const loadBalancerClass = controller === undefined ? "" : (flagOf(controller, "lb-class") ?? "")
  const made = explanations(all, { home: collecting.namespace, loadBalancerClass })
  for (const { name, content } of made.files) await add(collecting, `explain/${name}`, content)
  collecting.errors.push(...made.failures)
}

async function addLogs(collecting: Collecting, cluster: Cluster, pod: OurPod): Promise<void> {
  const { namespace, sinceSeconds, logLimitBytes: limitBytes, errors } = collecting
  for (const container of pod.containers) {
    for (const previous of pod.restarted.has(container) ? [false, true] : [false]) {
      const name = `pods/${pod.name}/${container}${previous ? ".previous" : ""}.log`
      const read = await readLog(cluster, pod.name, container, previous, { namespace, sinceSeconds, limitBytes })
      if ("failure" in read) errors.push(`${name}: ${read.failure}`)
      else await add(collecting, name, redactedText(collecting, read.text))
    }
  }
}

async function addLabLogs(collecting: Collecting, directory: string): Promise<void> {
  for (const file of filesIn(directory, ".log")) {
    const tail = await tailOf(fs.createReadStream(`${directory}/${file}`), collecting.logLimitBytes)
    await add(collecting, `pods/${file}`, redactedText(collecting, withNote(tail)))
  }
}

const redactedObject = (collecting: Collecting, object: JsonObject): JsonObject =>
  redactObject(object, noting(collecting))
const redactedText = (collecting: Collecting, text: string): string => redactText(text, noting(collecting))
const noting =
  ({ scrubber }: Collecting) =>
  (secret: string, certain: boolean): void =>
    scrubber.add(secret, certain)

function labDaemons({ errors }: Collecting, directory: string): readonly Daemon[] {
  const sockets = filesIn(directory, ".debug.sock")
  if (sockets.length === 0) errors.push(`daemons: no lab runs in ${directory}`)
  return sockets.map((file) => ({ name: nameOf(file), ways: [bySocket(`${directory}/${file}`)] }))
}

const nameOf = (path: string): string => (path.split("/").at(-1) ?? path).replace(/(\.debug)?\.sock$/, "")

function filesIn(directory: string, ending: string): readonly string[] {
  try {
    return fs
      .readdirSync(directory)
      .filter((file) => file.endsWith(ending))
      .sort()
  } catch {
    return []
  }
}

/** The speaker's health port is on the node's loopback: only port forwarding gets there. */
const daemonOf =
  (cluster: Cluster, namespace: string) =>
  ({ name, component, healthPort }: OurPod): Daemon => ({
    name,
    ways: [
      byPortForward(cluster, namespace, name, healthPort),
      ...(component === "controller" ? [byProxy(cluster, namespace, name, healthPort)] : []),
    ],
  })

async function addDaemon(collecting: Collecting, daemon: Daemon): Promise<void> {
  const { files, failures } = await askDaemon(daemon)
  for (const [file, content] of Object.entries(files))
    await add(collecting, `daemons/${daemon.name}/${file}`, redactedText(collecting, content))
  collecting.errors.push(...failures.map((failure) => `daemons/${failure}`))
}

async function addLocal(collecting: Collecting): Promise<void> {
  for await (const { file, content, failure } of localFiles(collecting.logLimitBytes)) {
    if (content !== undefined) await add(collecting, `local/${file}`, content)
    if (failure !== undefined) collecting.errors.push(`local/${file}: ${failure}`)
  }
}

async function clusterOf(options: CollectOptions, lab: string | undefined) {
  const { kubeconfig, context } = options
  const from = lab === undefined ? kubeconfig : `${lab}/kubeconfig`
  const cluster = await loadCluster({ ...(from !== undefined && { kubeconfig: from }), ...(context && { context }) })
  // Without a cluster there is something to collect only where a daemon or this host is asked.
  if (!cluster.ok && options.socket === undefined && options.local !== true) throw new Complaint(cluster.error)
  return cluster
}

/** For its owner alone: it names what is in a network. */
function opened(file: string): Promise<fs.WriteStream> {
  const stream = fs.createWriteStream(file, { mode: 0o600 })
  return new Promise((resolve, reject) => {
    stream.once("open", () => resolve(stream))
    stream.once("error", (error) => reject(new Complaint(`${file} cannot be written: ${error.message}`)))
  })
}

function secondsOf(since: string | undefined): number | undefined {
  if (since === undefined) return undefined
  const ms = parseDurationMs(since)
  if (ms === undefined || ms < 1000) throw new Complaint(`--since ${since}: give a duration such as 90m or 24h`)
  return Math.floor(ms / 1000)
}

function mebibytes(flag: string, text: string): number {
  const number = Number(text)
  if (!(number > 0 && number <= 100_000)) throw new Complaint(`${flag} ${text}: give a number of MiB`)
  return Math.floor(number * 1024 * 1024)
}
