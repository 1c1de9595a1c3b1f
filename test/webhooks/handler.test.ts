import test, { type ExecutionContext } from "ava"
import fc from "fast-check"
import { type WebhookAnswer, webhooks } from "../../kubernetes/webhooks/handler.ts"
import { webhookRules } from "../../kubernetes/webhooks/rules.ts"
import { embeddedCluster, ours } from "../kubernetes/client/embedded-cluster.ts"
import { connectTo, fakeApi, memoryLog, status } from "../kubernetes/client/fake-api.ts"

async function start(t: ExecutionContext) {
  const { server, log } = await embeddedCluster(t)
  const cluster = await connectTo(server)
  t.teardown(() => cluster.close())
  const answering = webhooks({ cluster, namespace: ours, log })
  const post = async (path: string, body: unknown, contentType = "application/json"): Promise<WebhookAnswer> => {
    const text = typeof body === "string" ? body : JSON.stringify(body)
    const answer = await answering.answer({ method: "POST", path, contentType, body: text })
    if (answer === undefined) throw new Error(`nobody answers at ${path}`)
    return answer
  }
  return { server, log, answering, post }
}

const pathOf = (kind: string) => webhookRules.find((rule) => rule.kind === kind)?.path ?? ""
const object = (kind: string, name: string, spec: object, version = "v1beta1", namespace = ours) => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace },
  spec,
})
const asked = (operation: string, object: unknown, more: object = {}) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: { uid: "u-1", operation, ...(operation === "DELETE" ? { oldObject: object } : { object }), ...more },
})
const answered = (answer: WebhookAnswer) =>
  (JSON.parse(answer.body) as { apiVersion: string; kind: string; response: Record<string, unknown> }).response
const allowed = { uid: "u-1", allowed: true, status: { code: 200 } }
const denied = (message: string) => ({
  uid: "u-1",
  allowed: false,
  status: { code: 403, reason: "Forbidden", message },
})

test("a pool is judged by what the API server holds at that moment", async (t) => {
  const { server, post } = await start(t)
  const pool = (name: string) => object("IPAddressPool", name, { addresses: ["192.0.2.0/24"] })
  const path = pathOf("IPAddressPool")
  t.deepEqual(answered(await post(path, asked("CREATE", pool("b")))), allowed)
  server.objects.create(pool("a"))
  const overlap = 'CIDR "192.0.2.0/24" in pool "b" overlaps with already defined CIDR "192.0.2.0/24"'
  t.deepEqual(answered(await post(path, asked("CREATE", pool("b")))), denied(overlap))
  t.deepEqual(answered(await post(path, asked("UPDATE", pool("a")))), allowed)
  t.deepEqual(answered(await post(path, asked("DELETE", pool("a")))), allowed)
})

