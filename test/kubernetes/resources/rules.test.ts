import test, { type ExecutionContext } from "ava"
import { type EmbeddedApi, startEmbeddedApi } from "../../../kubernetes/embedded/index.ts"
import { conversions } from "../../../kubernetes/resources/convert.ts"
import { definitions } from "../../../kubernetes/resources/definitions.ts"

/** What an API server makes of objects by these definitions: a row is a rule, and what it says. */

const namespace = "metallb-system"
const kinds = new Map(definitions.map(({ spec }) => [spec.names.kind, spec.names.plural]))

async function serverOf(t: ExecutionContext): Promise<EmbeddedApi> {
  const server = await startEmbeddedApi({ listen: [{}], definitions, conversions })
  t.teardown(() => server.close())
  server.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })
  return server
}

interface Answer {
  readonly status: number
  readonly warning: string
  readonly body: {
    readonly message?: string
    readonly metadata?: { readonly generation?: number }
    readonly spec?: Readonly<Record<string, unknown>>
    readonly status?: unknown
    readonly details?: { readonly causes?: readonly { readonly field: string; readonly message: string }[] }
  }
}

async function send(
  server: EmbeddedApi,
  method: string,
  kind: string,
  version: string,
  rest: object,
  at = "",
): Promise<Answer> {
  const path = `/apis/metallb.io/${version}/namespaces/${namespace}/${kinds.get(kind)}${at}`
  const metadata = { name: "x", namespace }
  const patch = method === "PATCH"
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { "content-type": patch ? "application/merge-patch+json" : "application/json" },
    body: JSON.stringify(patch ? rest : { apiVersion: `metallb.io/${version}`, kind, metadata, ...rest }),
  })
  return {
    status: answer.status,
    warning: answer.headers.get("warning") ?? "",
    body: (await answer.json()) as Answer["body"],
  }
}

const peer = { myASN: 64512, peerASN: 64513, peerAddress: "192.0.2.1" }
const inRange = (what: string, limit: string) => new RegExp(`spec\\.${what} in body should be ${limit}`)

