import { connect } from "node:net"
import test from "ava"
import fc from "fast-check"
import { configMap, configMaps, definition, server, service, services } from "./client.ts"

// Whatever a client sends gets an answer that names what is wrong: never a 500, never a crash.

const things = "/apis/example.org/v1/namespaces/default/things"
const thing = definition("things", "Thing", {
  required: ["size"],
  properties: { size: { type: "integer", minimum: 1 }, tags: { type: "array", items: { type: "string" } } },
})

const bodies: readonly (readonly [name: string, body: unknown, code: number])[] = [
  ["nothing", "", 400],
  ["a half object", '{"kind":', 400],
  ["no JSON", "hello", 400],
  ["a list", [], 400],
  ["null", "null", 400],
  ["a number", "7", 400],
  ["no metadata", { apiVersion: "v1", kind: "ConfigMap" }, 422],
  ["null metadata", { apiVersion: "v1", kind: "ConfigMap", metadata: null }, 422],
  ["metadata that is text", { apiVersion: "v1", kind: "ConfigMap", metadata: "x" }, 400],
  ["a name that is a number", configMap(7 as unknown as string), 400],
  ["labels that are a list", configMap("a", {}, { labels: [] }), 400],
  ["a label that is a number", configMap("a", {}, { labels: { x: 1 } }), 400],
  ["a label with a space", configMap("a", {}, { labels: { x: "a b" } }), 422],
  ["a label key that is none", configMap("a", {}, { labels: { "a b": "x" } }), 422],
  ["finalizers that are text", configMap("a", {}, { finalizers: "x" }), 400],
  ["a null finalizer", configMap("a", {}, { finalizers: [null] }), 400],
  [
    "managedFields that are none",
    configMap("a", {}, { managedFields: [{ operation: "Update", fieldsV1: { "f:x": 7 } }] }),
    201,
  ],
  ["owners that are numbers", configMap("b", {}, { ownerReferences: [7] }), 400],
  ["a resourceVersion", configMap("c", {}, { resourceVersion: "5" }), 400],
  ["another namespace", configMap("c", {}, { namespace: "elsewhere" }), 400],
  ["another kind", service("x"), 400],
  ["another version", { ...configMap("c"), apiVersion: "v2" }, 400],
  ["data of numbers", configMap("c", { x: 1 }), 400],
  ["a key with a slash", configMap("c", { "a/b": "" }), 422],
  ["a name of 300 letters", configMap("x".repeat(300)), 422],
  ["annotations of 300 kB", configMap("c", {}, { annotations: { x: "y".repeat(300_000) } }), 422],
  ["4 MB", configMap("c", { x: "y".repeat(4_000_000) }), 413],
  ["5000 levels", `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`, 400],
  [
    "a field called __proto__",
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"data":{"__proto__":"x"}}',
    201,
  ],
]

for (const [name, body, code] of bodies) {
  test(`create with ${name}: ${code}`, async (t) => {
    const { api, http } = await server(t)
    const { status, body: answer } = await http.post(configMaps, body)
    t.is(status, code, JSON.stringify(answer).slice(0, 500))
    if (code >= 400) {
      t.is(answer.kind, "Status")
      t.is(answer.code, code)
      t.not(answer.message, "")
    }
    t.is(api.counts().internalErrors, 0)
    t.is(({} as Record<string, unknown>)["x"], undefined)
  })
}

