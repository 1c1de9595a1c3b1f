import test from "ava"
import { server, service, services } from "./client.ts"

const created: readonly (readonly [name: string, spec: Record<string, unknown>, expected: Record<string, unknown>])[] =
  [
    [
      "a LoadBalancer",
      {},
      {
        type: "LoadBalancer",
        externalTrafficPolicy: "Cluster",
        internalTrafficPolicy: "Cluster",
        allocateLoadBalancerNodePorts: true,
        ipFamilies: ["IPv4"],
        ipFamilyPolicy: "SingleStack",
        sessionAffinity: "None",
      },
    ],
    [
      "a ClusterIP by default",
      { type: undefined },
      { type: "ClusterIP", externalTrafficPolicy: undefined, allocateLoadBalancerNodePorts: undefined },
    ],
    ["a headless one", { type: "ClusterIP", clusterIP: "None" }, { clusterIP: "None", clusterIPs: ["None"] }],
    ["one without node ports", { allocateLoadBalancerNodePorts: false }, { allocateLoadBalancerNodePorts: false }],
    [
      "an external name",
      { type: "ExternalName", externalName: "example.org", ports: undefined },
      { clusterIP: undefined, ipFamilies: undefined },
    ],
    ["a chosen address", { clusterIP: "10.96.7.7" }, { clusterIP: "10.96.7.7", clusterIPs: ["10.96.7.7"] }],
    [
      "client affinity",
      { sessionAffinity: "ClientIP" },
      { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } },
    ],
  ]
for (const [name, spec, expected] of created) {
  test(`create: ${name}`, async (t) => {
    const { http } = await server(t)
    const { status, body } = await http.post(services, service("s", spec))
    t.is(status, 201, body.message)
    for (const [field, value] of Object.entries(expected)) t.deepEqual(body.spec[field], value, field)
  })
}

