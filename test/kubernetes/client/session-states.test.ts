import { execFile } from "node:child_process"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { promisify } from "node:util"
import test from "ava"
import type { DesiredSessionStates, SessionState } from "../../../config/cluster-api.ts"
import { objectAt } from "../../../kubernetes/client/json.ts"
import { type EmbeddedApi, startEmbeddedApi } from "../../../kubernetes/embedded/index.ts"
import { definitions } from "../../../kubernetes/resources/definitions.ts"
import { loadCluster } from "../../../kubernetes/client/load.ts"
import { kubernetesClusterApi } from "../../../kubernetes/client/cluster-api.ts"
import { embeddedCluster, ours, send } from "./embedded-cluster.ts"
import { hurried, kubeconfig, memoryLog, temporaryDirectory, until } from "./fake-api.ts"

const group = "troupe.dev/v1beta1"
const kind = "BGPSessionState"
const down: SessionState = { peer: "10.0.0.1", bgpStatus: "Active", bfdStatus: "N/A", lastError: "refused" }
const up: SessionState = {
  peer: "10.0.0.1",
  bgpStatus: "Established",
  bfdStatus: "up",
  establishedSinceMs: Date.UTC(2026, 0, 2, 3, 4, 5),
}
const desired = (nodeName: string, sessions: Record<string, SessionState>): DesiredSessionStates => ({
  nodeName,
  sessions: new Map(Object.entries(sessions)),
})
const objects = ({ objects }: EmbeddedApi) => objects.list(group, kind, ours)
const said = (server: EmbeddedApi): string =>
  objects(server)
    .map((object) => `${object.metadata.name} ${String(objectAt(object, "status")["bgpStatus"])}`)
    .sort()
    .join("; ")

test("one object for each session: whose it is, how it stands, gone with its peer", async (t) => {
  const { server, client, pod } = await embeddedCluster(t)
  const own = pod("speaker-1")
  const { api } = await client("speaker-1")
  api.desiredSessionStates(desired("node-1", { router: down, "ha.pair": { ...down, vrf: "red" } }))
  await until(() => /^node-1\.ha\.pair-[0-9a-f]{10} Active; node-1\.router Active$/.test(said(server)), "both")
  const find = () => objects(server).find(({ metadata }) => metadata.name === "node-1.router")
  t.deepEqual(find()?.metadata.labels, { "troupe.dev/node": "node-1", "troupe.dev/peer": "router" })
  t.deepEqual(objectAt(find(), "metadata")["ownerReferences"], [
    { apiVersion: "v1", kind: "Pod", name: "speaker-1", uid: own.metadata.uid },
  ])
  t.deepEqual(find()?.["status"], {
    bgpStatus: "Active",
    bfdStatus: "N/A",
    node: "node-1",
    peer: "10.0.0.1",
    peerName: "router",
    lastError: "refused",
  })

  const { uid } = find()?.metadata ?? {}
  api.desiredSessionStates(desired("node-1", { router: up }))
  await until(() => said(server) === "node-1.router Established", "the other one gone, this one up")
  t.is(find()?.metadata.uid, uid)
  t.deepEqual(find()?.["status"], {
    bgpStatus: "Established",
    bfdStatus: "up",
    node: "node-1",
    peer: "10.0.0.1",
    peerName: "router",
    establishedSince: "2026-01-02T03:04:05Z",
  })

  const file = path.join(temporaryDirectory(), "config")
  writeFileSync(file, kubeconfig(server.url))
  const printed = await promisify(execFile)("kubectl", ["--kubeconfig", file, "get", "bgpsessionstates", "-A"], {
    timeout: 60_000,
  }).then(
    ({ stdout }) => stdout,
    (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? undefined : String(error)),
  )
  if (printed === undefined) t.log("kubectl is not installed: what it prints is not looked at")
  else {
    t.regex(printed, /^NAMESPACE +NAME +NODE +PEER +VRF +BGP +BFD +SINCE\n/)
    t.regex(printed, /\nmetallb-system +node-1\.router +node-1 +10\.0\.0\.1 +Established +up +\S+\n$/)
  }
})

test("edited or deleted by somebody it is mended; another node's is left alone", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const [one, two] = [(await client()).api, (await client()).api]
  one.desiredSessionStates(desired("node-1", { router: up }))
  two.desiredSessionStates(desired("node-2", { router: down }))
  const both = "node-1.router Established; node-2.router Active"
  await until(() => said(server) === both, "both")
  const at = `/apis/${group}/namespaces/${ours}/bgpsessionstates/node-1.router`
  await send(server, "PATCH", `${at}/status`, { status: { bgpStatus: "Idle", lastError: "by hand" } })
  await until(() => said(server) === both, "as it was")
  const { uid } = objects(server)[0]?.metadata ?? {}
  server.objects.delete(group, kind, "node-1.router", ours)
  await until(() => said(server) === both && objects(server)[0]?.metadata.uid !== uid, "there again")
  one.desiredSessionStates(desired("node-1", {}))
  await until(() => said(server) === "node-2.router Active", "only its own gone")
  t.pass()
})

test("what an earlier life has left of peers that are gone goes", async (t) => {
  const { server, client } = await embeddedCluster(t)
  server.objects.put({
    apiVersion: group,
    kind,
    metadata: {
      name: "node-1.old",
      namespace: ours,
      labels: { "troupe.dev/node": "node-1", "troupe.dev/peer": "old" },
    },
    spec: {},
  })
  const { api } = await client()
  api.desiredSessionStates(desired("node-1", { router: up }))
  await until(() => said(server) === "node-1.router Established", "the new one alone")
  t.pass()
})

test("without the kind in the cluster: said once, nothing asked for; once it is there, it is written", async (t) => {
  const without = definitions.filter(({ spec }) => spec.names.kind !== kind)
  const server = await startEmbeddedApi({ listen: [{}], definitions: without })
  server.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: ours } })
  const file = path.join(temporaryDirectory(), "config")
  writeFileSync(file, kubeconfig(server.url))
  const [log, time] = [memoryLog(), hurried(1000)]
  const cluster = await loadCluster({ kubeconfig: file, time })
  if (!cluster.ok) throw new Error(cluster.error)
  const api = kubernetesClusterApi(cluster.value, { namespace: ours, log, time })
  t.teardown(async () => {
    await api.stop()
    await cluster.value.close()
    await server.close()
  })
  const complaints = () => log.lines.filter((line) => line.includes("the cluster has no BGPSessionState"))
  api.desiredSessionStates(desired("node-1", { router: down }))
  await until(() => complaints().length > 0, "it is said")
  await until(() => api.writeCounts().bgpsessionstates.rounds >= 3, "looked at again and again")
  t.is(complaints().length, 1)
  t.is(api.writeCounts().bgpsessionstates.retries, 0)
  const definition = definitions.find(({ spec }) => spec.names.kind === kind)
  await send(server, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition, "application/json")
  await until(() => said(server) === "node-1.router Active", "written")
})
