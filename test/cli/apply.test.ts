import test from "ava"
import { applied, sameObject } from "../../cli/manifests/apply.ts"
import { completeService, familiesOf } from "../../cli/manifests/complete-service.ts"
import { objectSet } from "../../cli/manifests/objects.ts"
import type { JsonObject } from "../../kubernetes/client/json.ts"

const last = (spec: JsonObject, annotations: JsonObject = {}) => ({
  "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({ metadata: { annotations }, spec }),
})

test("an apply replaces what it says, removes what it said before, and leaves what others wrote", (t) => {
  const present = {
    kind: "Service",
    metadata: {
      name: "a",
      uid: "1",
      annotations: { ...last({ old: 1, kept: 1, deep: { gone: 1 } }, { mine: "x" }), mine: "x", theirs: "y" },
    },
    spec: { old: 1, kept: 1, deep: { gone: 1, stays: 2 }, clusterIP: "10.0.0.1", list: [1, 2] },
    status: { from: "server" },
  }
  const manifest = {
    kind: "Service",
    metadata: { name: "a" },
    spec: { kept: 2, deep: {}, list: [3], nothing: null },
    status: { from: "manifest" },
  }
  const result = applied(present, manifest)
  t.deepEqual(result["spec"], { kept: 2, deep: { stays: 2 }, clusterIP: "10.0.0.1", list: [3] })
  t.deepEqual(result["status"], { from: "server" })
  t.like(result["metadata"], { uid: "1", annotations: { theirs: "y", mine: undefined } })
  t.false(sameObject(present, result))
  t.true(sameObject(result, applied(result, manifest)))
  t.deepEqual(applied(result, { ...manifest, spec: {} })["spec"], { clusterIP: "10.0.0.1" })
})

const service = (spec: JsonObject, name = "a") => ({ kind: "Service", metadata: { name, namespace: "default" }, spec })
const families = (...all: JsonObject[]) => familiesOf(objectSet(all, "metallb-system"))

test("the cluster's families are told from ServiceCIDRs, nodes, or Services", (t) => {
  const own = (...clusterIPs: string[]) => service({ clusterIPs }, "kubernetes")
  const node = (...podCIDRs: string[]) => ({ kind: "Node", metadata: { name: "n" }, spec: { podCIDRs } })
  const range = (...cidrs: string[]) => ({ kind: "ServiceCIDR", metadata: { name: "kubernetes" }, spec: { cidrs } })
  t.deepEqual(families(), { families: ["IPv4"], certain: false })
  t.deepEqual(families(own("fd00::1")), { families: ["IPv6"], certain: false })
  t.deepEqual(families(own("10.0.0.1"), service({ clusterIPs: ["10.0.0.2", "fd00::2"] }, "b")), {
    families: ["IPv4", "IPv6"],
    certain: true,
  })
  t.deepEqual(families(own("fd00::1"), node("10.1.0.0/24", "fd01::/64")), { families: ["IPv6", "IPv4"], certain: true })
  t.deepEqual(families(own("10.0.0.1"), node("10.1.0.0/24")), { families: ["IPv4"], certain: true })
  t.deepEqual(families(range("10.0.0.0/16"), node("10.1.0.0/24", "fd01::/64")), { families: ["IPv4"], certain: true })
  t.deepEqual(families(range("fd00::/108", "10.0.0.0/16")), { families: ["IPv6", "IPv4"], certain: true })
})

test("a Service gets the cluster IPs that its policy means, and keeps those it has", (t) => {
  const spec = (given: JsonObject, both = true, before?: JsonObject) =>
    completeService(service(given), both ? ["IPv4", "IPv6"] : ["IPv4"], before && service(before))["spec"]
  const type = "LoadBalancer"
  t.like(spec({ type }), { clusterIPs: ["0.0.0.0"], ipFamilies: ["IPv4"], externalTrafficPolicy: "Cluster" })
  t.like(spec({ type, ipFamilies: ["IPv6"] }), { clusterIPs: ["::"] })
  t.like(spec({ type, ipFamilyPolicy: "PreferDualStack" }), { clusterIPs: ["0.0.0.0", "::"] })
  t.like(spec({ type, ipFamilyPolicy: "PreferDualStack" }, false), { clusterIPs: ["0.0.0.0"] })
  t.like(spec({ type, ipFamilyPolicy: "RequireDualStack", clusterIPs: ["fd00::1"] }), {
    clusterIPs: ["fd00::1", "0.0.0.0"],
  })
  t.like(spec({ type, clusterIPs: ["10.0.0.1", "fd00::1"] }, true, { ipFamilyPolicy: "PreferDualStack" }), {
    clusterIPs: ["10.0.0.1", "fd00::1"],
    ipFamilyPolicy: "PreferDualStack",
  })
  t.like(spec({ clusterIP: "None" }), { clusterIP: "None" })
})

test("what is no LoadBalancer any more has no status", (t) => {
  const status = { loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } }
  t.deepEqual(completeService({ ...service({ type: "LoadBalancer" }), status }, ["IPv4"])["status"], status)
  t.deepEqual(completeService({ ...service({ type: "ClusterIP" }), status }, ["IPv4"])["status"], { loadBalancer: {} })
})
