import { execFile } from "node:child_process"
import { promisify } from "node:util"
import test from "ava"
import { listOf, objectAt } from "../../kubernetes/client/json.ts"
import type { EmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { custom, embeddedCluster, ours } from "../kubernetes/client/embedded-cluster.ts"
import { kubeconfig, temporaryDirectory } from "../kubernetes/client/fake-api.ts"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { member, speaker } from "./harness.ts"

/** `default/web@charlie eth0` for each, sorted. */
const said = (server: EmbeddedApi, kind: string) =>
  custom(server, kind)
    .map((object) => {
      const { node, serviceNamespace, serviceName, interfaces, peers } = objectAt(object, "status")
      const list = listOf(peers ?? interfaces).map((one) => (typeof one === "string" ? one : objectAt(one)["name"]))
      return `${String(serviceNamespace)}/${String(serviceName)}@${String(node)} ${list.join()}`.trim()
    })
    .sort()
    .join("; ")

/** A cluster of two nodes with one Service of that address, as an API server has it. */
function populate({ objects }: EmbeddedApi, address: string): void {
  const metadata = { name: "web", namespace: "default" }
  for (const name of ["alpha", "charlie"]) {
    objects.put({ apiVersion: "v1", kind: "Node", metadata: { name, labels: { "kubernetes.io/hostname": name } } })
  }
  const resource = (kind: string, name: string, spec: object, apiVersion = "metallb.io/v1beta1") =>
    objects.put({ apiVersion, kind, metadata: { name, namespace: ours }, spec: { ...spec } })
  resource("IPAddressPool", "first", { addresses: ["192.0.2.0/24"] })
  resource("L2Advertisement", "l2", {})
  resource("BGPAdvertisement", "bgp", {})
  const peer = { myASN: 64500, peerASN: 64501, peerAddress: "10.0.0.254" }
  resource("BGPPeer", "router", peer, "metallb.io/v1beta2")
  objects.put({
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress: [{ ip: address }] } },
  })
  objects.put({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.0.1"], nodeName: "alpha", conditions: { ready: true, serving: true } }],
    ports: [{ port: 80 }],
  })
}

test("two speakers' status objects in an API server: who leads, the peers, mended when somebody deletes them", async (t) => {
  const { server, client, pod } = await embeddedCluster(t)
  // Led by charlie while it is alive.
  populate(server, "192.0.2.10")
  const nodes = ["alpha", "charlie"]
  const speakers = await Promise.all(
    nodes.map(async (nodeName) => {
      pod(`speaker-${nodeName}`)
      const { api } = await client(`speaker-${nodeName}`)
      return speaker({ nodeName, api })
    }),
  )
  const [alpha, charlie] = speakers
  if (alpha === undefined || charlie === undefined) return t.fail()
  t.teardown(() => Promise.all(speakers.map(({ system }) => system.stop())))
  /** The API server's time goes by itself, the speakers' does not. */
  const eventually = async (holds: () => boolean, hoped: string) => {
    const passing = async () => {
      for (const one of speakers) await one.pass(500)
    }
    for (const deadline = performance.now() + 30_000; !holds(); await passing()) {
      if (performance.now() > deadline) throw new Error(`still not: ${hoped}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const everybody = async (...members: readonly string[]) => {
    for (const one of speakers) {
      await one.members(...members)
      await one.pass(2000)
    }
  }
  await everybody(...nodes)

  const layer2 = () => said(server, "ServiceL2Status")
  const bgp = () => said(server, "ServiceBGPStatus")
  await eventually(() => layer2() === "default/web@charlie", "the leader's")
  await eventually(() => bgp() === "default/web@alpha router; default/web@charlie router", "one of each node")
  const state = (name: string) => custom(server, "ConfigurationState").find(({ metadata }) => metadata.name === name)
  for (const node of nodes) {
    await eventually(() => objectAt(state(`speaker-${node}`), "status")["result"] === "Valid", `the verdict of ${node}`)
  }
  const owners = custom(server, "ServiceL2Status").flatMap((object) =>
    listOf(objectAt(object, "metadata")["ownerReferences"]).map((owner) => objectAt(owner)["name"]),
  )
  t.deepEqual(owners, ["speaker-charlie"])

  const file = path.join(temporaryDirectory(), "config")
  writeFileSync(file, kubeconfig(server.url))
  // Not in the way of the API server, which lives in this process.
  const kubectl = async (...args: readonly string[]) =>
    promisify(execFile)("kubectl", ["--kubeconfig", file, ...args], { timeout: 60_000 }).then(
      ({ stdout }) => stdout,
      (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? undefined : String(error)),
    )
  const printed = await kubectl("get", "servicel2statuses", "-A")
  if (printed === undefined) t.log("kubectl is not installed: what it prints is not looked at")
  else {
    t.regex(printed, /^NAMESPACE +NAME +ALLOCATED NODE +SERVICE NAME +SERVICE NAMESPACE/)
    t.regex(printed, /\nmetallb-system +l2-\w+ +charlie +web +default/)
    const peers = 'jsonpath={range .items[*]}{.status.node} {.status.peers}{"\\n"}{end}'
    const lines = (await kubectl("get", "servicebgpstatuses", "-A", "-o", peers))?.trim().split("\n").sort()
    t.deepEqual(lines, ['alpha ["router"]', 'charlie ["router"]'])
  }

  await alpha.members("alpha", member("charlie", "dead"))
  await eventually(() => layer2() === "default/web@alpha", "alpha leads, and what charlie left is gone")
  await charlie.members(member("alpha"), member("charlie", "left"))
  await everybody(...nodes)
  await eventually(() => layer2() === "default/web@charlie", "back")

  for (const [kind, plural, now] of [
    ["ServiceL2Status", "servicel2statuses", layer2],
    ["ServiceBGPStatus", "servicebgpstatuses", bgp],
  ] as const) {
    const [before, uids] = [now(), custom(server, kind).map(({ metadata }) => metadata.uid)]
    for (const { metadata } of custom(server, kind))
      server.objects.delete("metallb.io/v1beta1", kind, metadata.name ?? "", ours)
    const isNew = () => custom(server, kind).every(({ metadata }) => !uids.includes(metadata.uid))
    await eventually(() => now() === before && isNew(), `${plural} are there again`)
  }

  server.objects.put({
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name: "bad", namespace: ours },
    spec: { addresses: ["nonsense"] },
  })
  const summary = () => objectAt(state("speaker-charlie"), "status")["errorSummary"]
  await eventually(() => /^configuration error: .*pool "bad"/.test(String(summary())), "what is wrong")
  t.is(layer2(), "default/web@charlie", "the last valid configuration stays")
  server.objects.delete("metallb.io/v1beta1", "IPAddressPool", "bad", ours)
  await eventually(() => objectAt(state("speaker-charlie"), "status")["result"] === "Valid", "valid again")

  server.objects.delete("v1", "Service", "web", "default")
  await eventually(() => layer2() === "" && bgp() === "", "nothing to announce, nothing to say")
})
