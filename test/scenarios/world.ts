import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import type { ApiRequest, Cluster } from "../../kubernetes/client/cluster.ts"
import { type JsonObject, listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { loadCluster } from "../../kubernetes/client/load.ts"
import { type Ran, run } from "../../lab/run.ts"
import { until } from "../../lab/wait.ts"
import { type Account, Daemons, patienceMs } from "./daemons.ts"
import { apps, home, team } from "./objects.ts"
import { type Seen, seen } from "./seen.ts"
import type { Server } from "./servers.ts"

const deploy = (file: string) => fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url))
const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url))

/** A cluster with our resources and roles, kubectl, and a controller at work. */
export class World {
  readonly server: Server
  readonly directory: string
  readonly #cluster: Cluster
  readonly daemons: Daemons
  /** The namespaces are: nobody else had them. */
  #ours = false

  private constructor(server: Server, directory: string, cluster: Cluster) {
    this.server = server
    this.directory = directory
    this.#cluster = cluster
    this.daemons = new Daemons(directory, (account) => this.kubeconfigOf(account))
  }

  /** Everything that a user applies before the controller starts, by kubectl. Ends the server where it fails. */
  static async begin(server: Server): Promise<World> {
    const cluster = await loadCluster({ kubeconfig: server.kubeconfig })
    if (!cluster.ok) {
      await server.stop()
      throw new Error(cluster.error)
    }
    const world = new World(server, mkdtempSync(path.join(tmpdir(), "troupe-scenarios-")), cluster.value)
    try {
      await world.#refuseIfInUse()
      const labels = { [team]: { team: "blue" } } as Readonly<Record<string, JsonObject>>
      await world.apply(
        ...[home, apps, team].map((name) => ({
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name, labels: labels[name] ?? {} },
        })),
      )
      await world.ok(["apply", "--server-side", "-f", deploy("crds"), "-f", deploy("rbac.yaml")])
      await world.ok(["wait", "--for=condition=established", "crd", "--all", "--timeout=60s"])
      await world.daemons.startController()
      return world
    } catch (error) {
      await world.end()
      throw error
    }
  }

  /** The controller gives addresses to every Service of a cluster, and what is made here is deleted afterwards. */
  async #refuseIfInUse(): Promise<void> {
    const there = await Promise.all([home, apps, team].map((name) => this.read(`/api/v1/namespaces/${name}`)))
    const services = listOf((await this.read("/api/v1/services"))?.["items"])
    const balanced = services.some((service) => objectAt(service, "spec")["type"] === "LoadBalancer")
    if (balanced || there.some((namespace) => namespace !== undefined))
      throw new Error(
        `this cluster is in use: it has LoadBalancer Services, or a namespace ${home}, ${apps} or ${team}`,
      )
    this.#ours = true
  }

  readonly kubectl = (line: string | readonly string[], input?: string): Promise<Ran> => {
    const words = typeof line === "string" ? line.split(" ") : line
    const own = ["--kubeconfig", this.server.kubeconfig, "--cache-dir", path.join(this.directory, "kubectl-cache")]
    const options = { timeoutMs: patienceMs, ...(input !== undefined && { input }) }
    return run(process.env["KUBECTL"] || "kubectl", [...own, ...words], options)
  }

  /** The same, and it must succeed: what it printed. */
  readonly ok = async (line: string | readonly string[], input?: string): Promise<string> => {
    const { code, out, error } = await this.kubectl(line, input)
    if (code !== 0) throw new Error(`kubectl ${typeof line === "string" ? line : line.join(" ")}: ${error}`)
    return out
  }

  /** `kubectl apply` of all of them at once, in this order. */
  readonly apply = (...objects: readonly JsonObject[]): Promise<string> => this.ok("apply -f -", listText(objects))

  /** The same where the server is to refuse it: what kubectl says to the person. */
  readonly refused = async (...objects: readonly JsonObject[]): Promise<string> => {
    const { code, error } = await this.kubectl("apply --validate=false -f -", listText(objects))
    if (code === 0) throw new Error(`not refused: ${listText(objects)}`)
    return error
  }

  /** The object at a path of the API; undefined when there is none. */
  readonly read = async (at: string): Promise<JsonObject | undefined> => {
    const [, resource = ""] = /\/([a-z]+)(?:\/[^/]+)?$/.exec(at) ?? []
    const answer = await this.#cluster.request({ verb: "get", path: at, resource, exact: true })
    if (answer.ok) return objectAt(answer.value)
    if (answer.error.kind === "refused" && answer.error.status === 404) return undefined
    throw new Error(`${at}: ${answer.error.message}`)
  }

  readonly request = async (request: ApiRequest): Promise<unknown> => {
    const answer = await this.#cluster.request(request)
    if (!answer.ok) throw new Error(`${request.verb} ${request.path}: ${answer.error.message}`)
    return answer.value
  }

  readonly custom = (plural: string, name: string): Promise<JsonObject | undefined> =>
    this.read(`/apis/metallb.io/v1beta1/namespaces/${home}/${plural}/${name}`)

  readonly see = async (name: string, namespace = apps): Promise<Seen> =>
    seen(await this.read(`/api/v1/namespaces/${namespace}/services/${name}`))

  /** Name → what it is, of all Services in the two namespaces. */
  readonly seeAll = async (): Promise<ReadonlyMap<string, Seen>> => {
    const lists = await Promise.all([apps, team].map((name) => this.read(`/api/v1/namespaces/${name}/services`)))
    return new Map(
      lists
        .flatMap((list) => listOf(list?.["items"]))
        .map((item) => [textOf(objectAt(item, "metadata")["name"]), seen(objectAt(item))]),
    )
  }

  /** Waits until it has just these addresses. */
  readonly gets = async (name: string, addresses: readonly string[], namespace = apps): Promise<Seen> =>
    this.#until(name, namespace, `to have ${addresses.join(", ") || "no address"}`, (now) =>
      sameTexts(now.addresses, addresses),
    )

  /** Waits until it is told why it has no address, or keeps one against its wish: `reason: message`. */
  readonly toldWhyNot = async (name: string, why: RegExp, namespace = apps): Promise<Seen> =>
    this.#until(
      name,
      namespace,
      `to be told ${why}`,
      (now) => now.condition.startsWith("False ") && why.test(now.condition),
    )

  readonly told = async (name: string, what: RegExp, namespace = apps): Promise<Seen> =>
    this.#until(name, namespace, `to be told ${what}`, (now) => what.test(now.condition))

  async #until(name: string, namespace: string, what: string, holds: (now: Seen) => boolean): Promise<Seen> {
    let last: Seen | undefined
    try {
      return await until(`${name} ${what}`, patienceMs, async () => {
        last = await this.see(name, namespace)
        return holds(last) ? last : undefined
      })
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      throw new Error(`${text}; it is ${JSON.stringify(last)}`, { cause: error })
    }
  }

  /** Events about a Service so far, `type reason: message`, of this one and no earlier one of its name. */
  readonly events = async (name: string, namespace = apps): Promise<readonly string[]> => {
    const { uid } = await this.see(name, namespace)
    const list = await this.read(`/api/v1/namespaces/${namespace}/events`)
    return listOf(list?.["items"])
      .filter((event) => objectAt(event, "involvedObject")["uid"] === uid)
      .map((event) => objectAt(event))
      .map(({ type, reason, message }) => `${textOf(type)} ${textOf(reason)}: ${textOf(message)}`)
  }

  /** Events are sent after what they tell of. */
  readonly event = (name: string, text: string, namespace = apps): Promise<true> =>
    until(`the Event ${text}`, patienceMs, async () => (await this.events(name, namespace)).includes(text))

  /** Runs `troupe` as a person does. */
  readonly troupe = (...args: readonly string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const line = [main, ...args, "--kubeconfig", this.server.kubeconfig]
      execFile(process.execPath, line, { timeout: patienceMs }, (error, out, said) =>
        resolve({ code: error ? (typeof error.code === "number" ? error.code : 127) : 0, out, error: said }),
      )
    })

  /**
   * With a token of the service account, where there are users. `server`: where the API is found instead; any address
   * that the server's certificate names.
   */
  async kubeconfigOf(account: Account, server?: string): Promise<string> {
    const view = JSON.parse(await this.ok("config view --raw --minify --flatten -o json")) as JsonObject
    const cluster = objectAt(listOf(view["clusters"])[0], "cluster")
    const file = path.join(this.directory, `${account}${server === undefined ? "" : "-inside"}.kubeconfig`)
    const content = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { ...cluster, ...(server !== undefined && { server }) } }],
      users: [{ name: account, user: this.server.users ? { token: await this.tokenOf(account) } : {} }],
      contexts: [{ name: account, context: { cluster: "c", user: account } }],
      "current-context": account,
    }
    writeFileSync(file, JSON.stringify(content), { mode: 0o600 })
    return file
  }

  /** Of a service account of our namespace. */
  readonly tokenOf = async (account: string): Promise<string> => {
    const answer = await this.request({
      verb: "create",
      path: `/api/v1/namespaces/${home}/serviceaccounts/${account}/token`,
      resource: "serviceaccounts/token",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 7_200 } },
    })
    return textOf(objectAt(answer, "status")["token"])
  }

  get apiServer(): string {
    return this.#cluster.server
  }

  /** A file with these objects, for `-f`. */
  file(name: string, ...objects: readonly JsonObject[]): string {
    const file = path.join(this.directory, name)
    writeFileSync(file, listText(objects))
    return file
  }

  /** What a scenario has left: the next one finds no Service and no configuration. */
  async clean(): Promise<void> {
    await this.daemons.settle()
    await this.#removeAll()
  }

  async #removeAll(): Promise<void> {
    for (const namespace of [apps, team]) await this.#deleteAll(`/api/v1/namespaces/${namespace}`, "services")
    for (const plural of customPlurals) await this.#deleteAll(`/apis/metallb.io/v1beta1/namespaces/${home}`, plural)
    await this.#deleteAll(`/apis/metallb.io/v1beta2/namespaces/${home}`, "bgppeers")
  }

  async #deleteAll(collection: string, plural: string): Promise<void> {
    const list = await this.read(`${collection}/${plural}`)
    const names = listOf(list?.["items"]).map((item) => textOf(objectAt(item, "metadata")["name"]))
    await Promise.all(
      names.map((name) =>
        this.#cluster.request({ verb: "delete", path: `${collection}/${plural}/${name}`, resource: plural }),
      ),
    )
  }

  async end(): Promise<void> {
    await this.daemons.endAll()
    if (this.server.kind === "given" && this.#ours) {
      await this.#removeAll().catch(() => undefined)
      await this.kubectl(["delete", "namespace", apps, team, home, "--wait=false"])
    }
    await this.#cluster.close()
    await this.server.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

const customPlurals = [
  "ipaddresspools",
  "l2advertisements",
  "bgpadvertisements",
  "bfdprofiles",
  "communities",
  "servicel2statuses",
  "servicebgpstatuses",
]

const listText = (items: readonly JsonObject[]): string => JSON.stringify({ apiVersion: "v1", kind: "List", items })

const sameTexts = (a: readonly string[], b: readonly string[]) => a.join() === b.join()

/** A manifest of ours as text. */
export const deployed = (file: string): string => readFileSync(deploy(file), "utf8")
