import test from "ava"
import { humanDuration } from "../../kubernetes/embedded/duration.ts"
import { jsonPath } from "../../kubernetes/embedded/jsonpath.ts"
import { decodeProtobuf } from "../../kubernetes/embedded/protobuf.ts"
import { ApiError } from "../../kubernetes/embedded/status.ts"
import { configMap, configMaps, server } from "./client.ts"

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const ages: readonly (readonly [ms: number, text: string])[] = [
  [0, "0s"],
  [119 * second, "119s"],
  [2 * minute, "2m"],
  [3 * minute + 34 * second, "3m34s"],
  [10 * minute, "10m"],
  [179 * minute, "179m"],
  [3 * hour, "3h"],
  [7 * hour + 59 * minute, "7h59m"],
  [8 * hour + 59 * minute, "8h"],
  [47 * hour, "47h"],
  [2 * day + hour, "2d1h"],
  [8 * day, "8d"],
  [729 * day, "729d"],
  [730 * day, "2y"],
  [3 * 365 * day + 5 * day, "3y5d"],
  [9 * 365 * day, "9y"],
  [-500, "0s"],
  [-5 * second, "<invalid>"],
]
for (const [ms, text] of ages) test(`an age of ${ms} ms is ${text}`, (t) => t.is(humanDuration(ms), text))

const object = {
  spec: {
    a: [
      { type: "x", v: 1 },
      { type: "y", v: 2 },
    ],
    "b.c": 3,
    empty: null,
  },
  metadata: { labels: { "example.org/x": "1" } },
}
const paths: readonly (readonly [path: string, found: unknown[]])[] = [
  [".spec.a[0].v", [1]],
  [".spec.a[-1].v", [2]],
  [".spec.a[*].v", [1, 2]],
  ['.spec.a[?(@.type=="y")].v', [2]],
  ['.spec.a[?(@.type!="y")].v', [1]],
  [".spec['b.c']", [3]],
  [".spec.b\\.c", [3]],
  [".metadata.labels.example\\.org/x", ["1"]],
  ["{.spec.a[0].type}", ["x"]],
  [".spec.empty", []],
  [".nothing.here", []],
  [".spec.a[", []],
  ["..a", []],
  [".spec.a[?(@.v > 1)]", []],
]
for (const [path, found] of paths) test(`JSONPath ${path}`, (t) => t.deepEqual(jsonPath(path, object), found))

/** A length-delimited field shorter than 128 bytes. */
const field = (number: number, ...content: readonly (string | Buffer)[]): Buffer => {
  const bytes = Buffer.concat(content.map((part) => Buffer.from(part)))
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
}
const varint = (number: number, ...bytes: number[]): Buffer => Buffer.from([number * 8, ...bytes])

const port = [
  field(1, "http"),
  field(2, "TCP"),
  varint(3, 80),
  field(4, varint(1, 1), varint(2, 0), field(3, "web")),
  varint(5, 0xb0, 0xea, 0x01),
]
const spec = [
  field(1, ...port),
  field(2, field(1, "app"), field(2, "demo")),
  field(4, "LoadBalancer"),
  // Field 20, whose tag takes two bytes: allocateLoadBalancerNodePorts.
  Buffer.from([0xa0, 0x01, 0]),
]
const metadata = [field(1, "demo"), field(8), field(11, field(1, "app"), field(2, "demo"))]
const envelope = [
  Buffer.from("k8s\0"),
  field(1, field(1, "v1"), field(2, "Service")),
  field(2, field(1, ...metadata), field(2, ...spec)),
  field(3),
  field(4),
]
const sent = Buffer.concat(envelope)

test("protobuf: what it says becomes the JSON of the object", (t) => {
  t.deepEqual(decodeProtobuf(sent), {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "demo", creationTimestamp: null, labels: { app: "demo" } },
    spec: {
      ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: "web", nodePort: 30_000 }],
      selector: { app: "demo" },
      type: "LoadBalancer",
      allocateLoadBalancerNodePorts: false,
    },
  })
})

test("protobuf: cut off between two fields it is a shorter message, anywhere else it is refused", (t) => {
  const ends = envelope.map((_, i) => Buffer.concat(envelope.slice(0, i + 1)).length)
  for (const length of sent.keys()) {
    const cut = sent.subarray(0, length)
    if (length > 4 && ends.includes(length)) t.notThrows(() => decodeProtobuf(cut), `${length} bytes`)
    else t.throws(() => decodeProtobuf(cut), { instanceOf: ApiError }, `${length} bytes`)
  }
})

test("Events end after their time, and beyond their number", async (t) => {
  let nowMs = Date.parse("2026-01-01T00:00:00Z")
  const { api, http } = await server(t, { nowMs: () => nowMs, eventSeconds: 60, maxEvents: 3 })
  const events = "/api/v1/namespaces/default/events"
  const event = (name: string) =>
    http.post(events, { apiVersion: "v1", kind: "Event", metadata: { name }, involvedObject: { namespace: "default" } })
  await event("a")
  nowMs += 61_000
  await event("b")
  const kept = () => api.objects.list("v1", "Event").map((object) => object.metadata.name)
  t.deepEqual(kept(), ["b"])
  for (const name of ["c", "d", "e"]) await event(name)
  t.deepEqual(kept(), ["c", "d", "e"])
})

test("more watches than allowed are told to come later", async (t) => {
  const { http } = await server(t, { maxWatches: 1 })
  const first = await http.watch(configMaps)
  t.is((await http.get(`${configMaps}?watch=true`)).status, 429)
  await first.stop()
  await http.post(configMaps, configMap("a"))
  t.is((await http.get(`${configMaps}?watch=true&timeoutSeconds=1`)).status, 200)
})
