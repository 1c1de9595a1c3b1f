import test from "ava"
import type { KubeObject, ResourceDefinition } from "../../kubernetes/embedded/index.ts"
import { definition, type Json, server } from "./client.ts"

const things = "/apis/example.org/v1/namespaces/default/things"
const thing = (name: string, spec: Json): Json => ({
  apiVersion: "example.org/v1",
  kind: "Thing",
  metadata: { name },
  spec,
})

const schema = {
  required: ["size"],
  properties: {
    size: { type: "integer", format: "int32", minimum: 1, maximum: 10 },
    colour: { type: "string", enum: ["red", "blue"], default: "red" },
    code: { type: "string", pattern: "^[a-z]+$", minLength: 2, maxLength: 4 },
    address: { type: "string", format: "ipv4" },
    tags: { type: "array", minItems: 1, maxItems: 2, items: { type: "string" }, "x-kubernetes-list-type": "set" },
    amount: { "x-kubernetes-int-or-string": true },
    open: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    nested: { type: "object", properties: { on: { type: "boolean", default: true } } },
  },
}

const faults: readonly (readonly [spec: Json, field: string, reason: string, message: string])[] = [
  [{}, "spec.size", "FieldValueRequired", "Required value"],
  [
    { size: "1" },
    "spec.size",
    "FieldValueTypeInvalid",
    'Invalid value: "string": spec.size in body must be of type integer: "string"',
  ],
  [
    { size: 1.5 },
    "spec.size",
    "FieldValueTypeInvalid",
    'Invalid value: "number": spec.size in body must be of type integer: "number"',
  ],
  [
    { size: 0 },
    "spec.size",
    "FieldValueInvalid",
    "Invalid value: 0: spec.size in body should be greater than or equal to 1",
  ],
  [
    { size: 11 },
    "spec.size",
    "FieldValueInvalid",
    "Invalid value: 11: spec.size in body should be less than or equal to 10",
  ],
  [
    { size: 1, colour: "green" },
    "spec.colour",
    "FieldValueNotSupported",
    'Unsupported value: "green": supported values: "red", "blue"',
  ],
  [
    { size: 1, code: "A1" },
    "spec.code",
    "FieldValueInvalid",
    "Invalid value: \"A1\": spec.code in body should match '^[a-z]+$'",
  ],
  [
    { size: 1, code: "a" },
    "spec.code",
    "FieldValueInvalid",
    'Invalid value: "a": spec.code in body should be at least 2 chars long',
  ],
  [{ size: 1, code: "abcde" }, "spec.code", "FieldValueTooLong", "Too long: may not be more than 4 bytes"],
  [
    { size: 1, address: "x" },
    "spec.address",
    "FieldValueInvalid",
    'Invalid value: "x": spec.address in body must be of type ipv4: "x"',
  ],
  [
    { size: 1, tags: [] },
    "spec.tags",
    "FieldValueInvalid",
    "Invalid value: 0: spec.tags in body should have at least 1 items",
  ],
  [{ size: 1, tags: ["a", "b", "c"] }, "spec.tags", "FieldValueTooMany", "Too many: 3: must have at most 2 items"],
  [{ size: 1, tags: ["a", "a"] }, "spec.tags[1]", "FieldValueDuplicate", 'Duplicate value: "a"'],
  [
    { size: 1, tags: [1] },
    "spec.tags[0]",
    "FieldValueTypeInvalid",
    'Invalid value: "integer": spec.tags[0] in body must be of type string: "integer"',
  ],
]
for (const [spec, field, reason, message] of faults) {
  test(`schema: ${JSON.stringify(spec)}`, async (t) => {
    const { http } = await server(t, { definitions: [definition("things", "Thing", schema)] })
    const { status, body } = await http.post(things, thing("a", spec))
    t.is(status, 422)
    t.deepEqual(body.details.causes, [{ reason, message, field }])
    t.is(body.message, `Thing.example.org "a" is invalid: ${field}: ${message}`)
  })
}

test("defaults, pruning, open parts and either-or types", async (t) => {
  const { http } = await server(t, { definitions: [definition("things", "Thing", schema)] })
  const { body } = await http.post(
    things,
    thing("a", { size: 1, unknown: 1, amount: "5%", open: { any: [1] }, nested: {} }),
  )
  t.deepEqual(body.spec, { size: 1, colour: "red", amount: "5%", open: { any: [1] }, nested: { on: true } })
  const nulls = await http.merge(`${things}/a`, { spec: { nested: { on: null }, colour: null } })
  t.is(nulls.body.spec.colour, "red")
  t.is(nulls.body.spec.nested.on, true)
})

