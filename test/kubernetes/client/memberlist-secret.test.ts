import test from "ava"
import { ensureMemberlistSecret } from "../../../kubernetes/client/memberlist-secret.ts"
import { objectAt, textOf } from "../../../kubernetes/client/json.ts"
import { embeddedCluster, ours } from "./embedded-cluster.ts"

const wanted = { namespace: ours, name: "memberlist", deployment: "controller" }
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "controller", namespace: ours },
  spec: {
    selector: { matchLabels: { app: "troupe" } },
    template: {
      metadata: { labels: { app: "troupe" } },
      spec: { containers: [{ name: "controller", image: "troupe" }] },
    },
  },
}

test("made once, owned by the Deployment, and never changed; two controllers at once make one", async (t) => {
  const { server, time, client } = await embeddedCluster(t)
  const { cluster } = await client()
  const { uid } = server.objects.create(deployment).metadata
  const both = await Promise.all([
    ensureMemberlistSecret(cluster, wanted, time),
    ensureMemberlistSecret(cluster, wanted, time),
  ])
  t.true(both.every((one) => one.ok))
  t.is(both.filter((one) => one.ok && one.value === "created").length, 1)
  const found = () => server.objects.get("v1", "Secret", "memberlist", ours)
  const key = () => Buffer.from(textOf(objectAt(found(), "data")["secretkey"]), "base64").toString()
  t.regex(key(), /^[A-Za-z0-9+/]{22}$/)
  t.deepEqual(objectAt(found(), "metadata")["ownerReferences"], [
    { apiVersion: "apps/v1", kind: "Deployment", name: "controller", uid },
  ])
  const before = key()
  t.deepEqual(await ensureMemberlistSecret(cluster, wanted, time), { ok: true, value: "present" })
  t.is(key(), before)
})

test("a third of all requests failing: made all the same; no Deployment, or no right to look: said", async (t) => {
  const { server, time, client } = await embeddedCluster(t)
  const { cluster } = await client()
  const missing = await ensureMemberlistSecret(cluster, wanted, time)
  t.regex(missing.ok ? "" : missing.error, /^cannot read Deployment metallb-system\/controller: .*not found/)
  t.is(server.objects.get("v1", "Secret", "memberlist", ours), undefined)
  const refused = await ensureMemberlistSecret(
    {
      request: async () => ({
        ok: false,
        error: { kind: "refused", status: 403, reason: "Forbidden", message: "secrets is forbidden" },
      }),
    },
    wanted,
    time,
  )
  t.is(
    refused.ok ? "" : refused.error,
    "cannot read the memberlist Secret metallb-system/memberlist: secrets is forbidden",
  )
  server.objects.create(deployment)
  server.chaos.errorRate = 0.33
  let failures = 0
  for (let i = 0; i < 10; i++) {
    const made = await ensureMemberlistSecret(cluster, { ...wanted, name: `m${i}` }, time)
    if (!made.ok) failures++
    else t.truthy(server.objects.get("v1", "Secret", `m${i}`, ours))
  }
  // Six attempts each: one in eight hundred fails for good.
  t.true(failures < 3)
})
