import ava from "ava"
import { parse } from "yaml"
import { Counterparts, differences } from "../embedded/replay.ts"
import { programs, startKubeApiServer } from "../kubernetes/apiserver/start.ts"
import { requests } from "./requests.ts"
import { embeddedServer } from "./servers.ts"
import { type Answer, sideOf } from "./side.ts"

// One after the other, the same requests to a real kube-apiserver and to ours: code, form, warnings and body are the same.
// `Counterparts` pairs what each chooses by itself.

const found = await programs()
if (typeof found === "string") ava.skip(`the same answers as a real kube-apiserver (${found})`, () => undefined)
else
  ava("the same answers as a real kube-apiserver", async (t) => {
    t.timeout(1_800_000)
    const real = await startKubeApiServer(found)
    t.teardown(real.stop)
    const ours = await embeddedServer()
    t.teardown(ours.stop)
    const [askReal, askOurs] = [sideOf(real.kubeconfig), sideOf(ours.kubeconfig)]
    const known = new Counterparts()
    const differing: string[] = []
    for (const asked of requests) {
      const [expected, answered] = [await askReal(asked), await askOurs(asked)]
      const here = differences(comparable(expected), comparable(answered), known)
      differing.push(...here.map((text) => `${asked.method} ${asked.path} ${JSON.stringify(asked.body)}: ${text}`))
    }
    t.deepEqual(differing, [])
  })

/** Times are left out, and so is the order of who manages what, which is by time; YAML is compared by what it says. */
function comparable({ body, ...rest }: Answer): unknown {
  const said: unknown = rest.contentType.includes("yaml") && typeof body === "string" ? parse(body) : body
  const text = JSON.stringify({ ...rest, body: said })
  const timeless = text.replaceAll(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"/g, '"<time>"')
  return JSON.parse(timeless, (key, value: unknown) =>
    key === "managedFields" && Array.isArray(value) ? value.toSorted(byManager) : value,
  )
}

function byManager(a: unknown, b: unknown): number {
  return whose(a) < whose(b) ? -1 : 1
}

function whose(entry: unknown): string {
  const { manager, operation, subresource = "" } = entry as Readonly<Record<string, string>>
  return `${manager} ${operation} ${subresource}`
}