type Row = readonly [
  kind: string,
  version: string,
  spec: unknown,
  refused: readonly [field: string, text: RegExp] | undefined,
]
const rows: readonly Row[] = [
  ["IPAddressPool", "v1beta1", { addresses: ["10.0.0.0/24"] }, undefined],
  ["IPAddressPool", "v1beta1", { addresses: [] }, undefined],
  ["IPAddressPool", "v1beta1", {}, ["spec.addresses", /Required value/]],
  ["IPAddressPool", "v1beta1", undefined, ["spec", /Required value/]],
  ["IPAddressPool", "v1beta1", { addresses: ["10.0.0.0/24"], serviceAllocation: { priority: -1 } }, undefined],
  ["L2Advertisement", "v1beta1", undefined, undefined],
  [
    "L2Advertisement",
    "v1beta1",
    {
      preferredNodeSelectors: [
        { weight: 1, preference: {} },
        { weight: 100, preference: {} },
      ],
    },
    undefined,
  ],
  [
    "L2Advertisement",
    "v1beta1",
    { preferredNodeSelectors: [{ weight: 0, preference: {} }] },
    ["spec.preferredNodeSelectors[0].weight", /greater than or equal to 1/],
  ],
  [
    "L2Advertisement",
    "v1beta1",
    { preferredNodeSelectors: [{ weight: 101, preference: {} }] },
    ["spec.preferredNodeSelectors[0].weight", /less than or equal to 100/],
  ],
  [
    "L2Advertisement",
    "v1beta1",
    { preferredNodeSelectors: [{ weight: 1 }] },
    ["spec.preferredNodeSelectors[0].preference", /Required value/],
  ],
  [
    "L2Advertisement",
    "v1beta1",
    { nodeSelectors: [{ matchExpressions: [{ key: "k" }] }] },
    ["spec.nodeSelectors[0].matchExpressions[0].operator", /Required value/],
  ],
  // Not the schema's business: found when the configuration is read.
  ["L2Advertisement", "v1beta1", { nodeSelectors: [{ matchExpressions: [{ key: "k", operator: "Is" }] }] }, undefined],
  ["BGPAdvertisement", "v1beta1", undefined, undefined],
  [
    "BGPAdvertisement",
    "v1beta1",
    { aggregationLength: 0 },
    ["spec.aggregationLength", inRange("aggregationLength", "greater than or equal to 1")],
  ],
  ["BGPAdvertisement", "v1beta1", { aggregationLength: 33, aggregationLengthV6: -1 }, undefined],
  [
    "BGPAdvertisement",
    "v1beta1",
    { serviceSelectors: [{}], aggregationLength: 32, aggregationLengthV6: 128 },
    undefined,
  ],
  ["BGPAdvertisement", "v1beta1", { serviceSelectors: [], aggregationLength: 24 }, undefined],
  [
    "BGPAdvertisement",
    "v1beta1",
    { serviceSelectors: [{}], aggregationLength: 24 },
    [
      "spec",
      /serviceSelectors and aggregationLength are mutually exclusive, can only be used together with default aggregationLength \(32\) and aggregationLengthV6 \(128\)$/,
    ],
  ],
  ["BGPAdvertisement", "v1beta1", { serviceSelectors: [{}], aggregationLengthV6: 64 }, ["spec", /mutually exclusive/]],
  ["BGPPeer", "v1beta2", { myASN: 64512 }, undefined],
  ["BGPPeer", "v1beta2", {}, ["spec.myASN", /Required value/]],
  [
    "BGPPeer",
    "v1beta2",
    { myASN: 4294967296 },
    ["spec.myASN", inRange("myASN", "less than or equal to 4\\.?294967295")],
  ],
  [
    "BGPPeer",
    "v1beta2",
    { myASN: 1, localASN: 0 },
    ["spec.localASN", inRange("localASN", "greater than or equal to 1")],
  ],
  [
    "BGPPeer",
    "v1beta2",
    { myASN: 1, dynamicASN: "any" },
    ["spec.dynamicASN", /supported values: "internal", "external"/],
  ],
  [
    "BGPPeer",
    "v1beta2",
    { myASN: 1, peerPort: 0 },
    ["spec.peerPort", inRange("peerPort", "greater than or equal to 1")],
  ],
  [
    "BGPPeer",
    "v1beta2",
    { myASN: 1, peerPort: 16385 },
    ["spec.peerPort", inRange("peerPort", "less than or equal to 16384")],
  ],
  ["BGPPeer", "v1beta2", { myASN: 1, connectTime: "1s" }, undefined],
  ["BGPPeer", "v1beta2", { myASN: 1, connectTime: "18h12m15s" }, undefined],
  [
    "BGPPeer",
    "v1beta2",
    { myASN: 1, connectTime: "65536s" },
    ["spec.connectTime", /connect time should be between 1 seconds to 65535/],
  ],
  [
    "BGPPeer",
    "v1beta2",
    { myASN: 1, connectTime: "0s" },
    ["spec.connectTime", /connect time should be between 1 seconds to 65535/],
  ],
  [
    "BGPPeer",
    "v1beta2",
    { myASN: 1, connectTime: "1500ms" },
    ["spec.connectTime", /connect time should contain a whole number of seconds/],
  ],
  ["BGPPeer", "v1beta1", { ...peer, peerPort: 0 }, undefined],
  ["BGPPeer", "v1beta1", { myASN: 1, peerASN: 2 }, ["spec.peerAddress", /Required value/]],
  [
    "BGPPeer",
    "v1beta1",
    { ...peer, nodeSelectors: [{ matchExpressions: [{ key: "k", operator: "Exists" }] }] },
    ["spec.nodeSelectors[0].matchExpressions[0].values", /Required value/],
  ],
  ["BFDProfile", "v1beta1", undefined, undefined],
  [
    "BFDProfile",
    "v1beta1",
    { receiveInterval: 10, transmitInterval: 60000, detectMultiplier: 2, echoInterval: 10, minimumTtl: 254 },
    undefined,
  ],
  ["BFDProfile", "v1beta1", { receiveInterval: 9 }, ["spec.receiveInterval", /greater than or equal to 10/]],
  ["BFDProfile", "v1beta1", { transmitInterval: 60001 }, ["spec.transmitInterval", /less than or equal to 60000/]],
  ["BFDProfile", "v1beta1", { detectMultiplier: 1 }, ["spec.detectMultiplier", /greater than or equal to 2/]],
  ["BFDProfile", "v1beta1", { detectMultiplier: 256 }, ["spec.detectMultiplier", /less than or equal to 255/]],
  ["BFDProfile", "v1beta1", { echoInterval: 9 }, ["spec.echoInterval", /greater than or equal to 10/]],
  ["BFDProfile", "v1beta1", { minimumTtl: 255 }, ["spec.minimumTtl", /less than or equal to 254/]],
  ["Community", "v1beta1", { communities: [{}] }, undefined],
]

