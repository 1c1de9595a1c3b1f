import { X509Certificate } from "node:crypto"
import test, { type ExecutionContext } from "ava"
import type { KeyPair } from "../../kubernetes/certificates/certificates.ts"
import { issueCertificates } from "../../kubernetes/certificates/issue.ts"
import { rotateCertificates } from "../../kubernetes/certificates/rotation.ts"
import { objectAt, textOf } from "../../kubernetes/client/json.ts"
import { connectTo, fakeApi, hurried, memoryLog, status, until } from "../kubernetes/client/fake-api.ts"
import { embeddedCluster, ours } from "../kubernetes/client/embedded-cluster.ts"

const dnsName = `metallb-webhook-service.${ours}.svc`
const secretName = "metallb-webhook-cert"
const configuration = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  metadata: { name: "metallb-webhook-configuration" },
  webhooks: ["a", "b"].map((name) => ({
    name: `${name}.metallb.io`,
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    clientConfig: { service: { namespace: ours, name: "metallb-webhook-service", path: `/${name}` } },
  })),
}
const pem = (base64: unknown) => Buffer.from(textOf(base64), "base64").toString()

async function start(t: ExecutionContext, { configured = true } = {}) {
  const { server, client, log, time } = await embeddedCluster(t)
  if (configured) server.objects.create(configuration)
  const begun: { stop(): Promise<void> }[] = []
  t.teardown(() => Promise.all(begun.map((rotation) => rotation.stop())))
  const rotate = async (clock = time) => {
    const { cluster } = await client()
    const served: KeyPair[] = []
    const serve = (pair: KeyPair) => void served.push(pair)
    const rotation = rotateCertificates({ cluster, namespace: ours, secretName, dnsName, serve, log, time: clock })
    begun.push(rotation)
    return { served, rotation }
  }
  const secret = () => server.objects.get("v1", "Secret", secretName, ours)
  const data = (file: string) => pem(objectAt(secret(), "data")[file])
  const bundles = () => {
    const { apiVersion, kind, metadata } = configuration
    const webhooks = (server.objects.get(apiVersion, kind, metadata.name)?.["webhooks"] ?? []) as readonly unknown[]
    const definition = server.objects.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "bgppeers.metallb.io")
    return [
      ...webhooks.map((webhook) => pem(objectAt(webhook, "clientConfig")["caBundle"])),
      pem(objectAt(definition, "spec", "conversion", "webhook", "clientConfig")["caBundle"]),
    ]
  }
  return { server, log, time, rotate, secret, data, bundles }
}

test("from nothing: a Secret, the CA in every webhook and in the definition, and something to serve with", async (t) => {
  const { server, log, rotate, secret, data, bundles } = await start(t)
  const { served } = await rotate()
  await until(() => served.length > 0, "served")
  t.is(secret()?.["type"], "Opaque")
  t.deepEqual(
    bundles(),
    Array.from({ length: 3 }, () => data("ca.crt")),
  )
  t.is(served[0]?.cert, data("tls.crt"))
  t.true(served[0]?.key.holds(data("tls.key")))
  const [ca, cert] = [new X509Certificate(data("ca.crt")), new X509Certificate(data("tls.crt"))]
  t.true(cert.verify(ca.publicKey))
  t.is(cert.checkHost(dnsName), dnsName)
  const managers = (object: unknown) => JSON.stringify(objectAt(object, "metadata")["managedFields"])
  t.regex(managers(secret()), /"manager":"MetalLB"/)
  t.false(
    log.lines.some((line) => line.includes("PRIVATE") || line.includes(String(objectAt(secret(), "data")["ca.key"]))),
  )
  const definition = server.objects.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "bgppeers.metallb.io")
  t.is(JSON.stringify(definition?.["spec"]).match(/caBundle/g)?.length, 1)
})

test("MetalLB's empty Secret is filled; what else it holds stays", async (t) => {
  const { server, rotate, secret, data } = await start(t)
  server.objects.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: secretName, namespace: ours, labels: { app: "metallb" } },
    data: { other: "eA==" },
  })
  const { served } = await rotate()
  await until(() => served.length > 0, "served")
  t.is(objectAt(secret(), "metadata", "labels")["app"], "metallb")
  t.is(data("other"), "x")
})

