import { parseAllDocuments } from "yaml"
import { isObject, type JsonObject, listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { until } from "../../lab/wait.ts"
import type { Daemon } from "../controller/daemon.ts"
import { apps, bfdProfile, bgpPeer, home, pool } from "./objects.ts"
import type { Scenario } from "./scenario.ts"
import { patienceMs } from "./daemons.ts"
import { deployed, type World } from "./world.ts"

const configuration =
  "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/metallb-webhook-configuration"
const definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bgppeers.metallb.io"

/** Nobody routes a cluster IP here: the name of the Service leads to this machine, and to the port that was free. */
function reachable(documents: readonly JsonObject[], port: number): readonly JsonObject[] {
  return documents.map((document) => {
    if (document["kind"] === "Service")
      return { ...document, spec: { type: "ExternalName", externalName: "127.0.0.1" } }
    if (document["kind"] !== "ValidatingWebhookConfiguration") return document
    const webhooks = listOf(document["webhooks"]).map((webhook) => {
      const service = { ...objectAt(webhook, "clientConfig", "service"), port }
      return { ...objectAt(webhook), clientConfig: { service } }
    })
    return { ...document, webhooks }
  })
}

async function begin(world: World): Promise<{ readonly daemon: Daemon; readonly end: () => Promise<void> }> {
  const { apply, read, request, ok } = world
  await world.daemons.stopController()
  const daemon = await world.daemons.start("controller", "--webhook-port=0")
  world.daemons.adopt(daemon)
  await world.daemons.ready(daemon)
  const port = await until("the webhook port", patienceMs, async () => {
    const line = daemon.lines().find(({ msg }) => msg === "webhooks enabled")
    return typeof line?.["port"] === "number" ? line["port"] : undefined
  })
  const documents = parseAllDocuments(deployed("webhooks.yaml")).map((document) => objectAt(document.toJS()))
  // The Secret is there: the controller has made it.
  await apply(...reachable(documents, port).filter(({ kind }) => kind !== "Secret"))
  await conversionPort(world, port)
  const trusted = async () => {
    const caOf = (config: unknown) => textOf(objectAt(config)["caBundle"])
    const webhooks = listOf((await read(configuration))?.["webhooks"]).map((one) => objectAt(one, "clientConfig"))
    const conversion = objectAt(await read(definition), "spec", "conversion", "webhook", "clientConfig")
    return [...webhooks, conversion].every((config) => caOf(config) !== "")
  }
  await until("the CA in every webhook", patienceMs, trusted)
  // The API server takes up a changed configuration in its own time: until it asks, everything is let in.
  await until("the API server to ask", patienceMs, async () => {
    const { code } = await world.kubectl("apply --dry-run=server -f -", JSON.stringify(pool("probe", [])))
    return code !== 0
  })
  return {
    daemon,
    end: async () => {
      await ok("delete validatingwebhookconfiguration metallb-webhook-configuration")
      await request({
        verb: "delete",
        path: `/api/v1/namespaces/${home}/services/metallb-webhook-service`,
        resource: "services",
      })
      await world.daemons.stopController()
    },
  }
}

const conversionPort = ({ request }: World, port: number) =>
  request({
    verb: "patch",
    path: definition,
    resource: "customresourcedefinitions",
    contentType: "application/merge-patch+json",
    body: { spec: { conversion: { webhook: { clientConfig: { service: { port } } } } } },
  })

const peer = { myASN: 64_500, peerASN: 64_501, peerAddress: "192.0.2.254" }

export const webhookScenarios: readonly Scenario[] = [
  {
    name: "the API server asks our webhooks, and converts BGPPeers by them",
    needs: "webhooks",
    async run(t, world) {
      const { apply, refused, ok, kubectl, read } = world
      const { end } = await begin(world)
      try {
        await apply(pool("p", ["192.0.2.0/24"]))
        t.regex(
          await refused(pool("q", ["192.0.2.128/25"])),
          /admission webhook "ipaddresspoolvalidationwebhook\.metallb\.io" denied the request: .*CIDR "192\.0\.2\.128\/25" in pool "q" overlaps with already defined CIDR "192\.0\.2\.0\/24"/,
        )
        t.regex(
          await refused({ ...pool("q", ["198.51.100.0/24"]), metadata: { name: "q", namespace: apps } }),
          /denied the request: resource must be created in metallb-system namespace/,
        )
        t.regex(
          await refused(bgpPeer("self", { ...peer, myASN: 0 })),
          /denied the request: .*parsing peer self missing local ASN/,
        )
        const warned = await kubectl("apply -f -", JSON.stringify(bgpPeer("new", { ...peer, disableMP: true })))
        t.is(warned.code, 0)
        t.regex(warned.error, /Warning: disable mp is deprecated and has no effect/)

        await apply(bfdProfile("fast"), bgpPeer("watched", { ...peer, peerAddress: "192.0.2.253", bfdProfile: "fast" }))
        const kept = await kubectl(["delete", "bfdprofile", "fast", "-n", home])
        t.regex(kept.error, /failed to delete BFDProfile fast, used by BGPPeer watched/)
        await ok(["delete", "bgppeer", "watched", "-n", home])
        await ok(["delete", "bfdprofile", "fast", "-n", home])

        // Written in one version, read in the other.
        const selector = { matchLabels: { a: "b" }, matchExpressions: [{ key: "k", operator: "In", values: ["v"] }] }
        const old = await kubectl(
          "apply -f -",
          JSON.stringify(bgpPeer("old", { ...peer, peerAddress: "192.0.2.252", nodeSelectors: [selector] }, "v1beta1")),
        )
        t.is(old.code, 0, old.error)
        t.regex(old.error, /Warning: v1beta1 is deprecated, please use v1beta2/)
        const at = (version: string, name: string) =>
          read(`/apis/metallb.io/${version}/namespaces/${home}/bgppeers/${name}`)
        t.like((await at("v1beta2", "old"))?.["spec"], {
          ...peer,
          peerAddress: "192.0.2.252",
          holdTime: "0s",
          nodeSelectors: [selector],
        })
        t.like((await at("v1beta1", "new"))?.["spec"], { ...peer, peerPort: 179, holdTime: "0s", keepaliveTime: "0s" })
        t.regex(await ok(["get", "bgppeers.v1beta1.metallb.io", "-n", home]), /new +192\.0\.2\.254 +64501/)
      } finally {
        await end()
      }
    },
  },
  {
    name: "webhook certificates are made anew when their Secret is gone, and the API server trusts the new ones",
    needs: "webhooks",
    async run(t, world) {
      const { ok, read, refused, apply } = world
      const { end } = await begin(world)
      try {
        const bundles = async () =>
          listOf((await read(configuration))?.["webhooks"])
            .filter(isObject)
            .map((webhook) => textOf(objectAt(webhook, "clientConfig")["caBundle"]))
        const before = await bundles()
        await ok(["delete", "secret", "metallb-webhook-cert", "-n", home])
        await until("a new CA", patienceMs, async () =>
          (await bundles()).every((ca) => ca !== "" && !before.includes(ca)),
        )
        const trusted = async () =>
          (await world.kubectl("apply -f -", JSON.stringify(pool("p", ["192.0.2.0/24"])))).code === 0
        await until("the API server to trust it", patienceMs, trusted)
        t.regex(await refused(pool("q", ["192.0.2.0/25"])), /overlaps with already defined CIDR/)
        await apply(pool("q", ["198.51.100.0/24"]))
      } finally {
        await end()
      }
    },
  },
]
