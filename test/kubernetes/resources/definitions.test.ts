import test from "ava"
import { readdirSync, readFileSync } from "node:fs"
import { parse } from "yaml"
import type {
  BGPAdvertisementSpec as BGPAdvertisementFacts,
  BGPPeerSpec as BGPPeerFacts,
  CommunitySpec as CommunityFacts,
  IPAddressPoolSpec as IPAddressPoolFacts,
  L2AdvertisementSpec as L2AdvertisementFacts,
} from "../../../config/facts.ts"
import type { BGPAdvertisementSpec } from "../../../kubernetes/resources/bgp-advertisement.ts"
import type { BGPPeerSpec } from "../../../kubernetes/resources/bgp-peer.ts"
import type { CommunitySpec } from "../../../kubernetes/resources/community.ts"
import { definitions } from "../../../kubernetes/resources/definitions.ts"
import type { IPAddressPoolSpec } from "../../../kubernetes/resources/ip-address-pool.ts"
import type { L2AdvertisementSpec } from "../../../kubernetes/resources/l2-advertisement.ts"
import { structural } from "../../../kubernetes/resources/structural.ts"
import { crdYaml } from "../../../kubernetes/resources/yaml.ts"

// Checked by the compiler: what a schema lets in is what config/ reads, and neither side has a field the other lacks.
type Fits<Schema extends Facts, Facts> = Exclude<keyof Schema, keyof Facts> | Exclude<keyof Facts, keyof Schema>
type Nothing<Unmatched extends readonly never[]> = Unmatched
export type UnmatchedFields = Nothing<
  [
    Fits<IPAddressPoolSpec, IPAddressPoolFacts>,
    Fits<L2AdvertisementSpec, L2AdvertisementFacts>,
    Fits<BGPAdvertisementSpec, BGPAdvertisementFacts>,
    Fits<BGPPeerSpec, BGPPeerFacts>,
    Fits<CommunitySpec, CommunityFacts>,
  ]
>

const directory = new URL("../../../deploy/crds/", import.meta.url)

test("deploy/crds holds exactly what the schemas give; `npm run generate` makes it so", (t) => {
  t.deepEqual(
    readdirSync(directory).sort(),
    definitions.map((definition) => `${definition.spec.names.plural}.yaml`),
  )
  for (const definition of definitions) {
    const text = readFileSync(new URL(`${definition.spec.names.plural}.yaml`, directory), "utf8")
    t.is(text, crdYaml(definition), definition.metadata.name)
    t.deepEqual(parse(text), definition, definition.metadata.name)
  }
})

test("every schema is structural: a type at each level, no unions, and one stored version", (t) => {
  const walk = (schema: unknown, path: string) => {
    const node = (schema ?? {}) as Record<string, unknown>
    t.is(typeof node["type"], "string", `${path} has a type`)
    for (const keyword of ["anyOf", "oneOf", "allOf", "not", "const", "patternProperties", "~kind"])
      t.false(keyword in node, `${path} has ${keyword}`)
    for (const [name, child] of Object.entries(node["properties"] ?? {})) walk(child, `${path}.${name}`)
    if (node["type"] === "array") walk(node["items"], `${path}[]`)
    if (node["additionalProperties"] !== undefined) walk(node["additionalProperties"], `${path}{}`)
  }
  for (const { metadata, spec } of definitions) {
    for (const version of spec.versions) walk(version.schema.openAPIV3Schema, `${metadata.name} ${version.name} `)
    t.is(spec.versions.filter((version) => version.storage).length, 1, metadata.name)
  }
})

test("names, versions and columns are MetalLB's", (t) => {
  const summary = definitions.map(({ spec }) => [
    spec.names.kind,
    spec.names.plural,
    spec.versions.map(({ name, storage }) => (storage ? `${name}*` : name)).join(" "),
    (spec.versions.at(-1)?.additionalPrinterColumns ?? []).map(({ name }) => name).join(", "),
  ])
  t.deepEqual(summary, [
    ["BFDProfile", "bfdprofiles", "v1beta1*", "Passive Mode, Transmit Interval, Receive Interval, Multiplier"],
    [
      "BGPAdvertisement",
      "bgpadvertisements",
      "v1beta1*",
      "IPAddressPools, IPAddressPool Selectors, Peers, Node Selectors",
    ],
    ["BGPPeer", "bgppeers", "v1beta1 v1beta2*", "Address, ASN, BFD Profile, Multi Hops"],
    ["BGPSessionState", "bgpsessionstates", "v1beta1*", "Node, Peer, VRF, BGP, BFD, Since, Last Error"],
    ["Community", "communities", "v1beta1*", ""],
    ["ConfigurationState", "configurationstates", "v1beta1*", "Result, ErrorSummary, Age"],
    ["IPAddressPool", "ipaddresspools", "v1beta1*", "Auto Assign, Avoid Buggy IPs, Addresses"],
    [
      "L2Advertisement",
      "l2advertisements",
      "v1beta1*",
      "IPAddressPools, IPAddressPool Selectors, Interfaces, Node Selectors",
    ],
    ["ServiceBGPStatus", "servicebgpstatuses", "v1beta1*", "Node, Service Name, Service Namespace"],
    ["ServiceL2Status", "servicel2statuses", "v1beta1*", "Allocated Node, Service Name, Service Namespace"],
  ])
})

test("structural turns JSON Schema's forms into the ones a definition may hold", (t) => {
  const literals = {
    anyOf: [
      { type: "string", const: "a" },
      { type: "string", const: "b" },
    ],
  }
  t.deepEqual(structural(literals), { type: "string", enum: ["a", "b"] })
  t.deepEqual(structural({ anyOf: [{ type: "string" }, { type: "null" }] }), { type: "string", nullable: true })
  t.deepEqual(structural({ type: "object", patternProperties: { "^.*$": { type: "integer" } } }), {
    type: "object",
    additionalProperties: { type: "integer" },
  })
  t.throws(() => structural({ anyOf: [{ type: "string" }, { type: "integer" }] }), { message: /no structural form/ })
  t.throws(() => structural({ allOf: [{ type: "string" }] }), { message: /no structural form for allOf/ })
})
