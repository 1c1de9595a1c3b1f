import test from "ava"
import type { Mode } from "../../config/modes.ts"
import { checkManifests } from "../../cli/manifests/check.ts"
import { parseManifests } from "../../cli/manifests/parse.ts"

const options = { mode: "native" as Mode, home: "metallb-system", complete: false }

/** What `config check` prints of one text, as `severity line object field: text`. */
function check(text: string, more: Partial<typeof options> = {}): string[] {
  const { manifests, faults } = parseManifests([{ name: "f", text }])
  const { findings, valid } = checkManifests(manifests, faults, { ...options, ...more })
  if (valid === findings.some(({ severity }) => severity === "error")) throw new Error("valid, and yet it is not")
  return findings.map(({ severity, line, object, field = "", text }) =>
    `${severity === "error" ? "" : "warning "}${line} ${object ?? ""} ${field}: ${text}`.replace(/ +:/, ":"),
  )
}

const resource = (kind: string, name: string, spec: string, version = "v1beta1") => `
apiVersion: metallb.io/${version}
kind: ${kind}
metadata:
  name: ${name}
spec:
${spec.replace(/^/gm, "  ")}
---`
const l2 = resource("L2Advertisement", "all", "{}")
const pool = (name: string, addresses: string) => resource("IPAddressPool", name, `addresses: [${addresses}]`)

test("a valid file", (t) => t.deepEqual(check(pool("a", "10.0.0.0/24") + l2), []))

