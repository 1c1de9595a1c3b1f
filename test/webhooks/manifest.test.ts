import { readFileSync } from "node:fs"
import test from "ava"
import { parseAllDocuments } from "yaml"
import { listOf, objectAt } from "../../kubernetes/client/json.ts"
import { targets } from "../../kubernetes/certificates/inject.ts"
import { webhookRules } from "../../kubernetes/webhooks/rules.ts"
import { embeddedCluster } from "../kubernetes/client/embedded-cluster.ts"

const file = new URL("../../deploy/webhooks.yaml", import.meta.url)
const documents = parseAllDocuments(readFileSync(file, "utf8")).map((document): unknown => document.toJS())

test("deploy/webhooks.yaml asks for what is answered", (t) => {
  const configuration = documents.find((document) => objectAt(document)["kind"] === "ValidatingWebhookConfiguration")
  const asked = listOf(objectAt(configuration)["webhooks"]).map((webhook) => {
    const [rule] = listOf(objectAt(webhook)["rules"]).map((rule) => objectAt(rule))
    return {
      name: objectAt(webhook)["name"],
      path: objectAt(webhook, "clientConfig", "service")["path"],
      groups: rule?.["apiGroups"],
      version: rule?.["apiVersions"],
      resource: rule?.["resources"],
      operations: rule?.["operations"],
    }
  })
  const answered = webhookRules.map(({ name, path, version, resource, operations }) => ({
    name,
    path,
    groups: ["metallb.io"],
    version: [version],
    resource: [resource],
    operations: [...operations],
  }))
  t.deepEqual(asked, answered as unknown as typeof asked)
  t.true(targets.some(({ name }) => name === objectAt(configuration, "metadata")["name"]))
})

test("an API server takes it", async (t) => {
  const { server } = await embeddedCluster(t)
  for (const document of documents) t.notThrows(() => server.objects.put(objectAt(document)))
})
