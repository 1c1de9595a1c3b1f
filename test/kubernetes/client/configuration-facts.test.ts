import test from "ava"
import { inspect, isDeepStrictEqual } from "node:util"
import type { ConfigurationFacts } from "../../../config/facts.ts"
import { SecretText } from "../../../config/secret-text.ts"
import { embeddedCluster, ours } from "./embedded-cluster.ts"
import { until } from "./fake-api.ts"

const secret = (name: string, password: string, type = "kubernetes.io/basic-auth", namespace = ours) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace },
  type,
  data: { username: Buffer.from("u").toString("base64"), password: Buffer.from(password).toString("base64") },
})

test("BFD profiles and the passwords of our namespace come with the configuration, for who asks for them", async (t) => {
  const { server, log, client } = await embeddedCluster(t)
  const { api } = await client()
  server.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: "elsewhere" } })
  server.objects.put(secret("tor", "hunter2"))
  server.objects.put(secret("other", "not-ours", undefined, "elsewhere"))
  server.objects.put(secret("opaque", "unread", "Opaque"))
  server.objects.put({
    apiVersion: "metallb.io/v1beta1",
    kind: "BFDProfile",
    metadata: { name: "fast", namespace: ours },
    spec: { receiveInterval: 50, transmitInterval: 50, echoMode: true },
  })
  const told: ConfigurationFacts[] = []
  const plain: ConfigurationFacts[] = []
  const watch = (passwordSecrets: boolean, into: ConfigurationFacts[]) =>
    new Promise<void>((synced) =>
      api.watch({ configuration: true, passwordSecrets }, { configuration: (facts) => into.push(facts), synced }),
    )
  await watch(true, told)
  // The second kind of watch begins with what the first has read.
  await watch(false, plain)
  t.is(plain[0]?.passwordSecrets, undefined)
  t.deepEqual(plain[0]?.bfdProfiles, [
    { name: "fast", labels: {}, spec: { receiveInterval: 50, transmitInterval: 50, echoMode: true } },
  ])

  const facts = () => told.at(-1)
  const passwordOf = (name: string) => facts()?.passwordSecrets?.find((secret) => secret.name === name)?.password
  t.deepEqual(
    facts()
      ?.passwordSecrets?.map(({ name, type }) => `${name} ${type}`)
      .sort(),
    ["opaque Opaque", "tor kubernetes.io/basic-auth"],
  )
  t.is(passwordOf("tor")?.reveal(), "hunter2")
  t.is(passwordOf("opaque"), undefined)
  for (const text of [
    inspect(facts(), { depth: 9, showHidden: true }),
    JSON.stringify(facts()),
    String(passwordOf("tor")),
  ])
    t.false(/hunter2|aHVudGVyMg|unread|dW5yZWFk/.test(text), text)

  const before = passwordOf("tor")
  server.objects.put(secret("tor", "correct horse"))
  await until(() => passwordOf("tor")?.reveal() === "correct horse", "the new password")
  t.false(isDeepStrictEqual(before, passwordOf("tor")))

  const calls = told.length
  const rotated = passwordOf("tor")
  server.objects.delete("v1", "Secret", "tor", ours)
  server.objects.put({ ...secret("tor", "correct horse"), immutable: true })
  server.objects.put(secret("more", "x"))
  await until(() => told.length > calls && passwordOf("more") !== undefined, "what came after")
  t.is(passwordOf("tor"), rotated)
  t.false(log.lines.some((line) => /hunter2|horse/.test(line)))
})

test("a text that may reach no log", (t) => {
  const text = new SecretText("hunter2")
  for (const shown of [String(text), JSON.stringify({ text }), inspect({ text }), inspect([text], { depth: 0 })])
    t.notRegex(shown, /hunter2/)
  t.is(JSON.stringify({ text }), '{"text":"<redacted>"}')
  t.is(inspect(text), "<redacted>")
  t.deepEqual(Object.values(text), [text.revision])
  t.notRegex(inspect(structuredClone(text)), /hunter2/)
  t.true(isDeepStrictEqual(text, text))
  t.false(isDeepStrictEqual(text, new SecretText("hunter3")))
  t.true(text.holds("hunter2"))
})

test("Secrets that may not be read hold the configuration back, and the reason is told; once they may, it comes", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const { api } = await client()
  server.chaos.applies = (_, path) => path.endsWith("/secrets")
  server.chaos.errorRate = 1
  let facts: ConfigurationFacts | undefined
  const lost: string[] = []
  api.watch(
    { configuration: true, passwordSecrets: true },
    {
      configuration: (told) => (facts = told),
      connection: (connected, reason) => void (connected || lost.push(reason)),
      synced() {},
    },
  )
  await until(() => lost.length > 0, "the reason")
  t.regex(lost[0] ?? "", /^secrets: /)
  t.is(facts, undefined)
  server.chaos.errorRate = 0
  await until(() => facts !== undefined, "the configuration")
  t.deepEqual(facts?.passwordSecrets, [])
  t.deepEqual(facts?.bfdProfiles, [])
})