test("what the schemas and CEL rules take, and what they refuse", async (t) => {
  const server = await serverOf(t)
  for (const [kind, version, spec, refused] of rows) {
    const what = `${kind} ${version} ${JSON.stringify(spec)}`
    const answer = await send(server, "POST", kind, version, spec === undefined ? {} : { spec })
    if (refused === undefined) {
      t.is(answer.status, 201, `${what}: ${answer.body.message}`)
      server.objects.delete(`metallb.io/${version}`, kind, "x", namespace)
      continue
    }
    t.is(answer.status, 422, what)
    const [field, text] = refused
    const cause = answer.body.details?.causes?.find((one) => one.field === field)
    t.regex(cause?.message ?? "", text, `${what}: ${answer.body.message}`)
  }
})

test("defaults", async (t) => {
  const server = await serverOf(t)
  for (const [kind, version, spec, defaults] of [
    ["IPAddressPool", "v1beta1", { addresses: [] }, { autoAssign: true, avoidBuggyIPs: false }],
    ["BGPAdvertisement", "v1beta1", {}, { aggregationLength: 32, aggregationLengthV6: 128 }],
    ["BGPPeer", "v1beta2", { myASN: 1 }, { peerPort: 179, disableMP: false, dualStackAddressFamily: false }],
    ["BFDProfile", "v1beta1", {}, {}],
    ["L2Advertisement", "v1beta1", {}, {}],
  ] as const) {
    const { body } = await send(server, "POST", kind, version, { spec })
    t.deepEqual(body.spec, { ...spec, ...defaults }, kind)
  }
})

test("what may not change once it is there", async (t) => {
  const server = await serverOf(t)
  await send(server, "POST", "BGPPeer", "v1beta2", { spec: { myASN: 1 } })
  const change = (spec: object) => send(server, "PATCH", "BGPPeer", "v1beta2", { spec }, "/x")
  t.is((await change({ enableGracefulRestart: true })).status, 200, "from unset the rule is no hindrance")
  const refused = await change({ enableGracefulRestart: false })
  t.is(refused.status, 422)
  t.regex(
    refused.body.message ?? "",
    /spec\.enableGracefulRestart: .*EnableGracefulRestart cannot be changed after creation/,
  )
  for (const kind of ["ServiceL2Status", "ServiceBGPStatus"]) {
    await send(server, "POST", kind, "v1beta1", {})
    const status = (fields: object) => send(server, "PATCH", kind, "v1beta1", { status: fields }, "/x/status")
    t.is((await status({ node: "a", serviceName: "s", serviceNamespace: "n" })).status, 200)
    for (const field of ["node", "serviceName", "serviceNamespace"]) {
      const other = await status({ [field]: "other" })
      t.is(other.status, 422, `${kind} ${field}`)
      t.regex(other.body.message ?? "", new RegExp(`status\\.${field}: .*Value is immutable`))
    }
  }
})

test("the status of a pool has all four counters or none; a result is one of three", async (t) => {
  const server = await serverOf(t)
  await send(server, "POST", "IPAddressPool", "v1beta1", { spec: { addresses: [] } })
  const counters = { assignedIPv4: 0, assignedIPv6: 0, availableIPv4: 0, availableIPv6: 0 }
  const status = (fields: object) => send(server, "PATCH", "IPAddressPool", "v1beta1", { status: fields }, "/x/status")
  const { availableIPv6: _, ...three } = counters
  t.is((await status(three)).status, 422)
  t.is((await status(counters)).status, 200)
  await send(server, "POST", "ConfigurationState", "v1beta1", {})
  const result = (text: string) =>
    send(server, "PATCH", "ConfigurationState", "v1beta1", { status: { result: text } }, "/x/status")
  for (const text of ["Valid", "Invalid", "Unknown"]) t.is((await result(text)).status, 200, text)
  t.is((await result("Fine")).status, 422)
})

