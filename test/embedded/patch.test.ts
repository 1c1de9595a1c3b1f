import test from "ava"
import { jsonPatch } from "../../kubernetes/embedded/patch/json.ts"
import { mergePatch } from "../../kubernetes/embedded/patch/merge.ts"
import { strategicMergePatch } from "../../kubernetes/embedded/patch/strategic.ts"
import { service as serviceSchema } from "../../kubernetes/embedded/kinds/schemas.ts"

// RFC 7386, appendix A.
const merges: readonly (readonly [target: unknown, patch: unknown, result: unknown])[] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]
for (const [target, patch, result] of merges) {
  test(`merge ${JSON.stringify(target)} with ${JSON.stringify(patch)}`, (t) => {
    t.deepEqual(mergePatch(target, patch), result)
  })
}

// RFC 6902, appendix A.
const operations: readonly (readonly [name: string, target: unknown, patch: unknown[], result: unknown])[] = [
  ["add a member", { foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { baz: "qux", foo: "bar" }],
  [
    "add an element",
    { foo: ["bar", "baz"] },
    [{ op: "add", path: "/foo/1", value: "qux" }],
    { foo: ["bar", "qux", "baz"] },
  ],
  ["add at the end", { foo: ["bar"] }, [{ op: "add", path: "/foo/-", value: ["abc"] }], { foo: ["bar", ["abc"]] }],
  ["remove a member", { baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
  ["remove an element", { foo: ["bar", "qux", "baz"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["bar", "baz"] }],
  ["replace", { baz: "qux" }, [{ op: "replace", path: "/baz", value: "boo" }], { baz: "boo" }],
  [
    "move",
    { foo: { bar: "baz" }, qux: {} },
    [{ op: "move", from: "/foo/bar", path: "/qux/thud" }],
    { foo: {}, qux: { thud: "baz" } },
  ],
  [
    "move an element",
    { foo: ["all", "grass", "cows", "eat"] },
    [{ op: "move", from: "/foo/1", path: "/foo/3" }],
    { foo: ["all", "cows", "eat", "grass"] },
  ],
  ["copy", { a: { b: 1 } }, [{ op: "copy", from: "/a", path: "/c" }], { a: { b: 1 }, c: { b: 1 } }],
  [
    "test",
    { baz: "qux", foo: ["a", 2] },
    [
      { op: "test", path: "/baz", value: "qux" },
      { op: "test", path: "/foo/1", value: 2 },
    ],
    { baz: "qux", foo: ["a", 2] },
  ],
  [
    "escaped names",
    { "/": 9, "~1": 10 },
    [
      { op: "test", path: "/~01", value: 10 },
      { op: "replace", path: "/~1", value: 1 },
    ],
    { "/": 1, "~1": 10 },
  ],
  ["__proto__", {}, [{ op: "add", path: "/__proto__", value: { x: 1 } }], JSON.parse('{"__proto__":{"x":1}}')],
]
for (const [name, target, patch, result] of operations) {
  test(`JSON patch: ${name}`, (t) => {
    const before = structuredClone(target)
    t.deepEqual(jsonPatch(target, patch), result)
    t.deepEqual(target, before, "the target is not changed")
  })
}

for (const [name, patch] of [
  ["a test that fails", { op: "test", path: "/a", value: 2 }],
  ["a missing target", { op: "remove", path: "/b" }],
  ["an index past the end", { op: "add", path: "/l/2", value: 0 }],
  ["an index with a leading zero", { op: "add", path: "/l/00", value: 0 }],
  ["an unknown operation", { op: "increase", path: "/a" }],
  ["a path without a slash", { op: "add", path: "a", value: 0 }],
] as const) {
  test(`JSON patch refuses ${name}`, (t) => {
    t.throws(() => jsonPatch({ a: 1, l: [1] }, [patch]), { message: /rejected our request/ })
  })
}

const http = { name: "http", port: 80, protocol: "TCP" }
const https = { name: "https", port: 443, protocol: "TCP" }
const strategic: readonly (readonly [name: string, target: unknown, patch: unknown, result: unknown])[] = [
  ["a port changes by its number", [http, https], [{ port: 80, name: "web" }], [{ ...http, name: "web" }, https]],
  ["a new port comes where the patch has it", [http], [https, { port: 80 }], [https, http]],
  ["a port goes", [http, https], [{ $patch: "delete", port: 80 }], [https]],
  ["all ports are replaced", [http, https], [{ $patch: "replace" }, { port: 1 }], [{ port: 1 }]],
]
for (const [name, ports, patch, result] of strategic) {
  test(`strategic merge: ${name}`, (t) => {
    t.deepEqual(strategicMergePatch(serviceSchema, { spec: { ports } }, { spec: { ports: patch } }), {
      spec: { ports: result },
    })
  })
}

test("strategic merge: the order of elements can be set", (t) => {
  const patch = { spec: { "$setElementOrder/ports": [{ port: 443 }, { port: 80 }] } }
  t.deepEqual(strategicMergePatch(serviceSchema, { spec: { ports: [http, https] } }, patch), {
    spec: { ports: [https, http] },
  })
})

test("strategic merge: fields are removed, retained and replaced by directive", (t) => {
  const target = { spec: { type: "ClusterIP", selector: { a: "1", b: "2" }, clusterIP: "10.0.0.1" } }
  const patched = (patch: object) => strategicMergePatch(serviceSchema, target, { spec: patch })
  t.deepEqual(patched({ clusterIP: null }), { spec: { type: "ClusterIP", selector: { a: "1", b: "2" } } })
  t.deepEqual(patched({ selector: { $patch: "replace", c: "3" } }), { spec: { ...target.spec, selector: { c: "3" } } })
  t.deepEqual(patched({ $retainKeys: ["type"], type: "NodePort" }), { spec: { type: "NodePort" } })
})

test("strategic merge: sets of words grow, and shrink by directive", (t) => {
  const target = { metadata: { finalizers: ["a", "b"] } }
  const patched = (patch: object) => strategicMergePatch(serviceSchema, target, { metadata: patch })
  t.deepEqual(patched({ finalizers: ["b", "c"] }), { metadata: { finalizers: ["a", "b", "c"] } })
  t.deepEqual(patched({ "$deleteFromPrimitiveList/finalizers": ["a"] }), { metadata: { finalizers: ["b"] } })
})

test("strategic merge: a kind without a schema knows the lists every kind has", (t) => {
  const target = { spec: { containers: [{ name: "a", image: "1" }, { name: "b" }], args: ["x", "y"] } }
  const patch = { spec: { containers: [{ name: "a", image: "2" }], args: ["z"] } }
  t.deepEqual(strategicMergePatch(undefined, target, patch), {
    spec: { containers: [{ name: "a", image: "2" }, { name: "b" }], args: ["z"] },
  })
})