const requests: readonly (readonly [
  name: string,
  method: string,
  path: string,
  body: unknown,
  type: string,
  code: number,
])[] = [
  ["a broken URL", "GET", "/api/v1/%zz", undefined, "", 400],
  ["an unknown path", "GET", "/nothing", undefined, "", 404],
  ["an unknown core resource", "GET", "/api/v1/nothings", undefined, "", 404],
  ["an unknown group", "GET", "/apis/nothing.org/v1/things", undefined, "", 404],
  ["a namespaced object without a namespace", "GET", "/api/v1/services/x", undefined, "", 404],
  ["a create across namespaces", "POST", "/api/v1/configmaps", configMap("a"), "application/json", 405],
  ["a cluster object inside a namespace", "GET", "/api/v1/namespaces/default/nodes/x", undefined, "", 404],
  ["POST to an object", "POST", `${configMaps}/a`, configMap("a"), "application/json", 405],
  ["PUT to a collection", "PUT", configMaps, configMap("a"), "application/json", 405],
  ["a verb the kind lacks", "GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", undefined, "", 405],
  ["an unserved subresource", "GET", "/api/v1/namespaces/default/pods/x/log", undefined, "", 405],
  ["an unknown subresource", "GET", `${services}/x/nothing`, undefined, "", 404],
  ["a delete of a status", "DELETE", `${services}/kubernetes/status`, undefined, "", 405],
  ["OPTIONS", "OPTIONS", configMaps, undefined, "", 405],
  ["an unknown namespace", "POST", "/api/v1/namespaces/nowhere/configmaps", configMap("a"), "application/json", 404],
  ["a body of an unknown type", "POST", configMaps, "x", "text/csv", 415],
  ["protobuf that is none", "POST", configMaps, "k8s\0\xff\xff\xff", "application/vnd.kubernetes.protobuf", 400],
  ["protobuf for a custom resource", "POST", things, "k8s\0", "application/vnd.kubernetes.protobuf", 415],
  ["YAML that is none", "POST", configMaps, "a: [", "application/yaml", 400],
  ["a bad label selector", "GET", `${configMaps}?labelSelector=%3D%3D%3D`, undefined, "", 400],
  ["a bad field selector", "GET", `${configMaps}?fieldSelector=spec.nothing%3Dx`, undefined, "", 400],
  ["a field selector without operator", "GET", `${configMaps}?fieldSelector=metadata.name`, undefined, "", 400],
  ["a version that is a word", "GET", `${configMaps}?resourceVersion=new`, undefined, "", 400],
  ["a limit that is a word", "GET", `${configMaps}?limit=many`, undefined, "", 400],
  ["a continue token that is none", "GET", `${configMaps}?continue=xyz`, undefined, "", 400],
  ["a timeout that is a word", "GET", `${configMaps}?watch=1&timeoutSeconds=long`, undefined, "", 400],
  [
    "an unknown fieldValidation",
    "POST",
    `${configMaps}?fieldValidation=Maybe`,
    configMap("a"),
    "application/json",
    400,
  ],
  ["a patch that is no JSON", "PATCH", `${configMaps}/kept`, "{", "application/merge-patch+json", 400],
  ["a merge patch that is a list", "PATCH", `${configMaps}/kept`, [], "application/merge-patch+json", 400],
  [
    "a merge patch that removes the kind",
    "PATCH",
    `${things}/kept`,
    { kind: null },
    "application/merge-patch+json",
    400,
  ],
  [
    "a merge patch that renames",
    "PATCH",
    `${configMaps}/kept`,
    { metadata: { name: "other" } },
    "application/merge-patch+json",
    400,
  ],
  ["a JSON patch that is an object", "PATCH", `${configMaps}/kept`, {}, "application/json-patch+json", 400],
  ["a JSON patch of numbers", "PATCH", `${configMaps}/kept`, [7], "application/json-patch+json", 400],
  [
    "a JSON patch without a path",
    "PATCH",
    `${configMaps}/kept`,
    [{ op: "add", value: 1 }],
    "application/json-patch+json",
    422,
  ],
  [
    "a JSON patch into nothing",
    "PATCH",
    `${configMaps}/kept`,
    [{ op: "add", path: "/a/b/c", value: 1 }],
    "application/json-patch+json",
    422,
  ],
  [
    "a JSON patch of the whole",
    "PATCH",
    `${configMaps}/kept`,
    [{ op: "replace", path: "", value: 7 }],
    "application/json-patch+json",
    400,
  ],
  [
    "a strategic patch of text",
    "PATCH",
    `${services}/kubernetes`,
    '"x"',
    "application/strategic-merge-patch+json",
    400,
  ],
  [
    "a strategic patch without the key",
    "PATCH",
    `${services}/kubernetes`,
    { spec: { ports: [{ name: "x" }] } },
    "application/strategic-merge-patch+json",
    400,
  ],
  [
    "an unknown patch directive",
    "PATCH",
    `${services}/kubernetes`,
    { spec: { $patch: "explode" } },
    "application/strategic-merge-patch+json",
    400,
  ],
  ["an unknown patch type", "PATCH", `${services}/kubernetes`, "x", "application/x-patch", 415],
  [
    "an apply without a manager",
    "PATCH",
    `${services}/kubernetes`,
    service("kubernetes"),
    "application/apply-patch+yaml",
    422,
  ],
  [
    "an apply of another object",
    "PATCH",
    `${services}/kubernetes?fieldManager=x`,
    service("other"),
    "application/apply-patch+yaml",
    400,
  ],
  [
    "an apply with managedFields",
    "PATCH",
    `${services}/x?fieldManager=x`,
    { ...service("x"), metadata: { managedFields: [] } },
    "application/apply-patch+yaml",
    400,
  ],
  ["a delete with options that are none", "DELETE", `${configMaps}/kept`, "{", "application/json", 400],
  [
    "a custom resource of the wrong type",
    "POST",
    things,
    { apiVersion: "example.org/v1", kind: "Thing", metadata: { name: "a" }, spec: 7 },
    "application/json",
    422,
  ],
]

