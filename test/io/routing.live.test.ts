import test from "ava"
import type { Outcome } from "../../io/outcome.ts"
import type { KernelRoute, KernelRule } from "../../io/netlink-routes.ts"
import type { Reach, RoutingChange } from "../../io/routing.ts"
import { missing, type Program, Wire } from "./namespaces.ts"
import type { RoutingCommand } from "./programs/routing.ts"

const reason = missing()
const live = reason === undefined ? test.serial : test.skip
const name = (title: string): string => (reason === undefined ? title : `${title} (skipped: ${reason})`)

const wire = new Wire("routing")
let program: Program | undefined
let asked = 0

async function ask<T>(command: RoutingCommand): Promise<T> {
  program?.tell(command)
  const id = ++asked
  const line = await program?.line<{ id: number; answer: T }>((one) => one.id === id)
  if (line === undefined) throw new Error("no program")
  return line.answer
}
type State = { routes: KernelRoute[]; rules: KernelRule[] }
const ours = async (): Promise<State> => {
  const answer = await ask<Outcome<State>>({ kind: "ours" })
  if (!answer.ok) throw new Error(answer.error.message)
  return answer.value
}
const apply = (...changes: RoutingChange[]) => ask<Outcome<void>[]>({ kind: "apply", changes })
const reach = (address: string, device?: string) =>
  ask<Outcome<Reach>>({ kind: "reach", address, ...(device === undefined ? {} : { device }) })

if (reason === undefined) {
  test.before(async () => {
    wire.up()
    await wire.onHost("ip", "addr", "add", "192.0.2.10/24", "dev", "eth0")
    await wire.onHost("ip", "addr", "add", "2001:db8::10/64", "dev", "eth0", "nodad")
    await wire.onHost("ip", "route", "add", "default", "via", "192.0.2.1")
    program = wire.start(new URL("programs/routing.ts", import.meta.url))
  })
  test.after.always(() => wire.down())
}

live(name("how a packet would leave: on the link, by a router, not at all, not from here"), async (t) => {
  const link = await reach("192.0.2.7")
  t.true(link.ok && link.value.gateway === undefined && link.value.interfaceIndex > 1)
  const far = await reach("203.0.113.5")
  t.is(far.ok ? far.value.gateway : far.error.message, "192.0.2.1")
  const six = await reach("2001:db8::1", "eth0")
  t.true(six.ok && six.value.gateway === undefined)
  t.true((await reach("fe80::1", "eth0")).ok)
  const none = await reach("2001:db8:1::1")
  t.regex(none.ok ? "" : none.error.message, /^looking for a way to 2001:db8:1::1: /)
  const own = await reach("192.0.2.10")
  t.is(own.ok ? "" : own.error.message, "192.0.2.10 is an address of this host")
  t.false((await reach("192.0.2.7", "eth7")).ok)
})

live(name("routes of both families: set, changed, more than one way, other family's gateway, removed"), async (t) => {
  const link = await reach("192.0.2.1")
  const interfaceIndex = link.ok ? link.value.interfaceIndex : 0
  const hop = (gateway: string) => ({ gateway, interfaceIndex })
  const route = (prefix: string, ...gateways: string[]): KernelRoute => ({
    table: 1000,
    prefix,
    metric: 20,
    nextHops: gateways.map(hop),
  })
  const wanted = [
    route("0.0.0.0/0", "192.0.2.1"),
    route("198.51.100.0/24", "192.0.2.1", "192.0.2.2"),
    route("203.0.113.0/24", "2001:db8::1"),
    route("::/0", "2001:db8::1", "2001:db8::2"),
    route("2001:db8:7::/48", "fe80::1"),
  ]
  t.true((await apply(...wanted.map((one) => ({ kind: "set-route", route: one }) as const))).every(({ ok }) => ok))
  const byPrefix = (routes: KernelRoute[]) => routes.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))
  t.deepEqual(byPrefix((await ours()).routes), byPrefix(wanted))
  t.regex(
    await wire.onHost("ip", "route", "show", "table", "1000"),
    /^default via 192\.0\.2\.1 dev eth0 proto 179 metric 20/m,
  )
  t.regex(await wire.onHost("ip", "route", "show", "table", "1000"), /^203\.0\.113\.0\/24 via inet6 2001:db8::1/m)

  // From many ways to one and back; nothing else moves.
  for (const gateways of [["2001:db8::2"], ["2001:db8::1", "2001:db8::2", "2001:db8::3"]]) {
    const changed = route("::/0", ...gateways)
    t.true((await apply({ kind: "set-route", route: changed })).every(({ ok }) => ok))
    const { routes } = await ours()
    t.is(routes.length, wanted.length)
    t.deepEqual(
      routes.find(({ prefix }) => prefix === "::/0"),
      changed,
    )
  }

  // Someone else's route in the same table is none of ours.
  await wire.onHost("ip", "route", "add", "198.18.0.0/15", "via", "192.0.2.1", "table", "1000")
  const gone = [...wanted, route("198.18.0.0/15", "192.0.2.1")]
  const removed = await apply(...gone.map((one) => ({ kind: "remove-route", route: one }) as const))
  t.true(
    removed.every(({ ok }) => ok),
    "also the one that is not there",
  )
  t.deepEqual((await ours()).routes, [])
  t.regex(await wire.onHost("ip", "route", "show", "table", "1000"), /^198\.18\.0\.0\/15 via/)
})

