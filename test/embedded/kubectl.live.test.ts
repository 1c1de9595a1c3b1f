import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import test, { type ExecutionContext } from "ava"
import { type EmbeddedApi, startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"

// A stock kubectl, unchanged, against the embedded server: what a user types and reads. `KUBECTL` names another one.

const kubectl = process.env["KUBECTL"] ?? "kubectl"
const version = spawnSync(kubectl, ["version", "--client", "-o", "json"], { encoding: "utf8" })
const live = version.status === 0 ? test : test.skip
if (version.status !== 0) test.skip("needs kubectl on the PATH", () => undefined)
/** What only newer ones can: `wait --for=jsonpath`, strict fields on the server, `explain` of OpenAPI v3. */
const minor = Number(/"minor": "(\d+)/.exec(version.stdout)?.[1] ?? 0)

interface Output {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Running {
  readonly out: () => string
  readonly until: (part: string) => Promise<void>
  readonly stop: () => Promise<void>
  /** Its exit code, once it has ended by itself. */
  readonly ended: () => Promise<number>
}

interface User {
  readonly api: EmbeddedApi
  /** Runs kubectl with these words; `input` is its standard input. */
  readonly run: (line: string, input?: unknown) => Promise<Output>
  /** The same, and it must succeed: the standard output. */
  readonly ok: (line: string, input?: unknown) => Promise<string>
  readonly start: (line: string) => Running
}

async function user(t: ExecutionContext): Promise<User> {
  const home = mkdtempSync(path.join(tmpdir(), "troupe-kubectl-"))
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "metallb-system" } }
  const api = await startEmbeddedApi({ listen: [{}], definitions, seeds: [namespace] })
  t.teardown(async () => {
    await api.close()
    rmSync(home, { recursive: true })
  })
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, KUBECONFIG: "/dev/null", EDITOR: "true" }
  const begin = (line: string) => spawn(kubectl, ["--server", api.url, ...line.split(" ")], { env, stdio: "pipe" })
  const run = async (line: string, input?: unknown): Promise<Output> => {
    const child = begin(line)
    const text = { out: "", err: "" }
    child.stdout.on("data", (chunk: Buffer) => (text.out += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (text.err += chunk.toString()))
    child.stdin.end(typeof input === "string" || input === undefined ? (input ?? "") : JSON.stringify(input))
    const [code] = (await once(child, "close")) as [number]
    return { code, ...text }
  }
  return {
    api,
    run,
    ok: async (line, input) => {
      const { code, out, err } = await run(line, input)
      t.is(code, 0, `kubectl ${line}: ${err}`)
      return out
    },
    start: (line) => {
      const child = begin(line)
      let out = ""
      child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
      const closed = once(child, "close")
      return {
        out: () => out,
        until: async (part) => {
          const late = AbortSignal.timeout(20_000)
          while (!out.includes(part)) {
            if (late.aborted) throw new Error(`kubectl ${line} printed only: ${out}`)
            await Promise.race([once(child.stdout, "data"), once(late, "abort")])
          }
        },
        ended: async () => ((await closed) as [number])[0],
        stop: async () => {
          child.kill()
          await closed
        },
      }
    },
  }
}

const web = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", labels: { app: "web" } },
  spec: { type: "LoadBalancer", selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
}
const pool = {
  apiVersion: "metallb.io/v1beta1",
  kind: "IPAddressPool",
  metadata: { name: "lab", namespace: "metallb-system" },
  spec: { addresses: ["192.0.2.0/28"] },
}
const list = (...items: object[]) => ({ apiVersion: "v1", kind: "List", items })

live("apply creates, leaves alone and changes", async (t) => {
  const { api, ok } = await user(t)
  t.is(await ok("apply -f -", list(web, pool)), "service/web created\nipaddresspool.metallb.io/lab created\n")
  t.is(await ok("apply -f -", list(web, pool)), "service/web unchanged\nipaddresspool.metallb.io/lab unchanged\n")
  const changed = {
    ...web,
    spec: {
      ...web.spec,
      ports: [
        { name: "http", port: 80, targetPort: 9090 },
        { name: "https", port: 443 },
      ],
    },
  }
  const less = { ...pool, spec: { addresses: ["192.0.2.0/29"], autoAssign: false } }
  t.is(await ok("apply -f -", list(changed, less)), "service/web configured\nipaddresspool.metallb.io/lab configured\n")
  t.is(await ok("get svc web -o jsonpath={.spec.ports[*].targetPort}"), "9090 443")
  t.is(
    await ok("get ipaddresspool lab -n metallb-system -o jsonpath={.spec}"),
    '{"addresses":["192.0.2.0/29"],"autoAssign":false,"avoidBuggyIPs":false}',
  )
  t.is(await ok("apply -f -", web), "service/web configured\n")
  t.is(await ok("get svc web -o jsonpath={.spec.ports[*].port}"), "80")
  t.is(api.counts().internalErrors, 0)
})

live("server-side apply, and the conflict it may end in", async (t) => {
  const { ok, run } = await user(t)
  t.is(
    await ok("apply --server-side -f -", list(web, pool)),
    "service/web serverside-applied\nipaddresspool.metallb.io/lab serverside-applied\n",
  )
  await ok('patch svc web --type=merge -p {"spec":{"type":"NodePort"}}')
  const { code, err } = await run("apply --server-side -f -", web)
  t.is(code, 1)
  t.regex(err, /Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: \.spec\.type/)
  t.is(await ok("apply --server-side --force-conflicts -f -", web), "service/web serverside-applied\n")
  t.is(await ok("get svc web -o jsonpath={.spec.type}"), "LoadBalancer")
})

live("apply refuses what is wrong, with the field", async (t) => {
  const { run } = await user(t)
  const port = await run("apply -f -", { ...web, spec: { ...web.spec, ports: [{ port: 0 }] } })
  t.regex(
    port.err,
    /The Service "web" is invalid: spec\.ports\[0\]\.port: Invalid value: 0: must be between 1 and 65535/,
  )
  if (minor < 27) return
  const field = await run("apply -f -", { ...pool, spec: { ...pool.spec, wrong: 1 } })
  t.regex(field.err, /strict decoding error: unknown field "spec\.wrong"/)
})

live("get in every form", async (t) => {
  const { ok } = await user(t)
  await ok("apply -f -", list(web, pool))
  const table = await ok("get svc web")
  t.regex(
    table,
    /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +LoadBalancer +10\.96\.\d+\.\d+ +<pending> +80:3\d{4}\/TCP +\d+s\n$/,
  )
  t.regex(await ok("get svc -A -o wide"), /SELECTOR\ndefault +kubernetes .*\ndefault +web .* app=web\n$/)
  t.regex(
    await ok("get ipaddresspools -n metallb-system"),
    /AUTO ASSIGN +AVOID BUGGY IPS +ADDRESSES\nlab +true +false +\["192\.0\.2\.0\/28"\]/,
  )
  t.regex(await ok("get svc web -o yaml"), /^apiVersion: v1\nkind: Service\n/)
  t.is(JSON.parse(await ok("get svc -l app=web -o json")).items[0].metadata.name, "web")
  t.is(await ok("get svc --field-selector metadata.name=web -o name"), "service/web\n")
  t.is(await ok("get svc -l app=other"), "")
  t.regex(await ok("get svc --sort-by=.metadata.name --no-headers"), /^kubernetes[^\n]*\nweb/)
  t.regex(await ok("get all"), /service\/web/)
})

live("get -w shows changes as they come", async (t) => {
  const { ok, start } = await user(t)
  await ok("apply -f -", web)
  const watching = start("get svc web -w")
  await watching.until("<pending>")
  await ok('patch svc web --type=json -p [{"op":"add","path":"/metadata/labels/x","value":"y"}]')
  await ok("delete svc web")
  await watching.until("\nweb")
  await watching.stop()
  t.is(
    watching
      .out()
      .split("\n")
      .filter((line) => line.startsWith("NAME")).length,
    1,
  )
})

live("describe shows the addresses and the events", async (t) => {
  const { api, ok } = await user(t)
  await ok("apply -f -", web)
  const uid = api.objects.get("v1", "Service", "web", "default")?.metadata.uid
  api.objects.create({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "web.1", namespace: "default" },
    involvedObject: { apiVersion: "v1", kind: "Service", name: "web", namespace: "default", uid },
    reason: "IPAllocated",
    message: 'Assigned IP ["192.0.2.1"]',
    type: "Normal",
    source: { component: "metallb-controller" },
    firstTimestamp: new Date().toISOString(),
    lastTimestamp: new Date().toISOString(),
    count: 1,
  })
  const service = api.objects.get("v1", "Service", "web", "default")
  t.truthy(service)
  if (service !== undefined)
    api.objects.put({ ...service, status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } })
  const text = await ok("describe svc web")
  t.regex(text, /LoadBalancer Ingress: +192\.0\.2\.1/)
  t.regex(text, /Normal +IPAllocated +\S+ +metallb-controller +Assigned IP \["192\.0\.2\.1"\]/)
  t.regex(await ok("get events"), /IPAllocated +service\/web +Assigned IP/)
  api.objects.put({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-1" },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  })
  t.regex(await ok("describe node node-1"), /Name: +node-1/)
  t.regex(await ok("get nodes"), /node-1 +Ready/)
})

live("patch, label, annotate, replace and edit", async (t) => {
  const { ok, run } = await user(t)
  await ok("apply -f -", list(web, pool))
  await ok("label svc web tier=front")
  await ok("annotate svc web note=hello")
  await ok('patch svc web -p {"spec":{"ports":[{"port":443,"name":"https"}]}}')
  t.is(
    await ok("get svc web -o jsonpath={.spec.ports[*].port},{.metadata.labels.tier},{.metadata.annotations.note}"),
    "443 80,front,hello",
  )
  await ok("label svc web tier-")
  t.is(await ok("get svc web -o jsonpath={.metadata.labels}"), '{"app":"web"}')
  t.is(
    await ok('patch ipaddresspool lab -n metallb-system --type=merge -p {"spec":{"autoAssign":false}}'),
    "ipaddresspool.metallb.io/lab patched\n",
  )
  t.is(await ok("replace -f -", web), "service/web replaced\n")
  t.regex((await run("edit svc web")).err, /^Edit cancelled, no changes made/)
})

live("create, wait and delete", async (t) => {
  const { ok, run } = await user(t)
  t.is(await ok("create namespace demo"), "namespace/demo created\n")
  t.is(await ok("create service loadbalancer web --tcp=80:8080 -n demo"), "service/web created\n")
  t.is(await ok("create configmap settings --from-literal=a=b -n demo"), "configmap/settings created\n")
  t.is(await ok("create secret generic key --from-literal=a=b -n demo"), "secret/key created\n")
  t.is(await ok("get secret key -n demo -o jsonpath={.data.a}"), "Yg==")
  t.is(await ok("get svc web -n demo -o jsonpath={.spec.ports[0].targetPort}"), "8080")
  if (minor >= 23) {
    t.is(
      await ok("wait --for=jsonpath={.spec.type}=LoadBalancer svc/web -n demo --timeout=10s"),
      "service/web condition met\n",
    )
  }
  t.is(
    (await run("create namespace demo")).err,
    'Error from server (AlreadyExists): namespaces "demo" already exists\n',
  )
  t.regex(await ok("delete namespace demo --timeout=20s"), /^namespace "demo" deleted/)
  t.regex((await run("get svc web -n demo")).err, /^Error from server \(NotFound\): \w+ "\w+" not found/)
  await ok("apply -f -", list(web, pool))
  t.is(await ok("delete -f -", list(web, pool)), 'service "web" deleted\nipaddresspool.metallb.io "lab" deleted\n')
})

live("a delete waits for the finalizer", async (t) => {
  const { ok, run, start } = await user(t)
  await ok("apply -f -", { ...web, metadata: { ...web.metadata, finalizers: ["example.org/hold"] } })
  const deleting = start("delete svc web")
  await deleting.until("deleted")
  t.not(await ok("get svc web -o jsonpath={.metadata.deletionTimestamp}"), "")
  await ok('patch svc web --type=merge -p {"metadata":{"finalizers":null}}')
  t.regex((await run("get svc web")).err, /NotFound/)
  t.is(await deleting.ended(), 0)
})

live("what the server is and has", async (t) => {
  const { ok, run } = await user(t)
  t.regex(await ok("version"), /v1\.36/)
  const resources = await ok("api-resources")
  t.regex(resources, /\nservices +svc +v1 +true +Service/)
  t.regex(resources, /\nipaddresspools +metallb\.io\/v1beta1 +true +IPAddressPool/)
  t.regex(await ok("api-versions"), /metallb\.io\/v1beta2/)
  t.is(await ok("auth can-i list services"), "yes\n")
  t.is(await ok("get --raw /readyz"), "ok")
  t.regex((await run("get nothings")).err, /the server doesn't have a resource type "nothings"/)
  t.regex(await ok("get crd"), /ipaddresspools\.metallb\.io/)
  if (minor >= 27) t.regex(await ok("explain ipaddresspools.spec"), /addresses\s+<\[\]string>/)
  await ok("apply -f -", web)
  const { code, out } = await run("diff -f -", { ...web, spec: { ...web.spec, type: "NodePort" } })
  t.is(code, 1)
  t.regex(out, /-\s+type: LoadBalancer\n\+\s+type: NodePort/)
  t.regex(
    await ok("apply --dry-run=server -f -", { ...web, metadata: { name: "other" } }),
    /created \(server dry run\)/,
  )
})
