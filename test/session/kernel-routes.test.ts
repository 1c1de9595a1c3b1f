import test, { type ExecutionContext } from "ava"
import type { DesiredPeer } from "../../actors/session/messages.ts"
import { changesBetween, type PeerImports, planKernel, type Reach } from "../../actors/session/kernel-plan.ts"
import { endOfRib, type Update } from "../../protocols/bgp/update.ts"
import { openFor, plainOffer } from "../../protocols/bgp/open.ts"
import type { InRoute } from "../../protocols/bgp/rib-in.ts"
import type { Ip } from "../../protocols/ip.ts"
import { parsePrefix, type Prefix } from "../../protocols/prefix.ts"
import type { KernelRoute, KernelRule, RoutingChange, RoutingPort } from "../../supervision/world.ts"
import { type Heard, startFakePeer } from "./fake-peer.ts"
import { startSpeaker, until } from "./system.ts"

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text)
  if (parsed === undefined) throw new Error(text)
  return parsed
}
const route = (text: string, nextHop: string, more: Partial<InRoute> = {}): InRoute => ({
  prefix: prefix(text),
  nextHop: nextHop as Ip,
  asPath: [],
  origin: "igp",
  med: 0,
  localPref: 100,
  ...more,
})
const from = (peer: string, ...routes: InRoute[]): PeerImports => ({
  peer,
  table: 1,
  external: true,
  peerRouterId: "10.0.0.1" as Ip,
  routes,
})
const onLink: Reach = (gateway) =>
  gateway.startsWith("192.0.2.")
    ? { ok: true, value: { gateway, interfaceIndex: 2 } }
    : { ok: false, error: `no way to ${gateway}` }

test("the best that can be reached; equals together, each way once; tables apart", (t) => {
  const plan = planKernel(
    [
      from("a", route("10.0.0.0/8", "192.0.2.1"), route("10.1.0.0/16", "192.0.2.1")),
      from("b", route("10.0.0.0/8", "192.0.2.2"), route("10.1.0.0/16", "203.0.113.9", { localPref: 900 })),
      from("c", route("10.0.0.0/8", "192.0.2.2"), route("10.0.0.0/8", "192.0.2.3", { localPref: 50 })),
      { ...from("d", route("10.0.0.0/8", "192.0.2.4")), table: 2 },
    ],
    [],
    onLink,
  )
  const shown = [...plan.routes.values()].map(({ table, prefix, nextHops }) => [
    table,
    prefix,
    ...nextHops.map(({ gateway }) => gateway),
  ])
  t.deepEqual(shown, [
    [1, "10.0.0.0/8", "192.0.2.1", "192.0.2.2"],
    [1, "10.1.0.0/16", "192.0.2.1"],
    [2, "10.0.0.0/8", "192.0.2.4"],
  ])
  t.deepEqual([plan.unreachable, plan.because], [1, "no way to 203.0.113.9"])
})

test("as few rules as hold the addresses; no more than there may be", (t) => {
  const hosts = (count: number, step: number): string[] =>
    Array.from({ length: count }, (_, i) => `10.${(i * step) >> 16}.${((i * step) >> 8) & 255}.${(i * step) & 255}/32`)
  const rules = (...prefixes: string[]) => planKernel([], [{ table: 7, prefixes }], onLink)
  t.deepEqual(
    [...rules(...hosts(256, 1), "2001:db8::1/128").rules.values()],
    [
      { from: "10.0.0.0/24", table: 7, priority: 17_900 },
      { from: "2001:db8::1/128", table: 7, priority: 17_900 },
    ],
  )
  const pods = planKernel([], [{ table: 7, prefixes: ["192.0.2.1/32"], sources: ["10.244.1.0/24"] }], onLink)
  t.deepEqual(
    [...pods.rules.values()],
    [
      { from: "10.244.1.0/24", table: 254, priority: 17_899, suppressPrefixLength: 0 },
      { from: "10.244.1.0/24", table: 7, priority: 17_900 },
      { from: "192.0.2.1/32", table: 7, priority: 17_900 },
    ],
  )
  const apart = rules(...hosts(1_030, 2))
  t.deepEqual([apart.rules.size, apart.rulesLeft], [1_024, 6])
})

