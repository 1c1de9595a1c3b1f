import test from "ava"
import { execFile } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { stringify } from "yaml"
import type { JsonObject } from "../../kubernetes/client/json.ts"
import { startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { conversions } from "../../kubernetes/resources/convert.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"
import { kubeconfig, temporaryDirectory } from "../kubernetes/client/fake-api.ts"
import { endpoints, machines, nodes, peer, pool, resource, service } from "./small-cluster.ts"

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The program itself, as a process. */
const troupe = (args: readonly string[], input = ""): Promise<Ran> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["bin/troupe.mjs", ...args],
      { timeout: 60_000, env: { ...process.env, KUBECONFIG: "", HOME: "/nowhere" } },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
    child.stdin?.end(input)
  })

const yaml = (...objects: JsonObject[]) => objects.map((object) => stringify(object)).join("---\n")
const web = service("web", { ip: "10.0.0.1", pool: "a" })
const present = [
  ...machines,
  pool("a", ["10.0.0.0/24"]),
  resource("L2Advertisement", "l2"),
  web,
  endpoints("web", ...nodes),
]

test("config check: exit codes, text and JSON, standard input and directories", async (t) => {
  const good = await troupe(
    ["config", "check", "-f", "-"],
    yaml(pool("a", ["10.0.0.0/24"]), resource("L2Advertisement", "l2")),
  )
  t.deepEqual(good, { code: 0, out: "2 resources, mode native: valid\n", err: "" })
  const directory = temporaryDirectory()
  fs.writeFileSync(path.join(directory, "pool.yaml"), yaml(pool("a", ["10.0.0.0"])))
  fs.writeFileSync(path.join(directory, "README.md"), "not a manifest")
  const bad = await troupe(["config", "check", "-f", directory])
  t.is(bad.code, 1)
  t.true(
    bad.out.includes(
      `pool.yaml:7: IPAddressPool metallb-system/a, spec.addresses: parsing address pool a: invalid CIDR`,
    ),
  )
  t.regex(bad.out, /INVALID \(1 error, 1 warning\)\n$/)
  const json = JSON.parse((await troupe(["config", "check", "-f", directory, "--output", "json"])).out) as JsonObject
  t.like(json, { valid: false, mode: "native", resources: 1 })
})

test("what cannot be done is one sentence and exit code 1", async (t) => {
  for (const [args, sentence] of [
    [["config", "check", "-f", "/nowhere"], "troupe: /nowhere cannot be read: no such file or directory\n"],
    [["plan", "-f", "-", "--kubeconfig", "/nowhere"], "troupe: kubeconfig /nowhere does not exist\n"],
    [["explain", "service", "web", "--state", "-"], "troupe: web: give a Service as NAMESPACE/NAME\n"],
    [["explain", "service", "a/web", "--state", "-"], "troupe: there is no Service a/web\n"],
    [["migrate", "configmap", "-f", "-"], "troupe: failed to generate resources: not a configmap\n"],
  ] as const)
    t.deepEqual(await troupe(args), { code: 1, out: "", err: sentence })
})

test("plan from files: text, JSON, and the exit code for a change", async (t) => {
  const directory = temporaryDirectory()
  const state = path.join(directory, "state.yaml")
  fs.writeFileSync(state, yaml(...present))
  const shrunk = yaml(pool("a", ["10.0.0.8/30"]))
  const text = await troupe(["plan", "-f", "-", "--state", state], shrunk)
  t.is(text.code, 0)
  t.regex(
    text.out,
    /^~ IPAddressPool metallb-system\/a\n\nService default\/web\n {2}address {2}10\.0\.0\.1 -> 10\.0\.0\.8 \(pool a\)\n/,
  )
  t.is((await troupe(["plan", "-f", "-", "--state", state, "--exit-code"], shrunk)).code, 2)
  t.is((await troupe(["plan", "-f", "-", "--state", state, "--exit-code"], yaml(pool("a", ["10.0.0.0/24"])))).code, 0)
  const clash = await troupe(
    ["plan", "-f", "-", "--state", state, "--output", "json"],
    yaml(pool("b", ["10.0.0.0/24"])),
  )
  t.is(clash.code, 1)
  t.like(JSON.parse(clash.out), { valid: false, services: [] })
})

test("a cluster instead of files: the same answers", async (t) => {
  const server = await startEmbeddedApi({ listen: [{}], definitions, conversions })
  t.teardown(() => server.close())
  server.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: "metallb-system" } })
  for (const object of present) {
    const { status, ...rest } = object
    const { clusterIPs: _, ...spec } = (object["spec"] ?? {}) as JsonObject
    server.objects.put({
      ...rest,
      ...(object["spec"] !== undefined && { spec: withContainers(object, spec) }),
      ...(status !== undefined && { status }),
    })
  }
  server.objects.put({ ...peer("old"), apiVersion: "metallb.io/v1beta1" })
  const config = path.join(temporaryDirectory(), "config")
  fs.writeFileSync(config, kubeconfig(server.url))
  const revision = server.revision()
  const at = ["--kubeconfig", config]

  const check = await troupe(["config", "check", ...at])
  t.deepEqual(check, { code: 0, out: "3 resources, mode native: valid\n", err: "" })
  const clash = await troupe(["config", "check", "-f", "-", ...at], yaml(pool("b", ["10.0.0.0/30"])))
  t.is(clash.code, 1)
  t.regex(
    clash.out,
    /^standard input:\d+: IPAddressPool metallb-system\/b, spec\.addresses: CIDR "10\.0\.0\.0\/30" .* overlaps/,
  )

  const shrunk = yaml(pool("a", ["10.0.0.8/30"]))
  const plan = JSON.parse((await troupe(["plan", "-f", "-", ...at, "--output", "json"], shrunk)).out) as JsonObject
  t.like(plan, { valid: true, unchanged: 0, notes: [] })
  const [change] = plan["services"] as JsonObject[]
  t.like(change, { service: "default/web", addresses: { before: ["10.0.0.1"], after: ["10.0.0.8"] } })

  const explained = await troupe(["explain", "service", "default/web", ...at])
  t.is(explained.code, 0, explained.err)
  t.regex(explained.out, /^Service default\/web has 10\.0\.0\.1 from pool a\n/)
  t.regex(explained.out, /who announces it by layer 2: n\d\n/)
  t.is(server.revision(), revision, "nothing was written")
})

/** What a Pod must have. */
const withContainers = ({ kind }: JsonObject, spec: JsonObject): JsonObject =>
  kind === "Pod" ? { ...spec, containers: [{ name: "speaker", image: "troupe" }] } : spec

test("every command says its options and exit codes", async (t) => {
  for (const command of [["config", "check"], ["plan"], ["explain", "service"], ["migrate", "configmap"]]) {
    const { code, out } = await troupe([...command, "--help"])
    t.is(code, 0)
    t.regex(out, /Exit code: 0 /)
  }
})
