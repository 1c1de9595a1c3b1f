import test from "ava"
import fc from "fast-check"
import { checkResource } from "../../../kubernetes/resources/check.ts"
import { convertBGPPeer } from "../../../kubernetes/resources/convert.ts"

const pool = (spec: unknown) => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "IPAddressPool",
  metadata: { name: "blue", namespace: "metallb-system" },
  spec,
})

test("a good pool passes; a bad one is told the field and the rule", (t) => {
  t.deepEqual(checkResource(pool({ addresses: ["192.168.1.0/24"], serviceAllocation: { priority: -1 } })), [])
  t.deepEqual(checkResource(pool({ addresses: ["192.168.1.0/24", 4] })), [
    { path: "spec.addresses[1]", rule: "must be string" },
  ])
  t.deepEqual(checkResource(pool({})), [{ path: "spec", rule: "must have required properties addresses" }])
  t.deepEqual(checkResource({ ...pool({}), spec: undefined }).length > 0, true)
})

test("versions of BGPPeer differ in what they ask for", (t) => {
  const peer = (version: string, spec: object) =>
    checkResource({ apiVersion: `metallb.io/${version}`, kind: "BGPPeer", spec }).map(({ path }) => path)
  t.deepEqual(peer("v1beta2", { myASN: 64512, dynamicASN: "internal", interface: "eth0" }), [])
  t.deepEqual(peer("v1beta2", { myASN: 64512, dynamicASN: "any" }), ["spec.dynamicASN"])
  t.deepEqual(peer("v1beta2", { myASN: 64512, peerPort: 0 }), ["spec.peerPort"])
  t.deepEqual(peer("v1beta1", { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1", peerPort: 0 }), [])
  t.deepEqual(peer("v1beta1", { myASN: 4_294_967_296, peerASN: 1, peerAddress: "10.0.0.1" }), ["spec.myASN"])
})

test("an unknown kind or version is said, and anything at all gets an answer", (t) => {
  t.deepEqual(checkResource({ apiVersion: "metallb.io/v1", kind: "IPAddressPool" }), [
    { path: "", rule: "no kind IPAddressPool in metallb.io/v1" },
  ])
  const values = fc.anything()
  fc.assert(
    fc.property(values, values, (spec, status) => {
      t.true(Array.isArray(checkResource(spec)))
      t.true(Array.isArray(checkResource({ ...pool(spec), status })))
    }),
  )
  t.pass()
})

test("a v1beta1 peer becomes v1beta2 with set times; the way back drops what v1beta1 cannot say", (t) => {
  const old = {
    apiVersion: "metallb.io/v1beta1",
    kind: "BGPPeer",
    metadata: { name: "tor", uid: "u" },
    spec: { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1", nodeSelectors: [{}] },
  }
  const now = convertBGPPeer(old, "v1beta2")
  t.deepEqual(now, {
    ...old,
    apiVersion: "metallb.io/v1beta2",
    spec: { ...old.spec, holdTime: "0s", keepaliveTime: "0s" },
  })
  t.deepEqual(checkResource(now), [])
  const back = convertBGPPeer({ ...now, spec: { ...old.spec, holdTime: "90s", vrf: "red" } }, "v1beta1")
  t.deepEqual(back.spec as object, {
    ...old.spec,
    holdTime: "90s",
    keepaliveTime: "0s",
    nodeSelectors: [{ matchLabels: {}, matchExpressions: [] }],
  })
  t.is(convertBGPPeer(now, "v1beta2"), now)
})
