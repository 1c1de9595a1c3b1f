// Frames that no honest host would send, into whole speakers: no actor dies, nobody is answered who should not be, no
// address moves, and what was wrong is counted.
import test from "ava"
import { arpRequestFrame } from "../../protocols/arp/claim.ts"
import type { World } from "../../supervision/world.ts"
import { ip } from "../announcer/facts.ts"
import { cluster, web } from "../liveness/cluster.ts"
import { targets } from "./decoders.ts"
import { Mutator } from "./mutator.ts"

function sender(world: World, heard: (bytes: Uint8Array) => void = () => undefined) {
  const links = world.packets.interfaces()
  const link = links.ok ? links.value[0] : undefined
  if (link === undefined) throw new Error("no interface")
  const opened = world.packets.open(
    { interfaceIndex: link.index, frames: "arp-claim" },
    { frame: heard, error: () => undefined },
  )
  if (!opened.ok) throw new Error(opened.error.message)
  return { mac: link.mac, send: (frame: Uint8Array) => void opened.value.send(frame) }
}

test("thousands of bad frames", async (t) => {
  const vip6 = ip("2001:db8::10")
  const it = cluster(1, { ipv6: true, addresses: [web, vip6] })
  await it.settled()
  await it.answeredBy("charlie", 1000)
  const mallory = sender(it.sim.world("mallory", { addresses: ["10.0.0.99", "fe80::99"] }))
  const mutator = new Mutator(2)
  const good = targets.slice(0, 4).flatMap((target) => target.good)
  for (let i = 0; i < 5000; i++) {
    mallory.send(mutator.next(good, 160))
    if (i % 10 === 0) await it.sim.runFor(5)
  }
  await it.sim.runFor(12_000)
  t.deepEqual(await it.client.ask(web, it.sim), ["charlie"])
  t.deepEqual(
    it.lines.filter(({ fields }) => fields["message"] === "actor crashed"),
    [],
  )
  t.deepEqual(it.said("takeOver"), [])
  const dropped: Record<string, number> = {}
  for (const host of it.hosts) Object.assign(dropped, (await it.metrics(host))?.layer2.dropped)
  t.true((dropped["malformed"] ?? 0) > 0, JSON.stringify(dropped))
})

test("our own frame come back, and another's in our name, get no answer", async (t) => {
  const it = cluster(1)
  await it.settled()
  await it.answeredBy("charlie", 1000)
  let answers = 0
  const mallory = sender(it.sim.world("mallory", { addresses: ["10.0.0.99"] }), () => answers++)
  // The client was plugged in first, then alpha, bravo, charlie.
  const ours = Uint8Array.of(2, 0, 0, 0, 0, 4)
  for (let i = 0; i < 20; i++) {
    mallory.send(arpRequestFrame({ mac: ours, senderIp: web, target: web, to: undefined }))
    mallory.send(arpRequestFrame({ mac: new Uint8Array(6).fill(0xff), senderIp: web, target: web, to: undefined }))
    await it.sim.runFor(50)
  }
  await it.sim.runFor(3000)
  t.is(answers, 0)
  const { dropped } = (await it.metrics("charlie"))?.layer2 ?? {}
  t.deepEqual([dropped?.["own-frame"], dropped?.["group-sender"]], [20, 20])
})

test("an interface without an IPv4 address answers ARP, and watches", async (t) => {
  const it = cluster(1, { worldOf: (_, world) => withoutIpv4(world) })
  await it.settled()
  await it.answeredBy("charlie", 1000)
  it.sim.network.killProcess("charlie")
  await it.answeredBy("bravo", 1500)
  t.deepEqual(
    it.lines.filter(({ fields }) => fields["message"] === "actor crashed"),
    [],
  )
})

/** Gossip has its network; what announces has only a link-local address. */
function withoutIpv4(world: World): World {
  const { packets } = world
  const interfaces: typeof packets.interfaces = () => {
    const links = packets.interfaces()
    if (!links.ok) return links
    const addresses = [{ address: "fe80::5", prefixLength: 64, tentative: false }]
    return { ok: true, value: links.value.map((link) => ({ ...link, addresses })) }
  }
  return { ...world, packets: { ...packets, interfaces } }
}