test("generation counts changes of the spec only; the status endpoint touches nothing else", async (t) => {
  const { http } = await server(t, { definitions: [definition("things", "Thing", schema)] })
  await http.post(things, thing("a", { size: 1 }))
  const label = await http.merge(`${things}/a`, { metadata: { labels: { x: "y" } } })
  t.is(label.body.metadata.generation, 1)
  const spec = await http.merge(`${things}/a`, { spec: { size: 2 } })
  t.is(spec.body.metadata.generation, 2)
  const status = await http.merge(`${things}/a/status`, {
    metadata: { labels: { x: "z" } },
    spec: { size: 3 },
    status: { seen: 1 },
  })
  t.is(status.body.metadata.generation, 2)
  t.is(status.body.spec.size, 2)
  t.is(status.body.metadata.labels?.x, "y")
  t.is(status.body.status.seen, 1)
  const wrong = await http.merge(`${things}/a/status`, { status: { seen: "x" } })
  t.is(wrong.status, 422)
})

const rules: readonly (readonly [
  name: string,
  rule: Json,
  first: Json,
  second: Json | undefined,
  message: string | undefined,
])[] = [
  ["holds", { rule: "self.size < 5" }, { size: 1 }, undefined, undefined],
  [
    "fails with its message",
    { rule: "self.size < 5", message: "too big" },
    { size: 7 },
    undefined,
    'spec: Invalid value: "object": too big',
  ],
  [
    "fails with its text",
    { rule: "self.size < 5" },
    { size: 7 },
    undefined,
    'spec: Invalid value: "object": failed rule: self.size < 5',
  ],
  [
    "says more by an expression",
    { rule: "self.size < 5", messageExpression: "'size is ' + string(self.size)" },
    { size: 7 },
    undefined,
    'spec: Invalid value: "object": size is 7',
  ],
  [
    "looks at absent fields",
    { rule: "!has(self.code) || self.size > 1" },
    { size: 1, code: "ab" },
    undefined,
    'spec: Invalid value: "object": failed rule: !has(self.code) || self.size > 1',
  ],
  [
    "goes over lists",
    { rule: "!has(self.tags) || self.tags.all(tag, tag.startsWith('x'))", message: "no" },
    { size: 1, tags: ["xa", "b"] },
    undefined,
    'spec: Invalid value: "object": no',
  ],
  [
    "knows addresses",
    { rule: "!has(self.code) || isIP(self.code)", message: "no address" },
    { size: 1, code: "ab" },
    undefined,
    'spec: Invalid value: "object": no address',
  ],
  [
    "does not judge the first value",
    { rule: "self.size >= oldSelf.size", message: "shrank" },
    { size: 5 },
    undefined,
    undefined,
  ],
  ["lets a value grow", { rule: "self.size >= oldSelf.size", message: "shrank" }, { size: 5 }, { size: 6 }, undefined],
  [
    "keeps a value from shrinking",
    { rule: "self.size >= oldSelf.size", message: "shrank" },
    { size: 5 },
    { size: 4 },
    'spec: Invalid value: "object": shrank',
  ],
  [
    "names the field it is about",
    { rule: "self.size < 5", message: "too big", fieldPath: ".size" },
    { size: 7 },
    undefined,
    'spec.size: Invalid value: "object": too big',
  ],
]
for (const [name, rule, first, second, message] of rules) {
  test(`a rule ${name}`, async (t) => {
    const { http } = await server(t, {
      definitions: [definition("things", "Thing", { ...schema, "x-kubernetes-validations": [rule] })],
    })
    let answer = await http.post(things, thing("a", first))
    if (second !== undefined) {
      t.is(answer.status, 201, answer.body.message)
      answer = await http.merge(`${things}/a`, { spec: second })
    }
    if (message === undefined) t.true(answer.status < 300, answer.body.message)
    else t.is(answer.body.message, `Thing.example.org "a" is invalid: ${message}`)
  })
}

test("rules that could not run are mentioned", async (t) => {
  const { http } = await server(t, {
    definitions: [
      definition("things", "Thing", { ...schema, "x-kubernetes-validations": [{ rule: "self.size < 5" }] }),
    ],
  })
  const { body } = await http.post(things, thing("a", { size: "x" }))
  t.is(body.details.causes.length, 2)
  t.regex(body.details.causes[1]?.message ?? "", /some validation rules were not checked/)
})