test("each fault has file, line, object, field and rule", (t) => {
  t.deepEqual(
    check(`# pools
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: a
spec:
  adresses: [10.0.0.0/24]
  addresses:
    - 10.0.0.0/24
    - 7
  autoAssign: yes
---
apiVersion: v1
kind: List
items:
- apiVersion: metallb.io/v1beta2
  kind: BGPPeer
  metadata: {name: tor, namespace: metallb-system}
  spec:
    myASN: 64512
    peerASN: 64513
    peerAddress: 10.0.0.1
    connectTime: 500ms
- apiVersion: metallb.io/v1beta1
  kind: IPAddressPool
  metadata: {name: B, namespace: elsewhere}
  spec:
    addresses: [10.0.1.0/24]
`),
    [
      '7 IPAddressPool metallb-system/a spec.adresses: unknown field "spec.adresses"',
      '10 IPAddressPool metallb-system/a spec.addresses[1]: Invalid value: "integer": spec.addresses[1] in body must be of type string: "integer"',
      '23 BGPPeer metallb-system/tor spec.connectTime: Invalid value: "string": connect time should be between 1 seconds to 65535',
      '23 BGPPeer metallb-system/tor spec.connectTime: Invalid value: "string": connect time should contain a whole number of seconds',
      `26 IPAddressPool elsewhere/B metadata.name: Invalid value: "B": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
      "26 IPAddressPool elsewhere/B metadata.namespace: resource must be created in metallb-system namespace",
    ],
  )
})

test("the configuration as a whole: MetalLB's texts at the line of the field", (t) => {
  t.deepEqual(check(pool("a", "10.0.0.0/24") + pool("b", "10.0.0.128-10.0.0.129") + l2), [
    '14 IPAddressPool metallb-system/b spec.addresses: CIDR "10.0.0.128/31" in pool "b" overlaps with already defined CIDR "10.0.0.0/24"',
  ])
})

test("local preferences that clash are found without a Node among the files", (t) => {
  const advertisement = (name: string, more: string) =>
    resource("BGPAdvertisement", name, `ipAddressPools: [a]\n${more}`)
  const peer = resource("BGPPeer", "p", "{myASN: 1, peerASN: 2, peerAddress: 10.9.9.9}", "v1beta2")
  const found = check(
    pool("a", "10.0.0.0/24") + advertisement("x", "localPref: 1") + advertisement("y", "localPref: 2") + peer,
  )
  t.deepEqual(found, [
    "23 BGPAdvertisement metallb-system/y spec.localPref: invalid local preference 2: local preferernce 1 was already set for the same type of BGP update. Check existing BGP advertisements with common pools and aggregation lengths",
  ])
})

test("modes refuse what they cannot do", (t) => {
  const peers =
    resource("BGPPeer", "p", "{myASN: 1, peerASN: 2, peerAddress: 10.9.9.9}", "v1beta2") +
    resource("BGPPeer", "q", "{myASN: 1, peerASN: 2, peerAddress: 10.9.9.9, vrf: red, routerID: 1.1.1.1}", "v1beta2")
  t.deepEqual(check(peers, { mode: "frr" }), [
    "14 BGPPeer metallb-system/q spec.routerID: peer 1.1.1.1 has RouterID different from , in FRR mode peers selecting the same node must all have the same RouterID",
  ])
  t.deepEqual(check(peers, { mode: "metallb-native" }), [
    "14 BGPPeer metallb-system/q spec.vrf: peer 10.9.9.9 has vrf set on native bgp mode",
  ])
})

test("an alias that no file defines may be in the cluster", (t) => {
  const advertisement = resource("BGPAdvertisement", "b", "{communities: [vpn]}")
  const fault = 'invalid community format: vpn\ninvalid community "vpn" in BGP advertisement'
  const hint = "\nit is not among what was checked: with --kubeconfig the cluster is asked too"
  const at = "7 BGPAdvertisement metallb-system/b spec.communities"
  const errors = (found: readonly string[]) => found.filter((line) => !line.startsWith("warning"))
  t.deepEqual(errors(check(advertisement)), [`${at}: ${fault}${hint}`])
  t.deepEqual(errors(check(advertisement, { complete: true })), [`${at}: ${fault}`])
})

test("what is named and not among the files: the Secret is a warning, the BFD profile is not", (t) => {
  const peer = resource(
    "BGPPeer",
    "p",
    "{myASN: 1, peerASN: 2, peerAddress: 10.9.9.9, passwordSecret: {name: s}, bfdProfile: b}",
    "v1beta2",
  )
  const hint = "\nit is not among what was checked: with --kubeconfig the cluster is asked too"
  const missing =
    'parsing peer p secret ref not found for peer config "metallb-system"/"p"\nfailed to parse peer p password secret'
  const profile = "peer p referencing non existing bfd profile b"
  t.deepEqual(check(peer, { mode: "frr" }), [
    `warning 7 BGPPeer metallb-system/p spec.passwordSecret: ${missing}${hint}`,
    `7 BGPPeer metallb-system/p spec.bfdProfile: ${profile}${hint}`,
  ])
  t.deepEqual(check(peer, { mode: "frr", complete: true }).slice(0, 1), [
    `7 BGPPeer metallb-system/p spec.passwordSecret: ${missing}`,
  ])
  const secret = `
apiVersion: v1
kind: Secret
type: kubernetes.io/basic-auth
metadata: {name: s, namespace: metallb-system}
stringData: {password: very-secret}
---`
  const all = check(peer + secret + resource("BFDProfile", "b", "{detectMultiplier: 3}"), { mode: "frr" })
  t.deepEqual(all, [])
})

test("text for FRR does nothing where FRR does not run", (t) => {
  const extras = (namespace: string, text: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: bgpextras, namespace: ${namespace}}
data: {extras: ${text}}
---`
  const warning =
    "warning 5 ConfigMap metallb-system/bgpextras data.extras: configuration for FRR: it does nothing here"
  t.deepEqual(check(extras("metallb-system", "route-map x")), [warning])
  t.deepEqual(check(extras("metallb-system", "route-map x"), { mode: "frr" }), [])
  t.deepEqual(check(extras("metallb-system", '""') + extras("elsewhere", "route-map x")), [])
})

test("a secret is in no output", (t) => {
  const text = `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: p}
spec: {myASN: 0, password: very-secret, passwordSecret: {name: s}, peerPort: very-secret-too}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: metallb-system}
stringData: {password: very-secret
---
password: [very-secret`
  const found = check(text).join("\n")
  t.true(found.length > 0)
  t.notRegex(found, /very-secret(?!-too)/)
})

test("what is valid and probably not meant is a warning", (t) => {
  t.deepEqual(
    check(
      pool("a", "10.0.0.0/24") +
        resource("L2Advertisement", "x", "ipAddressPools:\n- b") +
        resource("BGPAdvertisement", "y", "ipAddressPools: [c]\npeers: [nobody]"),
    ),
    [
      "warning 2 IPAddressPool metallb-system/a: no L2Advertisement and no BGPAdvertisement selects this pool: its addresses are given and not announced",
      "warning 15 L2Advertisement metallb-system/x spec.ipAddressPools[0]: there is no IPAddressPool b: the name means nothing",
      "warning 17 BGPAdvertisement metallb-system/y: there is no BGPPeer: nobody hears of it",
      "warning 22 BGPAdvertisement metallb-system/y spec.ipAddressPools[0]: there is no IPAddressPool c: the name means nothing",
      "warning 23 BGPAdvertisement metallb-system/y spec.peers[0]: there is no BGPPeer nobody: the name means nothing",
    ],
  )
})

test("old versions, removed kinds and the old ConfigMap", (t) => {
  t.deepEqual(
    check(
      resource("BGPPeer", "p", "{myASN: 1, peerASN: 2, peerAddress: 10.9.9.9}") +
        resource("AddressPool", "old", "{}") +
        `
apiVersion: v1
kind: ConfigMap
metadata: {name: config, namespace: metallb-system}
data:
  config: |
    address-pools:
    - name: x
---`,
    ),
    [
      "warning 2 BGPPeer metallb-system/p apiVersion: v1beta1 is deprecated, please use v1beta2",
      "10 AddressPool metallb-system/old kind: no kind AddressPool in metallb.io: it became IPAddressPool, with advertisements of their own",
      "warning 16 ConfigMap metallb-system/config: MetalLB's configuration before 0.13, which nobody reads any more: see troupe migrate configmap",
    ],
  )
})

test("files that are no manifests", (t) => {
  for (const [text, expected] of [
    ["a: [\n", "2: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ["a: 1\na: 2\n", "2: not YAML: Map keys must be unique"],
    ["- 1\n", "1: a document that is no object"],
    ["\nkind: Service\n", "2: a Service without apiVersion"],
    ["spec: {}\n", "1: an object without kind"],
  ] as const)
    t.deepEqual(check(text), [expected])
  t.deepEqual(check("---\n# nothing\n---\n"), [])
})

test("the same name twice, also across a List in JSON", (t) => {
  const one = { apiVersion: "metallb.io/v1beta1", kind: "L2Advertisement", metadata: { name: "a" } }
  const text = JSON.stringify(
    { apiVersion: "metallb.io/v1beta1", kind: "L2AdvertisementList", items: [one, one] },
    null,
    1,
  )
  t.deepEqual(check(text), ["12 L2Advertisement metallb-system/a: defined twice, first at f:5"])
})

test("annotations of ours: their faults, and those that nobody reads", (t) => {
  const annotated = (annotations: string) =>
    resource("BGPAdvertisement", "a", "{}").replace("  name: a", `  name: a\n  annotations: {${annotations}}`)
  const around = pool("p", "10.0.0.0/24") + resource("BGPPeer", "tor", tor, "v1beta2")
  t.deepEqual(check(around + annotated('troupe.dev/med: "10", example.com/med: "x"')), [])
  t.deepEqual(check(around + annotated('troupe.dev/med: "ten", troupe.dev/MED: "10"')), [
    '22 BGPAdvertisement metallb-system/a metadata.annotations: invalid troupe.dev/med "ten": must be 0 to 4294967295',
    "warning 22 BGPAdvertisement metallb-system/a metadata.annotations: a BGPAdvertisement has no annotation troupe.dev/MED; there are troupe.dev/med, troupe.dev/as-path-prepend",
  ])
})

const tor = "myASN: 64512\npeerASN: 64513\npeerAddress: 10.0.0.1"
