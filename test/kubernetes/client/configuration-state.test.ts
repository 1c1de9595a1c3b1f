import test from "ava"
import type { ConfigurationCondition } from "../../../config/cluster-api.ts"
import { summaryOf } from "../../../kubernetes/client/configuration-state.ts"
import { listOf, objectAt, textOf } from "../../../kubernetes/client/json.ts"
import type { EmbeddedApi } from "../../../kubernetes/embedded/index.ts"
import { custom, customPath, embeddedCluster, ours, send } from "./embedded-cluster.ts"
import { until } from "./fake-api.ts"

const fine: ConfigurationCondition = { status: "True", reason: "Reconciled", message: "" }
const wrong: ConfigurationCondition = {
  status: "False",
  reason: "ConfigurationError",
  message: "configuration error: missing local ASN",
}
const state = (server: EmbeddedApi, name: string) =>
  server.objects.get("metallb.io/v1beta1", "ConfigurationState", name, ours)
const verdict = (server: EmbeddedApi, name: string) => textOf(objectAt(state(server, name), "status")["result"])
const conditionIn = (server: EmbeddedApi, name: string) =>
  objectAt(listOf(objectAt(state(server, name), "status")["conditions"])[0])

test("a speaker's verdict: its labels, its Pod as owner, its condition by its own field manager, the summary", async (t) => {
  const { server, client, pod } = await embeddedCluster(t)
  const own = pod("speaker-x")
  const { api } = await client("speaker-x")
  api.reportConfiguration({ component: "speaker", nodeName: "node-1", condition: wrong })
  await until(() => verdict(server, "speaker-node-1") === "Invalid", "the verdict")
  const found = state(server, "speaker-node-1")
  t.deepEqual(found?.metadata.labels, {
    "metallb.io/component-type": "speaker",
    "metallb.io/node-name": "node-1",
  })
  t.deepEqual(objectAt(found, "metadata")["ownerReferences"], [
    { apiVersion: "v1", kind: "Pod", name: "speaker-x", uid: own.metadata.uid },
  ])
  t.like(conditionIn(server, "speaker-node-1"), { type: "configReconcilerValid", ...wrong })
  t.is(objectAt(found, "status")["errorSummary"], "configuration error: missing local ASN")
  const applied = found?.metadata.managedFields?.filter(({ operation }) => operation === "Apply")
  t.like(applied?.[0], { manager: "configReconciler", subresource: "status" })

  api.reportConfiguration({ component: "speaker", nodeName: "node-1", condition: fine })
  await until(() => verdict(server, "speaker-node-1") === "Valid", "the new verdict")
  t.is(textOf(objectAt(state(server, "speaker-node-1"), "status")["errorSummary"]), "")
  t.like(conditionIn(server, "speaker-node-1"), { status: "True", reason: "Reconciled", message: "" })
})

test("deleted or edited by somebody, it comes back as it was", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const { api } = await client()
  api.reportConfiguration({ component: "controller", condition: wrong })
  await until(() => verdict(server, "controller") === "Invalid", "the verdict")
  const before = state(server, "controller")

  server.objects.delete("metallb.io/v1beta1", "ConfigurationState", "controller", ours)
  await until(() => verdict(server, "controller") === "Invalid", "made again")
  t.not(state(server, "controller")?.metadata.uid, before?.metadata.uid)
  t.like(conditionIn(server, "controller"), { type: "poolReconcilerValid", ...wrong })

  const at = customPath("configurationstates", "controller")
  await send(server, "PATCH", `${at}/status`, { status: { result: "Valid", errorSummary: null, conditions: [] } })
  await until(() => verdict(server, "controller") === "Invalid", "the verdict repaired")
  await until(() => conditionIn(server, "controller")["type"] === "poolReconcilerValid", "the condition repaired")

  await send(server, "PATCH", at, { metadata: { labels: { "metallb.io/component-type": "speaker", theirs: "kept" } } })
  await until(
    () => state(server, "controller")?.metadata.labels?.["metallb.io/component-type"] === "controller",
    "the label repaired",
  )
  t.is(state(server, "controller")?.metadata.labels?.["theirs"], "kept")
})