live(name("a way that cannot be is refused by itself; the others are set"), async (t) => {
  const link = await reach("192.0.2.1")
  const interfaceIndex = link.ok ? link.value.interfaceIndex : 0
  const to = (prefix: string, gateway: string) =>
    ({
      kind: "set-route",
      route: { table: 1001, prefix, metric: 20, nextHops: [{ gateway, interfaceIndex }] },
    }) as const
  const [bad, good, nonsense] = await apply(
    to("198.51.100.0/24", "10.9.9.9"),
    to("198.51.100.0/24", "192.0.2.1"),
    to("300.0.0.0/8", "192.0.2.1"),
  )
  t.regex(bad?.ok === false ? bad.error.message : "", /^setting route 198\.51\.100\.0\/24 in table 1001: /)
  t.true(good?.ok)
  t.is(nonsense?.ok === false ? nonsense.error.code : "", "EINVAL")
  t.is((await ours()).routes.length, 1)
  await apply({ kind: "remove-route", route: to("198.51.100.0/24", "192.0.2.1").route })
})

live(name("rules from a source: set twice, listed, removed twice; others' stay"), async (t) => {
  await wire.onHost("ip", "rule", "add", "from", "198.51.100.9", "lookup", "1000", "priority", "100")
  const rule = (from: string): KernelRule => ({ from, table: 1000, priority: 17_900 })
  const wanted = [
    rule("198.51.100.7/32"),
    { ...rule("198.51.100.8/32"), table: 254, suppressPrefixLength: 0 },
    rule("2001:db8:7::/64"),
  ]
  for (const kind of ["set-rule", "set-rule"] as const)
    t.true((await apply(...wanted.map((one) => ({ kind, rule: one })))).every(({ ok }) => ok))
  t.deepEqual((await ours()).rules, wanted)
  t.regex(await wire.onHost("ip", "rule"), /^17900:\tfrom 198\.51\.100\.7 lookup 1000 proto 179/m)
  t.regex(await wire.onHost("ip", "rule"), /from 198\.51\.100\.8 lookup main suppress_prefixlength 0 proto 179/)
  for (const kind of ["remove-rule", "remove-rule"] as const)
    t.true((await apply(...wanted.map((one) => ({ kind, rule: one })))).every(({ ok }) => ok))
  t.deepEqual((await ours()).rules, [])
  t.regex(await wire.onHost("ip", "rule"), /from 198\.51\.100\.9 lookup 1000/)
})

live(name("ten thousand routes: set, listed and removed"), async (t) => {
  const link = await reach("192.0.2.1")
  const interfaceIndex = link.ok ? link.value.interfaceIndex : 0
  const routes = Array.from({ length: 10_000 }, (_, i) => ({
    table: 1002,
    prefix: `10.${i >> 8}.${i & 255}.0/24`,
    metric: 20,
    nextHops: [{ gateway: "192.0.2.1", interfaceIndex }],
  }))
  t.true((await apply(...routes.map((route) => ({ kind: "set-route", route }) as const))).every(({ ok }) => ok))
  t.is((await ours()).routes.length, 10_000)
  t.true((await apply(...routes.map((route) => ({ kind: "remove-route", route }) as const))).every(({ ok }) => ok))
  t.is((await ours()).routes.length, 0)
})
