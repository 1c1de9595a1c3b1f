import test from "ava"
import { execFile, spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { startEmbeddedApi } from "../../../kubernetes/embedded/index.ts"
import { temporaryDirectory } from "../client/fake-api.ts"

const kubectl = spawnSync("kubectl", ["version", "--client"]).status === 0
const live = kubectl ? test : test.skip
const run = promisify(execFile)

live("kubectl applies deploy/crds, explains a field and lists a kind (needs kubectl)", async (t) => {
  const server = await startEmbeddedApi({ listen: [{}], definitions: [] })
  t.teardown(() => server.close())
  const cache = temporaryDirectory()
  const ask = async (...args: string[]) =>
    (
      await run("kubectl", ["--server", server.url, "--cache-dir", cache, ...args], {
        env: { ...process.env, KUBECONFIG: "/dev/null" },
      })
    ).stdout
  const applied = await ask("apply", "-f", fileURLToPath(new URL("../../../deploy/crds", import.meta.url)))
  t.is(applied.trim().split("\n").length, 10)
  t.regex(applied, /ipaddresspools\.metallb\.io created/)
  t.regex(applied, /bgpsessionstates\.troupe\.dev created/)
  t.regex(await ask("explain", "ipaddresspools.spec.addresses"), /Address ranges/)
  server.objects.put({
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name: "blue", namespace: "default" },
    spec: { addresses: ["192.168.1.0/24"] },
  })
  const [head, row] = (await ask("get", "ipaddresspools")).split("\n")
  t.deepEqual(head?.split(/\s{2,}/), ["NAME", "AUTO ASSIGN", "AVOID BUGGY IPS", "ADDRESSES"])
  t.deepEqual(row?.split(/\s{2,}/), ["blue", "true", "false", '["192.168.1.0/24"]'])
})