test("conditions of others stay and count", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const { api } = await client()
  api.reportConfiguration({ component: "controller", condition: fine })
  await until(() => verdict(server, "controller") === "Valid", "the verdict")
  const theirs = {
    type: "otherReconcilerValid",
    status: "False",
    reason: "ConfigurationError",
    message: "theirs",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  }
  await send(
    server,
    "PATCH",
    `${customPath("configurationstates", "controller")}/status?fieldManager=other`,
    {
      apiVersion: "metallb.io/v1beta1",
      kind: "ConfigurationState",
      metadata: { name: "controller", namespace: ours },
      status: { conditions: [theirs] },
    },
    "application/apply-patch+yaml",
  )
  await until(() => verdict(server, "controller") === "Invalid", "both counted")
  t.is(objectAt(state(server, "controller"), "status")["errorSummary"], "theirs")
  api.reportConfiguration({ component: "controller", condition: wrong })
  const summary = () => textOf(objectAt(state(server, "controller"), "status")["errorSummary"])
  await until(() => summary().split("\n").length === 2, "both messages")
  t.deepEqual(summary().split("\n").sort(), [wrong.message, "theirs"].sort())
})

test("many requests failing: it is written all the same, and nothing is said after it was forgotten", async (t) => {
  const { server, client, pod } = await embeddedCluster(t)
  pod("controller-x")
  const { api } = await client("controller-x")
  server.chaos.errorRate = 0.4
  api.reportConfiguration({ component: "controller", condition: fine })
  for (let i = 0; i < 5; i++) api.reportConfiguration({ component: "controller", condition: i % 2 ? fine : wrong })
  await until(() => verdict(server, "controller") === "Invalid", "the last word")
  server.chaos.errorRate = 0
  await until(() => api.writeCounts().configurationstates.delayed === 0, "nothing left to do")
  t.is(custom(server, "ConfigurationState").length, 1)
  api.forgetWishes()
  server.objects.delete("metallb.io/v1beta1", "ConfigurationState", "controller", ours)
  server.objects.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "later", namespace: ours },
  })
  // Whatever the client would do about the deletion, it does before it has heard of this.
  const { api: other } = await client()
  other.reportConfiguration({ component: "speaker", nodeName: "b", condition: fine })
  await until(() => verdict(server, "speaker-b") === "Valid", "another client's word")
  t.is(state(server, "controller"), undefined)
})

test("without its Pod it is written all the same, has no owner, and that is said once", async (t) => {
  const { server, client, log } = await embeddedCluster(t)
  const { api } = await client("nobody")
  api.reportConfiguration({ component: "controller", condition: fine })
  await until(() => verdict(server, "controller") === "Valid", "the verdict")
  t.is(objectAt(state(server, "controller"), "metadata")["ownerReferences"], undefined)
  t.is(log.lines.filter((line) => line.includes("there is no Pod metallb-system/nobody")).length, 1)
})

test("a controller that only reviews keeps the object, and says over it what others report", async (t) => {
  const { server, client, pod } = await embeddedCluster(t)
  const own = pod("reviewer")
  const { api: reviewer } = await client("reviewer")
  reviewer.keepConfigurationState()
  await until(() => verdict(server, "controller") === "Unknown", "nobody has reported")
  t.deepEqual(state(server, "controller")?.metadata.labels, { "metallb.io/component-type": "controller" })
  t.like(objectAt(state(server, "controller"), "metadata")["ownerReferences"], [{ uid: own.metadata.uid }])

  // Somebody else, MetalLB's controller say, reports the condition alone.
  const at = customPath("configurationstates", "controller")
  const lastTransitionTime = "2026-07-16T15:00:00Z"
  const condition = { type: "poolReconcilerValid", ...wrong, lastTransitionTime }
  await send(server, "PATCH", `${at}/status`, { status: { conditions: [condition] } })
  await until(() => verdict(server, "controller") === "Invalid", "the verdict over it")
  t.is(objectAt(state(server, "controller"), "status")["errorSummary"], wrong.message)
  t.like(conditionIn(server, "controller"), condition)

  server.objects.delete("metallb.io/v1beta1", "ConfigurationState", "controller", ours)
  await until(() => verdict(server, "controller") === "Unknown", "made again")
})

test("the verdict over all conditions", (t) => {
  const { status, reason, message } = wrong
  t.deepEqual(summaryOf([]), { result: "Unknown", errorSummary: "" })
  t.deepEqual(summaryOf([{ status: "True" }, { status: "False", reason: "UnknownError", message: "no" }]), {
    result: "Valid",
    errorSummary: "",
  })
  t.deepEqual(summaryOf([{ status, reason, message }, { status: "True" }, { status, reason, message: "second" }]), {
    result: "Invalid",
    errorSummary: `${message}\nsecond`,
  })
})
