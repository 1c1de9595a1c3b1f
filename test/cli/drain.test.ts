import test from "ava"
import type { DrainedService, DrainStatus } from "../../actors/announcer/drain-messages.ts"
import { drainHandler } from "../../cli/daemon/drain.ts"
import { describeDrain } from "../../cli/status/drain.ts"

const service = (over: Partial<DrainedService> = {}): DrainedService => ({
  service: "default/web",
  protocol: "layer2",
  ips: ["192.0.2.10"],
  state: "announced",
  to: "bravo",
  alone: false,
  ...over,
})
const statusOf = (...services: readonly DrainedService[]): DrainStatus => ({
  node: "alpha",
  command: false,
  services,
  routes: {},
  done: false,
})
const { to: _, ...lonely } = service({ alone: true })

function speaker(status: DrainStatus | undefined) {
  const drained: boolean[] = []
  const handler = drainHandler({ status: async () => status, drain: (on) => void drained.push(on) })
  const ask = (method: string, query = "", path = "/debug/drain") =>
    handler({ method, path, query: new URLSearchParams(query), local: true, header: () => "", body: "" })
  return { ask, drained }
}

test("asking changes nothing; POST drains, DELETE takes it back; both answer with the status", async (t) => {
  const status = statusOf(service())
  const { ask, drained } = speaker(status)
  t.is(await ask("GET", "", "/debug/other"), undefined)
  t.deepEqual(JSON.parse((await ask("GET"))?.body ?? ""), status)
  t.deepEqual(drained, [])
  t.is((await ask("POST"))?.status, 200)
  t.is((await ask("DELETE"))?.status, 200)
  t.deepEqual(drained, [true, false])
  t.is((await ask("PUT"))?.status, 405)
})

test("what nobody else can announce stays, unless it is forced", async (t) => {
  const { ask, drained } = speaker(
    statusOf(service(), lonely, service({ service: "a/b", protocol: "bgp", alone: true })),
  )
  t.like(await ask("POST"), {
    status: 409,
    body: "nobody else would announce default/web (layer2), a/b (bgp); --force drains all the same\n",
  })
  t.deepEqual(drained, [])
  t.is((await ask("POST", "force=true"))?.status, 200)
  t.deepEqual(drained, [true])
  const many = speaker(statusOf(...Array.from({ length: 30 }, (_, i) => ({ ...lonely, service: `a/s-${i}` }))))
  t.regex((await many.ask("POST"))?.body ?? "", /a\/s-4 \(layer2\) and 25 more;/)
})

test("what is gone already needs no force: it can be drained twice", async (t) => {
  const { ask, drained } = speaker({ ...statusOf({ ...lonely, state: "nobody" }), command: true })
  t.is((await ask("POST"))?.status, 200)
  t.deepEqual(drained, [true])
})

test("a speaker that does not answer", async (t) => {
  const { ask, drained } = speaker(undefined)
  t.is((await ask("POST"))?.status, 503)
  t.deepEqual(drained, [])
})

test("the drain in words, a line for each Service and protocol", (t) => {
  t.is(
    describeDrain({
      ...statusOf(
        service({ state: "gone" }),
        service({ service: "default/mail", state: "handing-over" }),
        service({ service: "default/far", protocol: "bgp", ips: ["198.51.100.1", "2001:db8::1"], state: "gone" }),
        { ...lonely, service: "default/lone", state: "nobody" },
        { ...lonely, service: "default/old", state: "stays" },
      ),
      fault: "drain-command",
      routes: { router: 1 },
    }),
    `alpha hands over: it is drained: \`troupe drain\` was run there
  default/web   layer2  192.0.2.10                 moved to bravo
  default/mail  layer2  192.0.2.10                 answered for until bravo is heard
  default/far   bgp     198.51.100.1, 2001:db8::1  moved to bravo
  default/lone  layer2  192.0.2.10                 announced by nobody
  default/old   layer2  192.0.2.10                 still announced here: who would be next knows of no draining
  peer router still has 1 prefixes from here`,
  )
})
