import https from "node:https"
import type { JsonObject } from "../../kubernetes/client/json.ts"
import { listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { until } from "../../lab/wait.ts"
import { home, pool, service } from "./objects.ts"
import type { Scenario } from "./scenario.ts"
import { patienceMs } from "./world.ts"

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
      await world.stopController()
      await ok(["delete", "configurationstate", "--all", "-n", home])
      await apply(pod, deployment)
      const flags = ["--webhook-mode=disabled", "--pod-name=controller-1", "--ml-secret-name=memberlist"]
      const start = () => world.daemon("controller", ...flags, "--deployment=controller")
      const first = await start()
      await world.ready(first)
      const state = await until("the ConfigurationState", patienceMs, async () => {
        const now = await custom("configurationstates", "controller")
        return objectAt(now, "status")["result"] === "Valid" ? now : undefined
      })
      t.deepEqual(owners(state), ["Pod/controller-1"])
      const secret = () => read(`/api/v1/namespaces/${home}/secrets/memberlist`)
      const made = await secret()
      t.deepEqual(owners(made), ["Deployment/controller"])
      t.regex(Buffer.from(textOf(objectAt(made, "data")["secretkey"]), "base64").toString(), /^[A-Za-z0-9+/]{22}$/)
      await world.endDaemon(first)
      await world.ready(await start())
      t.deepEqual(await secret(), made)
      await ok(["delete", "secret/memberlist", "pod/controller-1", "deployment/controller", "-n", home, "--wait=false"])
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
      const { apply, request, ok } = world
      await apply(...metricsReader)
      await world.stopController()
      const daemon = await world.daemon("controller", "--webhook-mode=disabled", `--port=${metricsPort}`)
      await world.ready(daemon)
      const tokenOf = async (account: string) => {
        const answer = await request({
          verb: "create",
          path: `/api/v1/namespaces/${home}/serviceaccounts/${account}/token`,
          resource: "serviceaccounts/token",
          body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 600 } },
        })
        return textOf(objectAt(answer, "status")["token"])
      }
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
    name: "a role without leases: the controller says so and works alone",
    needs: "users",
    async run(t, world) {
      const { apply, ok, gets, read } = world
      await world.stopController()
      const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${home}/roles/controller`
      const role = objectAt(await read(path))
      const rules = listOf(role["rules"]).filter((rule) => !listOf(objectAt(rule)["resources"]).includes("leases"))
      const lesser = {
        apiVersion: role["apiVersion"],
        kind: "Role",
        metadata: { name: "controller", namespace: home },
        rules,
      }
      await ok("replace -f -", JSON.stringify(lesser))
      try {
        await apply(pool("p", ["192.0.2.0/29"]), service("web"))
        const daemon = await world.daemon("controller", "--webhook-mode=disabled")
        await world.ready(daemon)
        await gets("web", ["192.0.2.0"])
        const line = daemon
          .lines()
          .find(({ msg }) => String(msg).startsWith(`may not use the Lease ${home}/troupe-controller`))
        t.is(line?.["level"], "warn")
        t.regex(String(line?.["reason"]), /cannot (get|create|update) resource "leases"|leases/)
        t.regex((await daemon.ask("/metrics")) ?? "", /^troupe_leader 1$/m)
        await world.endDaemon(daemon)
      } finally {
        await ok("replace -f -", JSON.stringify({ ...lesser, rules: role["rules"] }))
      }
    },
  },
]