test("the old version of a peer is served with a warning", async (t) => {
  const server = await serverOf(t)
  const old = await send(server, "POST", "BGPPeer", "v1beta1", { spec: peer })
  t.is(old.status, 201)
  t.regex(old.warning, /v1beta1 is deprecated, please use v1beta2/)
})

test("columns: what each shows, of which type, and which only -o wide shows", (t) => {
  const ofMetallb = definitions.filter(({ spec }) => spec.group === "metallb.io")
  const columns = ofMetallb.flatMap(({ spec: { names, versions } }) =>
    versions.flatMap(({ name: version, additionalPrinterColumns = [] }) =>
      additionalPrinterColumns.map(({ name, jsonPath, type, priority = 0 }) =>
        [`${names.kind} ${version}`, name, jsonPath, type, ...(priority === 0 ? [] : [priority])].join(" | "),
      ),
    ),
  )
  const peers = (version: string) => [
    `BGPPeer ${version} | Address | .spec.peerAddress | string`,
    `BGPPeer ${version} | ASN | .spec.peerASN | string`,
    `BGPPeer ${version} | BFD Profile | .spec.bfdProfile | string`,
    `BGPPeer ${version} | Multi Hops | .spec.ebgpMultiHop | string`,
  ]
  t.deepEqual(columns, [
    "BFDProfile v1beta1 | Passive Mode | .spec.passiveMode | boolean",
    "BFDProfile v1beta1 | Transmit Interval | .spec.transmitInterval | integer",
    "BFDProfile v1beta1 | Receive Interval | .spec.receiveInterval | integer",
    "BFDProfile v1beta1 | Multiplier | .spec.detectMultiplier | integer",
    "BGPAdvertisement v1beta1 | IPAddressPools | .spec.ipAddressPools | string",
    "BGPAdvertisement v1beta1 | IPAddressPool Selectors | .spec.ipAddressPoolSelectors | string",
    "BGPAdvertisement v1beta1 | Peers | .spec.peers | string",
    "BGPAdvertisement v1beta1 | Node Selectors | .spec.nodeSelectors | string | 10",
    ...peers("v1beta1"),
    ...peers("v1beta2"),
    "ConfigurationState v1beta1 | Result | .status.result | string",
    "ConfigurationState v1beta1 | ErrorSummary | .status.errorSummary | string",
    "ConfigurationState v1beta1 | Age | .metadata.creationTimestamp | date",
    "IPAddressPool v1beta1 | Auto Assign | .spec.autoAssign | boolean",
    "IPAddressPool v1beta1 | Avoid Buggy IPs | .spec.avoidBuggyIPs | boolean",
    "IPAddressPool v1beta1 | Addresses | .spec.addresses | string",
    "L2Advertisement v1beta1 | IPAddressPools | .spec.ipAddressPools | string",
    "L2Advertisement v1beta1 | IPAddressPool Selectors | .spec.ipAddressPoolSelectors | string",
    "L2Advertisement v1beta1 | Interfaces | .spec.interfaces | string",
    "L2Advertisement v1beta1 | Node Selectors | .spec.nodeSelectors | string | 10",
    "ServiceBGPStatus v1beta1 | Node | .status.node | string",
    "ServiceBGPStatus v1beta1 | Service Name | .status.serviceName | string",
    "ServiceBGPStatus v1beta1 | Service Namespace | .status.serviceNamespace | string",
    "ServiceL2Status v1beta1 | Allocated Node | .status.node | string",
    "ServiceL2Status v1beta1 | Service Name | .status.serviceName | string",
    "ServiceL2Status v1beta1 | Service Namespace | .status.serviceNamespace | string",
  ])
  t.is(ofMetallb.length, 9)
  for (const { spec } of definitions) {
    t.is(spec.scope, "Namespaced")
    for (const { subresources, served } of spec.versions)
      t.deepEqual([subresources, served], [{ status: {} }, true] as never)
  }
})