const refused: readonly (readonly [name: string, spec: Record<string, unknown>, message: string])[] = [
  ["port 0", { ports: [{ port: 0 }] }, "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
  [
    "an unknown protocol",
    { ports: [{ port: 1, protocol: "ICMP" }] },
    'spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
  ],
  [
    "the same port twice",
    {
      ports: [
        { name: "a", port: 1 },
        { name: "b", port: 1 },
      ],
    },
    'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":1}',
  ],
  [
    "the same name twice",
    {
      ports: [
        { name: "a", port: 1 },
        { name: "a", port: 2 },
      ],
    },
    'spec.ports[1].name: Duplicate value: "a"',
  ],
  [
    "a node port outside the range",
    { ports: [{ port: 1, nodePort: 80 }] },
    "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
  ],
  [
    "an unknown type",
    { type: "Balancer" },
    'spec.type: Unsupported value: "Balancer": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  [
    "a policy that needs another type",
    { type: "ClusterIP", externalTrafficPolicy: "Local" },
    'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
  ],
  [
    "a class without LoadBalancer",
    { type: "ClusterIP", loadBalancerClass: "a.b/c" },
    "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
  ],
  [
    "an address outside the network",
    { clusterIP: "192.0.2.1" },
    'spec.clusterIPs: Invalid value: ["192.0.2.1"]: failed to allocate IP 192.0.2.1: the provided network does not match the current range',
  ],
  [
    "a taken address",
    { clusterIP: "10.96.0.1" },
    'spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: provided IP is already allocated',
  ],
  [
    "a source range that is none",
    { loadBalancerSourceRanges: ["x"] },
    'spec.loadBalancerSourceRanges[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
  ],
  [
    "another family",
    { ipFamilies: ["IPv6"] },
    'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
  ],
]
for (const [name, spec, message] of refused) {
  test(`refuse: ${name}`, async (t) => {
    const { http } = await server(t)
    const { status, body } = await http.post(services, service("s", spec))
    t.is(status, 422)
    t.is(body.message, `Service "s" is invalid: ${message}`)
    t.is((await http.get(`${services}/s`)).status, 404)
  })
}

test("a port of the wrong JSON type is a bad request", async (t) => {
  const { http } = await server(t)
  const { status, body } = await http.post(services, service("s", { ports: [{ port: "http" }] }))
  t.is(status, 400)
  t.regex(body.message, /^Service in version "v1" cannot be handled as a Service: json: cannot unmarshal string/)
})

test("unknown fields: refused, warned about or dropped, as the client asks", async (t) => {
  const { http } = await server(t)
  const strict = await http.post(`${services}?fieldValidation=Strict`, service("s", { wrong: 1 }))
  t.is(strict.status, 400)
  t.is(
    strict.body.message,
    'Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.wrong"',
  )
  const warned = await http.post(services, service("s", { wrong: 1 }))
  t.is(warned.status, 201)
  t.is(warned.headers.get("warning"), '299 - "unknown field \\"spec.wrong\\""')
  t.is(warned.body.spec.wrong, undefined)
  const ignored = await http.post(`${services}?fieldValidation=Ignore`, service("s2", { wrong: 1 }))
  t.is(ignored.headers.get("warning"), null)
})

test("dual-stack: two families when asked for, one when not, and back", async (t) => {
  const { http } = await server(t, { serviceCidrs: ["10.96.0.0/16", "fd00:96::/112"] })
  const single = await http.post(services, service("single"))
  t.deepEqual(single.body.spec.ipFamilies, ["IPv4"])
  const prefer = await http.post(services, service("prefer", { ipFamilyPolicy: "PreferDualStack" }))
  t.deepEqual(prefer.body.spec.ipFamilies, ["IPv4", "IPv6"])
  t.regex(prefer.body.spec.clusterIPs[1] ?? "", /^fd00:96::/)
  t.is(prefer.body.spec.clusterIP, prefer.body.spec.clusterIPs[0])
  const six = await http.post(services, service("six", { ipFamilies: ["IPv6"] }))
  t.regex(six.body.spec.clusterIP, /^fd00:96::/)
  const up = await http.merge(`${services}/single`, { spec: { ipFamilyPolicy: "RequireDualStack" } })
  t.is(up.body.spec.clusterIPs.length, 2)
  t.is(up.body.spec.clusterIPs[0], single.body.spec.clusterIP)
  const down = await http.merge(`${services}/single`, {
    spec: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"], clusterIPs: [single.body.spec.clusterIP] },
  })
  t.is(down.status, 200, down.body.message)
  t.deepEqual(down.body.spec.ipFamilies, ["IPv4"])
})

test("PreferDualStack on a single-stack cluster is single", async (t) => {
  const { http } = await server(t)
  const { body } = await http.post(services, service("s", { ipFamilyPolicy: "PreferDualStack" }))
  t.deepEqual(body.spec.ipFamilies, ["IPv4"])
  t.is(body.spec.ipFamilyPolicy, "PreferDualStack")
})

test("addresses and node ports are given once and free again after a delete", async (t) => {
  const { http } = await server(t, { serviceCidrs: ["10.96.0.0/29"], nodePorts: [30_000, 30_002] })
  const made = []
  for (const name of ["a", "b", "c"]) made.push((await http.post(services, service(name))).body.spec)
  t.is(new Set(made.map((spec) => spec.clusterIP)).size, 3)
  t.is(new Set(made.map((spec) => spec.ports[0].nodePort)).size, 3)
  const full = await http.post(services, service("d"))
  t.is(full.status, 422)
  t.regex(full.body.message, /range is full/)
  const taken = await http.post(
    services,
    service("d", { clusterIP: "10.96.0.6", ports: [{ port: 80, nodePort: 30_000 }] }),
  )
  t.regex(taken.body.message, /provided port is already allocated/)
  await http.delete(`${services}/b`)
  const again = await http.post(services, service("d"))
  t.is(again.status, 201, again.body.message)
  t.is(again.body.spec.ports[0].nodePort, made[1]?.ports[0].nodePort ?? 0, "the only one left")
})

test("a client that puts back its own copy without the allocated values keeps them", async (t) => {
  const { http } = await server(t)
  const first = await http.post(services, service("s"))
  const { status, body } = await http.put(`${services}/s`, service("s", { selector: { a: "b" } }))
  t.is(status, 200, body.message)
  t.is(body.spec.clusterIP, first.body.spec.clusterIP)
  t.deepEqual(body.spec.ports, first.body.spec.ports)
})

test("the cluster address and the class of a LoadBalancer do not change", async (t) => {
  const { http } = await server(t)
  await http.post(services, service("s", { loadBalancerClass: "example.org/one" }))
  const address = await http.merge(`${services}/s`, { spec: { clusterIP: "10.96.9.9", clusterIPs: ["10.96.9.9"] } })
  t.regex(address.body.message, /spec.clusterIPs\[0\]: Invalid value: \["10.96.9.9"\]: may not change once set/)
  const other = await http.merge(`${services}/s`, { spec: { loadBalancerClass: "example.org/two" } })
  t.regex(other.body.message, /spec.loadBalancerClass: Invalid value: "example.org\/two": may not change once set/)
})

test("Local traffic policy comes with a health check port, and goes with it", async (t) => {
  const { http } = await server(t)
  const { body } = await http.post(services, service("s", { externalTrafficPolicy: "Local" }))
  t.true((body.spec.healthCheckNodePort ?? 0) >= 30_000)
  t.not(body.spec.healthCheckNodePort, body.spec.ports[0].nodePort)
  const cluster = await http.merge(`${services}/s`, { spec: { externalTrafficPolicy: "Cluster" } })
  t.is(cluster.body.spec.healthCheckNodePort, undefined, cluster.body.message)
})

test("the status endpoint changes no spec, the main one no status", async (t) => {
  const { http } = await server(t)
  const { body: before } = await http.post(services, service("s"))
  const status = await http.merge(`${services}/s/status`, {
    spec: { selector: { x: "y" } },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
  })
  t.deepEqual(status.body.spec, before.spec)
  t.deepEqual(status.body.status.loadBalancer.ingress, [{ ip: "192.0.2.1", ipMode: "VIP" }])
  const main = await http.merge(`${services}/s`, {
    metadata: { labels: { a: "b" } },
    status: { loadBalancer: { ingress: null } },
  })
  t.deepEqual(main.body.status, status.body.status)
  const onClusterIp = await http.post(services, service("c", { type: "ClusterIP" }))
  t.is(onClusterIp.status, 201)
  const wrong = await http.merge(`${services}/c/status`, {
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
  })
  t.regex(wrong.body.message, /may only be used when `spec.type` is "LoadBalancer"/)
})

test("node ports that were not wanted: kept when the wish comes late, gone when taken out, checked when given", async (t) => {
  const { http } = await server(t)
  const { body } = await http.post(services, service("s"))
  const late = await http.merge(`${services}/s`, { spec: { allocateLoadBalancerNodePorts: false } })
  t.is(late.body.spec.ports[0].nodePort, body.spec.ports[0].nodePort)
  const out = await http.put(`${services}/s`, service("s", { allocateLoadBalancerNodePorts: false }))
  t.false("nodePort" in out.body.spec.ports[0], out.body.message)
  const given = { allocateLoadBalancerNodePorts: false, ports: [{ port: 80, nodePort: 30_123 }] }
  t.is((await http.post(services, service("a", given))).body.spec.ports[0].nodePort, 30_123)
  t.is((await http.post(services, service("b", given))).status, 422)
})

const dual = { serviceCidrs: ["10.96.0.0/16", "fd00:96::/112"] }
for (const [name, spec, message] of [
  ["the same family twice", { ipFamilies: ["IPv4", "IPv4"] }, 'spec.ipFamilies[1]: Duplicate value: "IPv4"'],
  [
    "an address of the other family",
    { ipFamilies: ["IPv6"], clusterIP: "10.96.7.7" },
    'spec.clusterIPs[0]: Invalid value: "10.96.7.7": expected an IPv6 value as indicated by `ipFamilies[0]`',
  ],
] as const) {
  test(`refuse on a dual-stack cluster: ${name}`, async (t) => {
    const { http } = await server(t, dual)
    const { body } = await http.post(services, service("s", { ...spec }))
    t.is(body.message, `Service "s" is invalid: ${message}`)
  })
}