const versioned: ResourceDefinition = {
  spec: {
    group: "example.org",
    scope: "Namespaced",
    names: { plural: "peers", kind: "Peer", shortNames: ["pr"] },
    versions: [
      {
        name: "v1beta1",
        served: true,
        storage: false,
        deprecated: true,
        deprecationWarning: "use v1",
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", properties: { host: { type: "string" } } } },
          },
        },
      },
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", properties: { address: { type: "string" } } } },
          },
        },
        additionalPrinterColumns: [{ name: "Address", type: "string", jsonPath: ".spec.address" }],
      },
    ],
  },
}
const rename = (object: KubeObject, toVersion: string): KubeObject => {
  const value = object.spec?.["address"] ?? object.spec?.["host"]
  return { ...object, spec: { [toVersion === "v1" ? "address" : "host"]: value } }
}

test("an object is written in one version and read in another, with a warning for the old one", async (t) => {
  const { http } = await server(t, { definitions: [versioned], conversions: { "peers.example.org": rename } })
  const old = "/apis/example.org/v1beta1/namespaces/default/peers"
  const now = "/apis/example.org/v1/namespaces/default/peers"
  const made = await http.post(old, {
    apiVersion: "example.org/v1beta1",
    kind: "Peer",
    metadata: { name: "p" },
    spec: { host: "192.0.2.1" },
  })
  t.is(made.status, 201, made.body.message)
  t.is(made.body.apiVersion, "example.org/v1beta1")
  t.is(made.headers.get("warning"), '299 - "use v1"')
  const read = await http.get(`${now}/p`)
  t.deepEqual([read.body.apiVersion, read.body.spec], ["example.org/v1", { address: "192.0.2.1" }])
  t.is(read.headers.get("warning"), null)
  const watching = await http.watch(old)
  await http.merge(`${now}/p`, { spec: { address: "192.0.2.2" } })
  const lines = await watching.until((all) => all.length === 2)
  t.deepEqual(lines[1]?.object.spec, { host: "192.0.2.2" })
  await watching.stop()
  const patched = await http.merge(`${old}/p`, { spec: { host: "192.0.2.3" } })
  t.deepEqual(patched.body.spec, { host: "192.0.2.3" })
  const list = await http.get(now, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" })
  t.deepEqual(list.body.rows[0].cells, ["p", "192.0.2.3"])
})

test("a definition that is posted is served at once, and its objects go with it", async (t) => {
  const { http } = await server(t)
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
  t.is((await http.get(things)).status, 404)
  const wrong = await http.post(crds, {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "x" },
    spec: {},
  })
  t.is(wrong.status, 422)
  const made = await http.post(crds, {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "things.example.org" },
    ...definition("things", "Thing", schema),
  })
  t.is(made.status, 201, made.body.message)
  t.true(
    made.body.status.conditions.some(
      (condition: Json) => condition["type"] === "Established" && condition["status"] === "True",
    ),
  )
  t.is((await http.post(things, thing("a", { size: 1 }))).status, 201)
  const watching = await http.watch(things)
  await http.delete(`${crds}/things.example.org`)
  const lines = await watching.until((all) => all.length === 2)
  t.is(lines[1]?.type, "DELETED")
  t.is((await http.get(things)).status, 404)
  await watching.stop()
})

test("whole numbers keep every digit of an int64, however they come", async (t) => {
  const properties = { most: { type: "integer", format: "int64" }, least: { type: "integer" } }
  const { http } = await server(t, { definitions: [definition("things", "Thing", { properties })] })
  const digits = '"most":9223372036854775807,"least":-9007199254740993'
  const json = (name: string) =>
    `{"apiVersion":"example.org/v1","kind":"Thing","metadata":{"name":"${name}"},"spec":{${digits}}}`
  const watching = await http.watch(things)
  t.true((await http.post(things, json("a"))).text.includes(digits))
  t.true((await http.get(`${things}/a`)).text.includes(digits))
  t.true((await http.get(things)).text.includes(digits))
  const yaml =
    "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: b}\nspec: {most: 9007199254740993, least: 1}\n"
  t.regex((await http.apply(`${things}/b?fieldManager=me`, yaml)).text, /"most":9007199254740993,"least":1\b/)
  t.regex((await http.merge(`${things}/a`, '{"spec":{"least":9007199254740993}}')).text, /"least":9007199254740993\b/)
  // No int64, and so no whole number to Go.
  const { status, text } = await http.post(things, json("c").replace("9223372036854775807", "9223372036854775808"))
  t.is(status, 422)
  t.regex(text, /spec\.most in body must be of type integer/)
  await watching.until((lines) => lines.length === 3)
  await watching.stop()
})