test("good certificates are taken as they are, and never written", async (t) => {
  const { server, rotate, secret, log } = await start(t)
  const { ca, server: own } = await issueCertificates(dnsName, Date.now())
  const encoded = (text: string) => Buffer.from(text).toString("base64")
  server.objects.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: secretName, namespace: ours },
    data: {
      "ca.crt": encoded(ca.cert),
      "ca.key": encoded(ca.key.reveal()),
      "tls.crt": encoded(own.cert),
      "tls.key": encoded(own.key.reveal()),
    },
  })
  const before = objectAt(secret(), "metadata")["resourceVersion"]
  const { served, rotation } = await rotate()
  await until(() => served.length > 0, "served")
  t.is(served[0]?.cert, own.cert)
  await until(() => rotation.counts().active + rotation.counts().depth === 0, "at rest")
  t.is(objectAt(secret(), "metadata")["resourceVersion"], before)
  t.false(log.lines.some((line) => line.includes("new webhook certificates")))
})

test("what somebody undoes is done again: bundle, Secret, server certificate", async (t) => {
  const { server, rotate, data, bundles } = await start(t)
  const { served } = await rotate()
  await until(() => served.length > 0, "served")
  const ca = data("ca.crt")

  server.objects.put(configuration)
  await until(() => bundles().every((bundle) => bundle === ca), "injected again")

  const name = { name: secretName, namespace: ours }
  const present = server.objects.get("v1", "Secret", secretName, ours)
  const { "tls.key": _, ...rest } = objectAt(present, "data")
  server.objects.put({ apiVersion: "v1", kind: "Secret", metadata: name, type: "Opaque", data: rest })
  await until(() => served.length > 1, "a new server certificate")
  t.is(data("ca.crt"), ca, "by the same CA")
  t.not(served[1]?.cert, served[0]?.cert)

  server.objects.delete("v1", "Secret", secretName, ours)
  await until(() => served.length > 2, "a new Secret")
  t.not(data("ca.crt"), ca)
  await until(() => bundles().every((bundle) => bundle === data("ca.crt")), "its CA is injected")
})

test("renewed in time: the twelve-hourly look finds 90 days left", async (t) => {
  const { time, rotate, data } = await start(t)
  let aheadMs = 0
  // Twelve hours pass in a moment; requests keep their time.
  const fast = hurried(20_000)
  const clock = { ...fast, wallMs: () => time.wallMs() + aheadMs }
  const { served } = await rotate(clock)
  await until(() => served.length > 0, "served")
  const ca = data("ca.crt")
  aheadMs = (3650 - 89) * 86_400_000
  await until(() => served.length > 1, "renewed")
  t.not(data("ca.crt"), ca)
})

test("two controllers at once agree on one CA", async (t) => {
  const { rotate, data, bundles } = await start(t)
  const both = await Promise.all([rotate(), rotate()])
  await until(() => both.every(({ served }) => served.at(-1)?.cert === data("tls.crt")), "both serve the same")
  await until(() => bundles().every((bundle) => bundle === data("ca.crt")), "the CA is injected")
  t.pass()
})

test("no webhook configuration: said once, served all the same, and injected when it comes", async (t) => {
  const { server, log, rotate, data, bundles } = await start(t, { configured: false })
  const { served } = await rotate()
  await until(() => served.length > 0, "served")
  const said = log.lines.filter((line) => line.includes("there is no ValidatingWebhookConfiguration"))
  t.is(said.length, 1)
  server.objects.create(configuration)
  await until(() => bundles().length === 3 && bundles().every((bundle) => bundle === data("ca.crt")), "injected")
})

test("an API server that refuses: waits, says why without a key, and serves nothing that is not in the Secret", async (t) => {
  const fake = await fakeApi()
  const time = hurried(50)
  const cluster = await connectTo(fake, { time })
  const log = memoryLog()
  const served: KeyPair[] = []
  const secretPath = `/api/v1/namespaces/${ours}/secrets`
  fake.intercept(({ url }) => url.pathname === `${secretPath}/${secretName}`, status(404, "NotFound", "no such Secret"))
  fake.intercept(({ method }) => method === "POST", status(403, "Forbidden", "may not create Secrets"))
  const rotation = rotateCertificates({
    cluster,
    namespace: ours,
    secretName,
    dnsName,
    serve: (pair) => void served.push(pair),
    log,
    time,
  })
  t.teardown(async () => {
    await rotation.stop()
    await cluster.close()
    await fake.close()
  })
  await until(() => log.lines.some((line) => line.includes("may not create Secrets")), "the reason")
  t.is(served.length, 0)
  t.false(log.lines.join().includes("PRIVATE"))
})