test("answers carry the version and uid of the question, and warnings", async (t) => {
  const { post } = await start(t)
  const peer = object("BGPPeer", "p", { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1", disableMP: true }, "v1beta2")
  const answer = await post(pathOf("BGPPeer"), { ...asked("CREATE", peer), apiVersion: "admission.k8s.io/v1beta1" })
  t.is(answer.status, 200)
  t.is(answer.type, "application/json")
  t.deepEqual(JSON.parse(answer.body), {
    apiVersion: "admission.k8s.io/v1beta1",
    kind: "AdmissionReview",
    response: {
      ...allowed,
      warnings: ["disable mp is deprecated and has no effect since it's the default behavior now"],
    },
  })
})

test("a BFD profile that a peer names stays", async (t) => {
  const { server, post } = await start(t)
  server.objects.create(
    object("BGPPeer", "p", { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1", bfdProfile: "fast" }, "v1beta2"),
  )
  const remove = async (name: string) =>
    answered(await post(pathOf("BFDProfile"), asked("DELETE", object("BFDProfile", name, {}))))
  t.deepEqual(await remove("fast"), denied("failed to delete BFDProfile fast, used by BGPPeer p"))
  t.deepEqual(await remove("slow"), allowed)
})

test("another namespace, taken from the request when the object has none yet", async (t) => {
  const { post } = await start(t)
  const pool = { ...object("IPAddressPool", "p", { addresses: ["192.0.2.0/24"] }), metadata: { name: "p" } }
  const answer = await post(pathOf("IPAddressPool"), asked("CREATE", pool, { namespace: "default" }))
  t.deepEqual(answered(answer), denied("resource must be created in metallb-system namespace"))
  t.deepEqual(answered(await post(pathOf("IPAddressPool"), asked("CREATE", pool, { namespace: ours }))), allowed)
})

test("without the API server nothing is let through, and the text says which list failed", async (t) => {
  const fake = await fakeApi()
  const cluster = await connectTo(fake)
  t.teardown(async () => {
    await cluster.close()
    await fake.close()
  })
  const answering = webhooks({ cluster, namespace: ours, log: memoryLog() })
  const judge = async (kind: string, list: string, spec: object, version?: string) => {
    fake.intercept(({ url }) => url.pathname.endsWith(`/${list}`), status(403, "Forbidden", `no ${list} for you`))
    const body = JSON.stringify(asked("CREATE", object(kind, "x", spec, version)))
    const answer = await answering.answer({
      method: "POST",
      path: pathOf(kind),
      contentType: "application/json",
      body,
    })
    return (answered(answer ?? { status: 0, type: "", body: "{}" })["status"] as { message: string }).message
  }
  const peer = { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1" }
  for (const [kind, list, spec, version, text] of [
    [
      "IPAddressPool",
      "ipaddresspools",
      { addresses: ["192.0.2.0/24"] },
      "v1beta1",
      "no ipaddresspools for you\nfailed to get existing IPAddressPool objects",
    ],
    [
      "L2Advertisement",
      "l2advertisements",
      {},
      "v1beta1",
      "no l2advertisements for you\nfailed to get existing v1beta1.L2Advertisement objects",
    ],
    ["BGPAdvertisement", "nodes", {}, "v1beta1", "no nodes for you\nfailed to get existing Node objects"],
    ["BGPPeer", "bgppeers", peer, "v1beta2", "failed to get existing BGPPeer objects: no bgppeers for you"],
    ["BGPPeer", "nodes", peer, "v1beta2", "failed to get existing Node objects: no nodes for you"],
  ] as const)
    t.is(await judge(kind, list, spec, version), text)
})

test("what cannot be understood is a 400 that says why", async (t) => {
  const { post, answering, log } = await start(t)
  const path = pathOf("IPAddressPool")
  const good = asked("CREATE", object("IPAddressPool", "p", { addresses: ["192.0.2.0/24"] }))
  for (const [what, body, pattern] of [
    ["no JSON", "{", /^the body is no JSON$/],
    ["no review", "{}", /^the body is no AdmissionReview of /],
    ["null", "null", /^the body is no AdmissionReview of /],
    ["another version", { ...good, apiVersion: "admission.k8s.io/v2" }, /^the body is no AdmissionReview of /],
    ["no uid", { ...good, request: {} }, /request.uid/],
  ] as const) {
    const answer = await post(path, body)
    t.is(answer.status, 400, what)
    const { allowed, status } = answered(answer) as { allowed: boolean; status: { code: number; message: string } }
    t.false(allowed)
    t.is(status.code, 400)
    t.regex(status.message, pattern, what)
  }
  for (const [what, body, pattern] of [
    ["no object", asked("CREATE", undefined), /^request.object is no object$/],
    ["no old object", asked("DELETE", undefined), /^request.oldObject is no object$/],
    ["CONNECT", asked("CONNECT", {}), /^request.operation "CONNECT" is not reviewed here$/],
    ["another kind", asked("CREATE", object("Community", "c", {})), /^request.object is no IPAddressPool of /],
    [
      "a spec of another shape",
      asked("CREATE", object("IPAddressPool", "p", { addresses: "all" })),
      /^IPAddressPool p: spec.addresses must be array/,
    ],
  ] as const) {
    const answer = await post(path, body)
    t.is(answer.status, 200, what)
    const { uid, allowed, status } = answered(answer) as Record<string, { code: number; message: string }>
    t.deepEqual({ uid, allowed }, { uid: "u-1", allowed: false } as unknown as { uid: never; allowed: never })
    t.is(status?.code, 400)
    t.regex(status?.message ?? "", pattern, what)
  }
  t.is((await post(path, good, "text/plain")).status, 400)
  t.is((await answering.answer({ method: "GET", path, contentType: "", body: "" }))?.status, 405)
  t.is(
    await answering.answer({ method: "POST", path: "/other", contentType: "application/json", body: "{}" }),
    undefined,
  )
  const bad = answering.counts().find((count) => count.path === path && count.outcome === "bad-request")
  t.is(bad?.count, 12)
  t.true(log.lines.length > 0)
})

test("conversion: all objects or none, in the version of the question", async (t) => {
  const { post } = await start(t)
  const spec = { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1" }
  const question = (objects: readonly unknown[], desiredAPIVersion = "metallb.io/v1beta1", version = "v1beta1") => ({
    apiVersion: `apiextensions.k8s.io/${version}`,
    kind: "ConversionReview",
    request: { uid: "c-1", desiredAPIVersion, objects },
  })
  for (const version of ["v1beta1", "v1"]) {
    const answer = await post("/convert", question([object("BGPPeer", "p", spec, "v1beta2")], undefined, version))
    t.deepEqual(JSON.parse(answer.body), {
      apiVersion: `apiextensions.k8s.io/${version}`,
      kind: "ConversionReview",
      response: {
        uid: "c-1",
        convertedObjects: [
          object("BGPPeer", "p", { ...spec, holdTime: "0s", keepaliveTime: "0s", nodeSelectors: [] }, "v1beta1"),
        ],
        result: { status: "Success" },
      },
    })
  }
  for (const [objects, desired, message] of [
    [[object("BGPPeer", "p", spec, "v1beta2"), object("Community", "c", {})], undefined, /objects\[1\] is no BGPPeer/],
    [[object("BGPPeer", "p", spec, "v1beta2")], "metallb.io/v2", /cannot convert to "metallb.io\/v2"/],
    ["x", undefined, /no list/],
  ] as const) {
    const answer = await post("/convert", question(objects as readonly unknown[], desired))
    t.is(answer.status, 200)
    const { result, convertedObjects } = answered(answer) as {
      result: { status: string; message: string }
      convertedObjects: unknown
    }
    t.is(result.status, "Failure")
    t.regex(result.message, message)
    t.deepEqual(convertedObjects, [])
  }
  t.is((await post("/convert", "[]")).status, 400)
})

test("whatever comes, there is an answer and no exception", async (t) => {
  const { answering, log } = await start(t)
  const paths = [...webhookRules.map(({ path }) => path), "/convert"]
  const review = fc.record({
    apiVersion: fc.constantFrom("admission.k8s.io/v1", "apiextensions.k8s.io/v1beta1"),
    kind: fc.constantFrom("AdmissionReview", "ConversionReview"),
    request: fc.record(
      {
        uid: fc.constantFrom("u", 1, null),
        operation: fc.constantFrom("CREATE", "UPDATE", "DELETE", "x", {}),
        desiredAPIVersion: fc.constantFrom("metallb.io/v1beta1", "metallb.io/v1beta2"),
        objects: fc.array(fc.object({ key: fc.constantFrom("apiVersion", "kind", "spec", "nodeSelectors") })),
        object: fc.record({
          apiVersion: fc.constantFrom("metallb.io/v1beta1", "metallb.io/v1beta2"),
          kind: fc.constantFrom(...webhookRules.map(({ kind }) => kind)),
          metadata: fc.oneof(fc.record({ name: fc.string(), namespace: fc.constantFrom(ours, 3) }), fc.jsonValue()),
          spec: fc.jsonValue(),
        }),
        oldObject: fc.jsonValue(),
      },
      { requiredKeys: [] },
    ),
  })
  const bodies = fc.oneof(
    review.map((value) => JSON.stringify(value)),
    fc.json(),
    fc.string(),
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), bodies, async (path, body) => {
      const answer = await answering.answer({ method: "POST", path, contentType: "application/json", body })
      t.true(answer !== undefined && [200, 400].includes(answer.status))
    }),
    { numRuns: 300 },
  )
  t.deepEqual(
    log.lines.filter((line) => line.includes("error of our own")),
    [],
  )
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`
  const nested = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","request":{"uid":"u","desiredAPIVersion":"metallb.io/v1beta1","objects":[{"apiVersion":"metallb.io/v1beta2","kind":"BGPPeer","spec":{},"metadata":${deep}}]}}`
  const answer = await answering.answer({
    method: "POST",
    path: "/convert",
    contentType: "application/json",
    body: nested,
  })
  t.true((answer?.status ?? 0) >= 400)
})
