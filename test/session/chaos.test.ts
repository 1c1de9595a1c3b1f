import test from "ava"
import type { DesiredPeer } from "../../actors/session/messages.ts"
import type { Ip } from "../../protocols/ip.ts"
import { simulate } from "../../supervision/simulated-world.ts"
import { type SimulatedRouter, startRouter } from "./simulated-router.ts"
import { startSpeaker } from "./system.ts"

const routers = ["r1", "r2", "r3"] as const
type Router = (typeof routers)[number]
const addressOf = (router: Router): string => `10.1.0.${routers.indexOf(router) + 1}`
const steps = 60

/** Small and good enough; the seed is in the name of the test. */
function dice(seed: number): (sides: number) => number {
  let state = seed * 2_654_435_761
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides
  }
}

for (let seed = 1; seed <= (Number(process.env["SEEDS"]) || 12); seed++) {
  test(`seed ${seed}: partitions, reboots, killed actors, changing routes; then every router has exactly its set`, async (t) => {
    const roll = dice(seed)
    const sim = simulate(seed)
    const running = new Map<Router, SimulatedRouter>()
    const boot = async (router: Router): Promise<void> => {
      const address = addressOf(router)
      const identity = { asn: 64513, peerAsn: 64512, identifier: address as Ip, holdSeconds: 9 }
      running.set(router, await startRouter(sim.world(router, { addresses: [address] }), address, identity))
    }
    for (const router of routers) await boot(router)
    const world = sim.world("node", { addresses: ["10.1.0.9"] })
    const speaker = startSpeaker({ world, config: {} })
    const wanted = new Map<Router, string[]>(routers.map((router) => [router, []]))
    const everWanted = new Map<Router, Set<string>>(routers.map((router) => [router, new Set()]))
    const tell = (): void => {
      const peers = [...wanted].map(
        ([router, prefixes]): DesiredPeer => ({
          name: router,
          session: { myASN: 64512, peerASN: 64513, address: addressOf(router), port: 179, holdSeconds: 90 },
          routes: [{ localPref: 0, communities: [], prefixes }],
        }),
      )
      speaker.want(...peers)
    }
    const change = (router: Router): void => {
      const network = routers.indexOf(router) + 1
      const prefixes = Array.from({ length: roll(40) }, () => `10.2${network}.0.${roll(60)}/32`)
      wanted.set(router, [...new Set(prefixes)])
      for (const prefix of prefixes) everWanted.get(router)?.add(prefix)
      tell()
    }
    tell()
    for (let step = 0; step < steps; step++) {
      const router = routers[roll(routers.length)] ?? "r1"
      switch (roll(8)) {
        case 0:
          sim.network.partition("node", router)
          break
        case 1:
          sim.network.heal("node", router)
          break
        case 2:
          await boot(router)
          break
        case 3:
          await speaker.system.kill(`/speaker/bgp/${router}`)
          break
        case 4:
          if (roll(4) === 0) await speaker.system.kill("/speaker/bgp")
          break
        case 5:
          sim.network.pause("node")
          await sim.runFor(roll(15_000))
          sim.network.resume("node")
          break
        default:
          change(router)
      }
      await sim.runFor(roll(8_000))
      for (const [name, router] of running) {
        for (const prefix of router.routes()) t.true(everWanted.get(name)?.has(prefix), `${name} has ${prefix}`)
      }
    }
    for (const router of routers) sim.network.heal("node", router)
    const converged = (): boolean =>
      routers.every((router) => {
        const has = running.get(router)
        const report = speaker.session(router)
        return (
          has?.sessions() === 1 &&
          has.routes().join() === [...(wanted.get(router) ?? [])].sort().join() &&
          report?.state === "established" &&
          report.prefixesSent === wanted.get(router)?.length
        )
      })
    // The longest wait between two tries, a connection that is given up, and a hold time.
    await sim.runUntil(converged, { withinMs: 120_000 + 60_000 + 9_000 })
    await sim.runFor(60_000)
    t.true(converged(), "and it stays so")
    for (const { complaints } of running.values()) t.deepEqual(complaints, [])
    const up = speaker.lines.filter(({ message }) => message === "BGP session established").length
    t.true(up > 5, `it was no quiet time: ${up} sessions`)
    await sim.settle(speaker.system.stop(), { withinMs: 60_000 })
  })
}
