import https from "node:https"
import type { JsonObject } from "../../kubernetes/client/json.ts"
import { listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { until } from "../../lab/wait.ts"
import { apps, home, pool, service } from "./objects.ts"
import type { Scenario } from "./scenario.ts"
import { patienceMs } from "./daemons.ts"
import type { World } from "./world.ts"

const containers = [{ name: "controller", image: "troupe" }]
const labels = { app: "troupe" }
const pod: JsonObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "controller-1", namespace: home },
  spec: { containers, serviceAccountName: "controller", automountServiceAccountToken: false },
}
const deployment: JsonObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "controller", namespace: home },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
}

const owners = (object: JsonObject | undefined): readonly string[] =>
  listOf(objectAt(object, "metadata")["ownerReferences"])
    .map((owner) => objectAt(owner))
    .map(({ kind, name }) => `${textOf(kind)}/${textOf(name)}`)

/** Below the range that the kernel gives out by itself, so that nobody gets it in between. */
const metricsPort = 20_000 + (process.pid % 10_000)

const subject = { kind: "ServiceAccount", name: "metrics-reader", namespace: home }
const metricsReader: readonly JsonObject[] = [
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: subject.name, namespace: home } },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: "troupe-test-metrics-reader" },
    rules: [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "troupe-test-metrics-reader" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "troupe-test-metrics-reader" },
    subjects: [subject],
  },
]

/** Status and text of one GET of /metrics, with this token or none. */
function metrics(token: string | undefined): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const at = { host: "127.0.0.1", port: metricsPort, path: "/metrics", agent: false, rejectUnauthorized: false }
    https
      .get({ ...at, headers }, (answer) => {
        let text = ""
        answer.on("data", (chunk) => {
          text += String(chunk)
        })
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }))
      })
      .on("error", reject)
  })
}