test("from what is to what should be: new ways first, what is the same is left alone", (t) => {
  const kernelRoute = (prefix: string, ...gateways: string[]): KernelRoute => ({
    table: 1,
    prefix,
    metric: 20,
    nextHops: gateways.map((gateway) => ({ gateway, interfaceIndex: 2 })),
  })
  const rule = (from: string): KernelRule => ({ from, table: 1, priority: 17_900 })
  const state = (routes: KernelRoute[], rules: KernelRule[]) => ({
    routes: new Map(routes.map((one) => [one.prefix, one])),
    rules: new Map(rules.map((one) => [one.from, one])),
  })
  const now = state([kernelRoute("a", "1", "2"), kernelRoute("b", "1"), kernelRoute("c", "1")], [rule("x"), rule("y")])
  const wanted = state(
    [kernelRoute("a", "2", "1"), kernelRoute("b", "2"), kernelRoute("d", "1")],
    [rule("y"), rule("z")],
  )
  const said = changesBetween(now, wanted).map(
    (change) => `${change.kind} ${"route" in change ? change.route.prefix : change.rule.from}`,
  )
  t.deepEqual(said, ["set-route b", "set-route d", "set-rule z", "remove-rule x", "remove-route c"])
  t.deepEqual(changesBetween(now, now), [])
})

/** A kernel in memory, which refuses what it is told to. */
class FakeKernel implements RoutingPort {
  readonly routes = new Map<string, KernelRoute>()
  readonly rules = new Map<string, KernelRule>()
  refuses: (change: RoutingChange) => string | undefined = () => undefined

  ours() {
    return { ok: true, value: { routes: [...this.routes.values()], rules: [...this.rules.values()] } } as const
  }
  apply(changes: readonly RoutingChange[]) {
    return changes.map((change) => {
      const message = this.refuses(change)
      if (message !== undefined) return { ok: false, error: { code: "EPERM", message } } as const
      if (change.kind === "set-route") this.routes.set(change.route.prefix, change.route)
      else if (change.kind === "remove-route") this.routes.delete(change.route.prefix)
      else if (change.kind === "set-rule") this.rules.set(change.rule.from, change.rule)
      else this.rules.delete(change.rule.from)
      return { ok: true, value: undefined } as const
    })
  }
  reach(_address: string) {
    return { ok: true, value: { interfaceIndex: 2 } } as const
  }
}

const announce = (...prefixes: string[]): Update => ({
  kind: "update",
  withdrawn: [],
  attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [64513] }], nextHop: "192.0.2.2" as Ip },
  nlri: prefixes.map(prefix),
})
const withdraw = (...prefixes: string[]): Update => ({
  kind: "update",
  withdrawn: prefixes.map(prefix),
  attributes: {},
  nlri: [],
})

async function stage(t: ExecutionContext, maximum: number, ...first: string[]) {
  const kernel = new FakeKernel()
  const fake = await startFakePeer({
    answer(message, heard: Heard) {
      if (message.kind === "open") {
        heard.send(openFor(64513, 90, "192.0.2.200" as Ip, { ...plainOffer, routeRefresh: true }))
        heard.send({ kind: "keepalive" })
        heard.send(announce(...first))
        heard.send(endOfRib("ipv4"))
      }
    },
  })
  const speaker = startSpeaker({ parts: { routing: kernel } })
  t.teardown(async () => {
    await speaker.system.stop()
    fake.close()
  })
  const peer: DesiredPeer = {
    name: "a",
    session: {
      myASN: 64512,
      peerASN: 64513,
      address: "127.0.0.1",
      port: fake.port,
      holdSeconds: 90,
      import: { prefixes: ["0.0.0.0/0+"], maximum, beyondMaximum: "warn", table: 1790 },
    },
    routes: [{ localPref: 0, communities: [], prefixes: ["198.51.100.7/32"] }],
  }
  return { kernel, fake, speaker, peer }
}