for (const [name, method, path, body, type, code] of requests) {
  test(`${name}: ${code}`, async (t) => {
    const { api, http } = await server(t, { definitions: [thing] })
    await http.post(configMaps, configMap("kept"))
    await http.post(things, {
      apiVersion: "example.org/v1",
      kind: "Thing",
      metadata: { name: "kept" },
      spec: { size: 1 },
    })
    const { status, body: answer } = await http.send(method, path, body, type === "" ? {} : { "content-type": type })
    t.is(status, code, JSON.stringify(answer).slice(0, 500))
    t.is(api.counts().internalErrors, 0)
    t.is((await http.get(`${configMaps}/kept`)).status, 200, "and nothing else was lost")
  })
}

test("any JSON for any write gets a client error or works", async (t) => {
  const { api, http } = await server(t, { definitions: [thing] })
  const targets = [
    ["POST", services, "application/json"],
    ["POST", things, "application/json"],
    ["PUT", `${services}/kubernetes`, "application/json"],
    ["PATCH", `${services}/kubernetes`, "application/merge-patch+json"],
    ["PATCH", `${services}/kubernetes/status`, "application/merge-patch+json"],
    ["PATCH", `${services}/kubernetes`, "application/strategic-merge-patch+json"],
    ["PATCH", `${services}/kubernetes`, "application/json-patch+json"],
    ["PATCH", `${services}/kubernetes?fieldManager=x&force=true`, "application/apply-patch+yaml"],
    ["POST", "/api/v1/nodes", "application/json"],
    ["POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", "application/json"],
    ["POST", "/apis/events.k8s.io/v1/namespaces/default/events", "application/json"],
    ["POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "application/json"],
    ["POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "application/json"],
    ["DELETE", `${configMaps}/nothing`, "application/json"],
  ] as const
  // Objects whose field names are those the server looks at, with values of every type.
  const key = fc.constantFrom(
    ..."apiVersion kind metadata name namespace labels annotations finalizers managedFields ownerReferences spec status ports port protocol targetPort nodePort type clusterIP clusterIPs ipFamilies ipFamilyPolicy externalIPs selector loadBalancer ingress ip conditions addresses endpoints versions names group scope schema taints $patch $retainKeys $setElementOrder/ports op path value __proto__".split(
      " ",
    ),
  )
  const leaf = fc.oneof(
    fc.constantFrom(
      null,
      true,
      0,
      1,
      80,
      -1,
      1e30,
      0.5,
      "",
      "x",
      "TCP",
      "None",
      "10.96.0.1",
      "Service",
      "v1",
      "LoadBalancer",
      "replace",
      "delete",
    ),
    fc.string({ maxLength: 5 }),
  )
  const json = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 4 }, leaf, tie("object"), fc.array(tie("any"), { maxLength: 3 })),
    object: fc.dictionary(key, tie("any"), { maxKeys: 5 }),
  }))
  const full = json.object.map((body) => ({ apiVersion: "v1", kind: "Service", ...(body as object) }))
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...targets), fc.oneof(json.any, full), async ([method, path, type], body) => {
      const { status, body: answer } = await http.send(method, path, JSON.stringify(body), { "content-type": type })
      t.true(status < 500, `${method} ${path} ${JSON.stringify(body)}: ${JSON.stringify(answer)}`)
    }),
    { numRuns: 1500 },
  )
  t.is(api.counts().internalErrors, 0)
})

test("a client that goes away in the middle of its body is no error of ours", async (t) => {
  const { api, http } = await server(t)
  const url = new URL(api.url)
  const socket = connect(Number(url.port), url.hostname)
  socket.on("error", () => undefined)
  const head = `POST ${configMaps} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{`
  await new Promise((resolve) => socket.write(head, resolve))
  while (api.counts().requests === 0) await new Promise(setImmediate)
  const closed = new Promise((resolve) => socket.on("close", resolve))
  socket.destroy()
  await closed
  t.is((await http.get("/readyz")).text, "ok")
  t.is(api.counts().internalErrors, 0)
})

test("bytes that are no HTTP only end their own connection", async (t) => {
  const { api, http } = await server(t)
  const url = new URL(api.url)
  for (const bytes of [
    "\x00\x01\x02",
    "GET",
    "GET / HTTP/9.9\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
  ]) {
    const socket = connect(Number(url.port), url.hostname)
    const closed = new Promise((resolve) => socket.on("close", resolve))
    socket.on("error", () => undefined)
    socket.end(bytes)
    await closed
  }
  t.is((await http.get("/readyz")).text, "ok")
})