export const operatorScenarios: readonly Scenario[] = [
  {
    name: "what the controller makes belongs to its Pod and its Deployment; the memberlist Secret is made once",
    async run(t, world) {
      const { apply, read, custom, ok } = world
      await world.daemons.stopController()
      await ok(["delete", "configurationstate", "--all", "-n", home])
      await apply(pod, deployment)
      const flags = ["--webhook-mode=disabled", "--pod-name=controller-1", "--ml-secret-name=memberlist"]
      const start = () => world.daemons.start("controller", ...flags, "--deployment=controller")
      const first = await start()
      await world.daemons.ready(first)
      const state = await until("the ConfigurationState", patienceMs, async () => {
        const now = await custom("configurationstates", "controller")
        return objectAt(now, "status")["result"] === "Valid" ? now : undefined
      })
      t.deepEqual(owners(state), ["Pod/controller-1"])
      const secret = () => read(`/api/v1/namespaces/${home}/secrets/memberlist`)
      const made = await secret()
      t.deepEqual(owners(made), ["Deployment/controller"])
      t.regex(Buffer.from(textOf(objectAt(made, "data")["secretkey"]), "base64").toString(), /^[A-Za-z0-9+/]{22}$/)
      await world.daemons.end(first)
      await world.daemons.ready(await start())
      t.deepEqual(await secret(), made)
      await ok(["delete", "secret/memberlist", "pod/controller-1", "deployment/controller", "-n", home, "--wait=false"])
    },
  },
  {
    name: "what others write into a Service's status stays",
    async run(t, { apply, gets, ok, read, told }) {
      await apply(pool("p", ["192.0.2.0/29"]), service("web"))
      await gets("web", ["192.0.2.0"])
      const path = `/api/v1/namespaces/${apps}/services/web`
      const theirs = { type: "example.org/Ready", status: "True", reason: "Done", message: "" }
      const since = { lastTransitionTime: "2026-01-01T00:00:00Z" }
      const body = objectAt(await read(path))
      const conditions = [...listOf(objectAt(body, "status")["conditions"]), { ...theirs, ...since }]
      await ok(
        ["replace", "--raw", `${path}/status`, "-f", "-"],
        JSON.stringify({ ...body, status: { ...objectAt(body, "status"), conditions } }),
      )
      await apply(service("web", { asks: { loadBalancerIPs: "192.0.2.3" } }))
      await gets("web", ["192.0.2.3"])
      await told("web", /RequestedAddresses/)
      const now = listOf(objectAt(await read(path), "status")["conditions"])
      t.true(now.some((condition) => objectAt(condition)["type"] === theirs.type))
    },
  },
  {
    name: "a ConfigurationState that somebody deletes is there again",
    async run(t, { custom, ok }) {
      const uid = async () => objectAt(await custom("configurationstates", "controller"), "metadata")["uid"]
      const before = await until("the ConfigurationState", patienceMs, uid)
      await ok(["delete", "configurationstate", "controller", "-n", home])
      const again = await until("a new one", patienceMs, async () => {
        const state = await custom("configurationstates", "controller")
        return objectAt(state, "status")["result"] === "Valid" && objectAt(state, "metadata")["uid"]
      })
      t.not(again, before)
    },
  },
  {
    name: "/metrics answers whom the API server lets read it",
    needs: "users",
    async run(t, world) {
      const { apply, tokenOf, ok } = world
      await apply(...metricsReader)
      await world.daemons.stopController()
      const daemon = await world.daemons.start("controller", "--webhook-mode=disabled", `--port=${metricsPort}`)
      await world.daemons.ready(daemon)
      t.is((await metrics(undefined)).status, 401)
      t.is((await metrics("nonsense")).status, 401)
      t.is((await metrics(await tokenOf("speaker"))).status, 403)
      const { status, text } = await metrics(await tokenOf(subject.name))
      t.is(status, 200)
      t.regex(text, /^metallb_k8s_client_config_loaded_bool \d$/m)
      await ok("delete clusterrole,clusterrolebinding troupe-test-metrics-reader")
      await ok(["delete", "serviceaccount", subject.name, "-n", home])
    },
  },
  {
    name: "with the rights that MetalLB's roles give the controller works alone, says so, and does all else",
    needs: "users",
    async run(t, world) {
      const { apply, gets, custom } = world
      await world.daemons.stopController()
      // MetalLB's have no leases, and of nodes the list alone.
      const giveBack = [
        await withRules(world, `namespaces/${home}/roles/controller`, (rule) => (names(rule, "leases") ? [] : [rule])),
        await withRules(world, "clusterroles/metallb-system:controller", (rule) =>
          names(rule, "nodes")
            ? [
                { ...rule, resources: ["services", "namespaces"] },
                { ...rule, resources: ["nodes"], verbs: ["list"] },
              ]
            : [rule],
        ),
      ]
      t.teardown(async () => {
        for (const back of giveBack) await back()
      })
      await apply(pool("p", ["192.0.2.0/29"]), service("web"))
      const daemon = await world.daemons.start("controller", "--webhook-mode=disabled")
      await world.daemons.ready(daemon)
      await gets("web", ["192.0.2.0"])
      await until("the status of the pool", patienceMs, async () => {
        return objectAt(await custom("ipaddresspools", "p"), "status")["assignedIPv4"] === 1
      })
      const alone = `may not use the Lease ${home}/troupe-controller`
      const line = daemon.lines().find(({ msg }) => String(msg).startsWith(alone))
      t.is(line?.["level"], "warn")
      t.regex((await daemon.ask("/metrics")) ?? "", /^troupe_leader 1$/m)
      const lacking = world.daemons
        .forbidden()
        .map(({ reason }) => /cannot \w+ resource "(\w+)"/.exec(String(reason))?.[1])
      t.deepEqual(
        [...new Set(lacking)].filter((resource) => resource !== "leases"),
        ["nodes"],
      )
      await world.daemons.end(daemon)
    },
  },
]

const names = (rule: JsonObject, resource: string): boolean => listOf(rule["resources"]).includes(resource)

/** Changes the rules of a role, one by one; gives what brings them back. */
async function withRules(
  { read, ok }: World,
  role: string,
  change: (rule: JsonObject) => readonly JsonObject[],
): Promise<() => Promise<unknown>> {
  const before = objectAt(await read(`/apis/rbac.authorization.k8s.io/v1/${role}`))
  const { name, namespace } = objectAt(before, "metadata")
  const replace = (rules: readonly unknown[]) =>
    ok(
      "replace -f -",
      JSON.stringify({ apiVersion: before["apiVersion"], kind: kindOf(role), metadata: { name, namespace }, rules }),
    )
  const rules = listOf(before["rules"])
  await replace(rules.flatMap((rule) => change(objectAt(rule))))
  return () => replace(rules)
}

const kindOf = (role: string): string => (role.startsWith("namespaces/") ? "Role" : "ClusterRole")