test.serial("what the kernel refuses is said, the rest is in force, and it is tried again", async (t) => {
  const { kernel, speaker, peer } = await stage(t, 10, "10.1.0.0/16", "10.2.0.0/16")
  kernel.refuses = (change) =>
    change.kind === "set-route" && change.route.prefix === "10.1.0.0/16" ? "setting route 10.1.0.0/16: no" : undefined
  speaker.want(peer)
  await until("the rest", () => kernel.routes.has("10.2.0.0/16") && kernel.rules.has("198.51.100.7/32"))
  await until("said", () => speaker.reports.at(-1)?.kernel?.failed === 1)
  t.like(speaker.reports.at(-1)?.kernel, { routes: 1, rules: 1, error: "setting route 10.1.0.0/16: no" })
  kernel.refuses = () => undefined
  await until("tried again", () => kernel.routes.has("10.1.0.0/16"))
  await until("reported", () => speaker.reports.at(-1)?.kernel?.routes === 2)
  t.is(speaker.reports.at(-1)?.kernel?.error, undefined)
  speaker.want()
  await until("nothing is left", () => kernel.routes.size + kernel.rules.size === 0)
})

test.serial("what an earlier process left is removed; without any peer nothing is touched", async (t) => {
  const kernel = new FakeKernel()
  const left = { table: 1, prefix: "10.9.0.0/16", metric: 20, nextHops: [{ gateway: "192.0.2.1", interfaceIndex: 1 }] }
  kernel.routes.set("10.9.0.0/16", left)
  kernel.rules.set("198.51.100.9/32", { from: "198.51.100.9/32", table: 1, priority: 17_900 })
  const speaker = startSpeaker({ parts: { routing: kernel } })
  await until("removed", () => kernel.routes.size + kernel.rules.size === 0)
  t.pass()
  await speaker.system.stop()
})

test.serial(
  "beyond the maximum: no more is kept; when there is room again, the peer is asked for the rest",
  async (t) => {
    const { kernel, fake, speaker, peer } = await stage(t, 2, "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16")
    speaker.want(peer)
    await until("two of them", () => kernel.routes.size === 2)
    await until("said", () => speaker.session("a")?.imported?.surplus === true)
    t.like(speaker.session("a")?.imported, { accepted: 2, maximum: 2 })
    t.is(speaker.session("a")?.imported?.rejected.maximum, 1)
    fake.connections[0]?.send(withdraw("10.1.0.0/16"))
    await until("asked", () => fake.connections[0]?.messages.some(({ kind }) => kind === "route-refresh") === true)
    fake.connections[0]?.send(announce("10.2.0.0/16", "10.3.0.0/16"))
    await until("the rest", () => [...kernel.routes.keys()].sort().join() === "10.2.0.0/16,10.3.0.0/16")
    await until("all there is", () => speaker.session("a")?.imported?.surplus === false)
    t.pass()
    await speaker.system.stop()
    fake.close()
  },
)

test.serial("a malformed UPDATE takes its routes along, and the session stays (RFC 7606)", async (t) => {
  const { kernel, fake, speaker, peer } = await stage(t, 10, "10.1.0.0/16", "10.2.0.0/16")
  speaker.want(peer)
  await until("both", () => kernel.routes.size === 2)
  // ORIGIN 7 for 10.1.0.0/16.
  const body = [0, 0, 0, 14, 0x40, 1, 1, 7, 0x40, 2, 0, 0x40, 3, 4, 192, 0, 2, 2, 16, 10, 1]
  const message = Uint8Array.from([...Array.from({ length: 16 }, () => 255), 0, 19 + body.length, 2, ...body])
  fake.connections[0]?.socket.write(message)
  await until("one is gone", () => kernel.routes.size === 1)
  t.deepEqual([...kernel.routes.keys()], ["10.2.0.0/16"])
  await until("counted", () => speaker.session("a")?.imported?.rejected.malformed === 1)
  t.is(speaker.session("a")?.state, "established")
  await speaker.system.stop()
  t.is(kernel.routes.size + kernel.rules.size, 0, "nothing stays behind")
})
