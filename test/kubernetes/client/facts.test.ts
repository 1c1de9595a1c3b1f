import test from "ava"
import fc from "fast-check"
import { namespaceFacts, nodeFacts, speakerPodFacts } from "../../../kubernetes/client/facts/cluster.ts"
import { sliceFacts } from "../../../kubernetes/client/facts/endpoints.ts"
import { resourceFacts } from "../../../kubernetes/client/facts/resource.ts"
import { serviceFacts } from "../../../kubernetes/client/facts/service.ts"
import { isObject } from "../../../kubernetes/client/json.ts"

test("a Service in our words", (t) => {
  const facts = serviceFacts({
    metadata: {
      name: "web",
      namespace: "shop",
      uid: "u1",
      resourceVersion: "7",
      labels: { app: "web" },
      annotations: { "metallb.io/address-pool": "blue" },
    },
    spec: {
      type: "LoadBalancer",
      loadBalancerClass: "metallb",
      loadBalancerIP: "",
      clusterIP: "10.96.0.7",
      clusterIPs: ["10.96.0.7", "fd00::7"],
      ipFamilies: ["IPv4", "IPv6"],
      ipFamilyPolicy: "PreferDualStack",
      externalTrafficPolicy: "Local",
      selector: { app: "web" },
      ports: [{ name: "http", port: 80, targetPort: "web", protocol: "TCP", nodePort: 30080 }, { port: 53 }],
    },
    status: { loadBalancer: { ingress: [{ ip: "192.168.1.1", ipMode: "VIP" }, { hostname: "elsewhere" }] } },
  })
  t.deepEqual(facts, {
    key: "shop/web",
    namespace: "shop",
    name: "web",
    uid: "u1",
    resourceVersion: "7",
    labels: { app: "web" },
    annotations: { "metallb.io/address-pool": "blue" },
    type: "LoadBalancer",
    loadBalancerClass: "metallb",
    clusterIPs: ["10.96.0.7", "fd00::7"],
    ipFamilies: ["IPv4", "IPv6"],
    ipFamilyPolicy: "PreferDualStack",
    externalTrafficPolicy: "Local",
    selector: { app: "web" },
    ports: [
      { protocol: "TCP", port: 80 },
      { protocol: "TCP", port: 53 },
    ],
    ingress: [{ ip: "192.168.1.1" }, { ip: "" }],
  })
})

test("a slice belongs to the Service its label names; absent conditions stay absent", (t) => {
  const slice = {
    metadata: { name: "web-x1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
    endpoints: [
      { addresses: ["10.0.0.1"], nodeName: "n1", conditions: { ready: true, serving: true, terminating: false } },
      { addresses: ["10.0.0.2"], conditions: {} },
      { addresses: ["10.0.0.3"], nodeName: "n2", conditions: { ready: false } },
    ],
  }
  t.deepEqual(sliceFacts(slice), {
    service: "shop/web",
    endpoints: [
      { addresses: ["10.0.0.1"], nodeName: "n1", ready: true, serving: true },
      { addresses: ["10.0.0.2"] },
      { addresses: ["10.0.0.3"], nodeName: "n2", ready: false },
    ],
  })
  t.is(sliceFacts({ ...slice, metadata: { name: "x", namespace: "shop" } }), undefined)
})

test("of a Node: labels, internal addresses, and whether its network is there", (t) => {
  const node = (status: string) =>
    nodeFacts({
      metadata: { name: "n1", labels: { zone: "a" } },
      status: {
        addresses: [
          { type: "Hostname", address: "n1" },
          { type: "InternalIP", address: "10.0.0.1" },
          { type: "InternalIP", address: "FD00::1" },
          { type: "ExternalIP", address: "203.0.113.1" },
        ],
        conditions: [
          { type: "Ready", status: "True" },
          { type: "NetworkUnavailable", status },
        ],
      },
    })
  t.deepEqual(node("True") as unknown, {
    name: "n1",
    labels: { zone: "a" },
    networkUnavailable: true,
    internalIPs: ["10.0.0.1", "fd00::1"],
  })
  t.false(node("False").networkUnavailable)
  const tainted = (taints: unknown) => nodeFacts({ metadata: { name: "n1" }, spec: { taints } }).taints
  t.is(tainted([]), undefined)
  t.deepEqual(
    tainted([
      { key: "troupe.dev/drain", effect: "NoSchedule" },
      { key: "b", value: "v", effect: "NoExecute", timeAdded: "2026-01-01T00:00:00Z" },
      { key: "b", value: "v", effect: "NoSchedule" },
    ]),
    [
      { key: "b", value: "v", effect: "NoExecute" },
      { key: "b", value: "v", effect: "NoSchedule" },
      { key: "troupe.dev/drain", value: "", effect: "NoSchedule" },
    ],
  )
  t.is(speakerPodFacts({ metadata: { name: "speaker-x" }, status: { phase: "Pending" } }), undefined)
})

test("strange objects never throw", (t) => {
  const branch = fc.object({
    key: fc.constantFrom(
      "metadata",
      "spec",
      "status",
      "name",
      "labels",
      "conditions",
      "endpoints",
      "ports",
      "ingress",
      "addresses",
      "loadBalancer",
      "kubernetes.io/service-name",
    ),
    maxDepth: 5,
  })
  fc.assert(
    fc.property(branch, (object) => {
      const value = isObject(object) ? object : {}
      for (const translate of [serviceFacts, sliceFacts, nodeFacts, namespaceFacts, speakerPodFacts]) translate(value)
      resourceFacts(value, "metallb.io/v1beta1", "IPAddressPool")
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
