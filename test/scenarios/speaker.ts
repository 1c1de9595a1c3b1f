import { chmodSync } from "node:fs"
import net from "node:net"
import path from "node:path"
import { type JsonObject, listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { until } from "../../lab/wait.ts"
import { Wire } from "../io/namespaces.ts"
import { apps, bgpPeer, home, layer2Advertisement, pool, service } from "./objects.ts"
import type { Scenario } from "./scenario.ts"
import { patienceMs } from "./daemons.ts"
import type { World } from "./world.ts"

const nodeName = "troupe-node-1"
const node: JsonObject = { apiVersion: "v1", kind: "Node", metadata: { name: nodeName, labels: { zone: "a" } } }
const pod: JsonObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "speaker-1", namespace: home, labels: { component: "speaker" } },
  spec: {
    nodeName,
    serviceAccountName: "speaker",
    automountServiceAccountToken: false,
    containers: [{ name: "speaker", image: "troupe" }],
  },
}
const endpoints = (name: string): JsonObject => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: `${name}-1`, namespace: apps, labels: { "kubernetes.io/service-name": name } },
  addressType: "IPv4",
  ports: [{ name: "p80", port: 80, protocol: "TCP" }],
  endpoints: [{ addresses: ["192.0.2.2"], nodeName, conditions: { ready: true } }],
})

/** The API server is on this machine's loopback; a network namespace has its own. */
async function relayInto(wire: Wire, { directory, apiServer }: World): Promise<{ url: string; stop: () => void }> {
  const socket = path.join(directory, "api.sock")
  const { hostname, port, protocol } = new URL(apiServer)
  const relay = net.createServer((client) => {
    const api = net.connect(Number(port), hostname)
    client.pipe(api).pipe(client)
    client.on("error", () => api.destroy())
    api.on("error", () => client.destroy())
  })
  await new Promise<void>((resolve) => relay.listen(socket, resolve))
  chmodSync(socket, 0o600)
  const agent = new URL("../../lab/node-agent.ts", import.meta.url)
  wire.start(agent, "--name", nodeName, "--api-socket", socket, "--api-port", "6443")
  return { url: `${protocol}//127.0.0.1:6443`, stop: () => void relay.close() }
}

export const speakerScenarios: readonly Scenario[] = [
  {
    name: "a speaker announces what the controller assigns, and says so, by its role",
    needs: "wire",
    async run(t, world) {
      const { apply, gets, read, event, ok, custom } = world
      const wire = new Wire("scenario")
      wire.up()
      const relay = await relayInto(wire, world)
      t.teardown(async () => {
        await wire.down()
        relay.stop()
        await ok(["delete", `pod/speaker-1`, "-n", home, "--wait=false", "--grace-period=0", "--force"])
        await ok(["delete", "node", nodeName])
      })
      await apply(node, pod)
      const speaker = world.daemons.startInside(
        wire.host,
        "speaker",
        `--kubeconfig=${await world.kubeconfigOf("speaker", relay.url)}`,
        `--node-name=${nodeName}`,
        "--pod-name=speaker-1",
      )
      await apply(pool("p", ["192.0.2.100/30"]), layer2Advertisement("all"), service("web"), endpoints("web"))
      const { addresses } = await gets("web", ["192.0.2.100"])
      const [address = ""] = addresses
      const answered = async () =>
        (await wire.clientTries("arping", "-c", "1", "-w", "1", "-I", "eth0", address)).includes(Wire.hostMac)
      await until("an ARP answer", patienceMs, answered)
      await event("web", `Normal nodeAssigned: announcing from node "${nodeName}" with protocol "layer2"`)
      const statuses = async () =>
        listOf((await read(`/apis/metallb.io/v1beta1/namespaces/${home}/servicel2statuses`))?.["items"]).map((one) => ({
          status: objectAt(one, "status"),
          owners: listOf(objectAt(one, "metadata")["ownerReferences"]).map((owner) => objectAt(owner)["name"]),
        }))
      const [told] = await until("a ServiceL2Status", patienceMs, async () => {
        const now = await statuses()
        return now.some(({ status }) => status["node"] !== undefined) && now
      })
      t.like(told?.status, { node: nodeName, serviceName: "web", serviceNamespace: apps })
      t.deepEqual(told?.owners, ["speaker-1"])
      t.regex(await ok(["get", "servicel2statuses", "-n", home]), new RegExp(`l2-\\S+ +${nodeName} +web +${apps}`))

      // What is wrong with its configuration is told by the speaker, which alone reads peers and their Secrets.
      const peer = { myASN: 64_500, peerASN: 64_501, peerAddress: "192.0.2.1" }
      await apply(bgpPeer("locked", { ...peer, passwordSecret: { name: "key" } }))
      const result = (wanted: string) =>
        until(`the speaker's configuration to be ${wanted}`, patienceMs, async () => {
          const status = objectAt(await custom("configurationstates", `speaker-${nodeName}`), "status")
          return status["result"] === wanted && status
        })
      t.regex(
        textOf((await result("Invalid"))["errorSummary"]),
        /secret ref not found for peer config "metallb-system"\/"locked"/,
      )
      const password = Buffer.from("secret").toString("base64")
      await apply({
        apiVersion: "v1",
        kind: "Secret",
        type: "kubernetes.io/basic-auth",
        metadata: { name: "key", namespace: home },
        data: { password },
      })
      await result("Valid")
      t.true(await answered())

      await ok(["delete", "service", "web", "-n", apps])
      await until("no ServiceL2Status", patienceMs, async () => (await statuses()).length === 0)
      t.false(await answered())
      t.deepEqual(world.daemons.forbidden(), [])
      await ok(["delete", "secret", "key", "-n", home])
      await world.daemons.end(speaker)
    },
  },
]
