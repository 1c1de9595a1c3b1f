import anyTest from "ava"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { DesiredPeer } from "../../actors/session/messages.ts"
import { BirdControl } from "../../bench/bgp/bird-control.ts"
import { addLink, Bird, cleanUp, Frr, frrObstacle, GoBgp, type Link, obstacle } from "./routers.ts"
import { startSpeaker, until } from "./system.ts"

anyTest.after.always(cleanUp)

const live = obstacle === undefined ? anyTest.serial : anyTest.skip
const liveFrr = frrObstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string, why = obstacle): string => (why === undefined ? title : `${title} (${why})`)

const families = ["ipv4", "ipv6"] as const
const kept = ["198.51.100.7/32", "2001:db8:7::1/128"]
const leaving = ["203.0.113.9/32", "2001:db8:9::/64"]

const peer = ({ theirs }: Link, prefixes: readonly string[], peerASN = 64513): DesiredPeer => ({
  name: "router",
  session: {
    myASN: 64512,
    peerASN,
    address: theirs,
    port: 179,
    holdSeconds: 90,
    families,
    gracefulRestart: { seconds: 120 },
  },
  routes: [{ localPref: 100, communities: [], prefixes }],
})

/** Asks BIRD all the time for two routes, and remembers how often they were not there. */
class Watch {
  readonly #control: BirdControl
  readonly #done: Promise<void>
  #stopped = false
  asked = 0
  missing = 0

  constructor(control: BirdControl) {
    this.#control = control
    this.#done = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      for (const prefix of kept) {
        const shown = await this.#control.ask(`show route ${prefix}`)
        this.asked++
        if (!shown.includes(prefix)) this.missing++
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
    this.#control.close()
  }
}

for (const internal of [false, true]) {
  const asn = internal ? 64512 : 64513
  const kind = internal ? "internal" : "external"

  live(
    name(`BIRD, ${kind}: the BGP thread is killed; the routes never leave, those withdrawn meanwhile do`),
    async (t) => {
      const link = addLink()
      const bird = new Bird(link, { asn, peerAsn: 64512, families, extra: "graceful restart aware;" })
      await bird.start()
      const speaker = startSpeaker({ thread: true })
      const there = (prefix: string): boolean => bird.route(prefix) !== ""
      speaker.want(peer(link, [...kept, ...leaving], asn))
      await until("routes", () => [...kept, ...leaving].every(there))
      await until("agreed", () => speaker.session("router")?.agreed?.gracefulRestart === true)
      const watch = new Watch(await BirdControl.open(bird.control))
      for (let round = 0; round < 3; round++) {
        t.true(await speaker.system.kill("/speaker/bgp"))
        // The order reaches the next incarnation: what it does not contain went in the gap.
        speaker.want(peer(link, kept, asn))
        await until("withdrawn after End-of-RIB", () => !leaving.some(there))
        await until("back", () => speaker.session("router")?.prefixesSent === 2)
        if (round < 2) {
          speaker.want(peer(link, [...kept, ...leaving], asn))
          await until("again", () => leaving.every(there))
        }
      }
      await watch.stop()
      t.true(watch.asked > 100, `asked ${watch.asked} times`)
      t.is(watch.missing, 0)
      t.true(await speaker.shutDown())
      await until("an orderly end takes the routes at once", () => !kept.some(there), 5_000)
      await speaker.system.stop()
      await bird.stop()
    },
  )
}

live(name("without graceful restart the same watch sees the routes leave"), async (t) => {
  const link = addLink()
  const bird = new Bird(link, { asn: 64513, peerAsn: 64512, families, extra: "graceful restart off;" })
  await bird.start()
  const speaker = startSpeaker({ thread: true })
  speaker.want(peer(link, kept))
  await until("routes", () => kept.every((prefix) => bird.route(prefix) !== ""))
  const watch = new Watch(await BirdControl.open(bird.control))
  await until("watching", () => watch.asked > 10)
  t.true(await speaker.system.kill("/speaker/bgp"))
  await until("away", () => watch.missing > 0)
  await until("back", () => kept.every((prefix) => bird.route(prefix) !== ""))
  await watch.stop()
  t.true(watch.missing > 0)
  await speaker.system.stop()
  await bird.stop()
})

live(name("BIRD: the whole process is killed and started again; the routes never leave"), async (t) => {
  const link = addLink()
  const bird = new Bird(link, { asn: 64513, peerAsn: 64512, families, extra: "graceful restart aware;" })
  await bird.start()
  const program = fileURLToPath(new URL("speaker-program.ts", import.meta.url))
  const start = (prefixes: readonly string[]) =>
    spawn(process.execPath, [program, JSON.stringify([peer(link, prefixes)])], { stdio: "inherit" })
  const there = (prefix: string): boolean => bird.route(prefix) !== ""
  const first = start([...kept, ...leaving])
  await until("routes", () => [...kept, ...leaving].every(there))
  // The peer may keep routes of a session whose End-of-RIB it has seen.
  await until("settled", () => /Established/.test(bird.ask("show", "protocols", "all", "speaker")))
  const watch = new Watch(await BirdControl.open(bird.control))
  first.kill("SIGKILL")
  await once(first, "exit")
  const second = start(kept)
  try {
    await until("withdrawn after End-of-RIB", () => !leaving.some(there))
    await watch.stop()
    t.true(watch.asked > 100, `asked ${watch.asked} times`)
    t.is(watch.missing, 0)
  } finally {
    second.kill("SIGKILL")
  }
  await bird.stop()
})

liveFrr(
  name("FRR keeps the routes over a killed thread, and drops what was withdrawn meanwhile", frrObstacle),
  async (t) => {
    const link = addLink()
    const frr = new Frr(link, { asn: 64513, peerAsn: 64512, families })
    await frr.start()
    const speaker = startSpeaker({ thread: true })
    const there = (prefix: string): boolean => frr.route(prefix) !== ""
    speaker.want(peer(link, [...kept, ...leaving]))
    await until("routes", () => [...kept, ...leaving].every(there))
    await until("agreed", () => speaker.session("router")?.agreed?.gracefulRestart === true)
    t.true(await speaker.system.kill("/speaker/bgp"))
    speaker.want(peer(link, kept))
    let missing = 0
    await until("withdrawn after End-of-RIB", () => {
      missing += kept.filter((prefix) => !there(prefix)).length
      return !leaving.some(there)
    })
    t.is(missing, 0)
    t.true(await speaker.shutDown())
    await until("an orderly end takes the routes", () => !kept.some(there), 5_000)
    await speaker.system.stop()
    await frr.stop()
  },
)

live(name("BIRD asks for the routes again (RFC 2918, RFC 7313): a filter that it changed sees them all"), async (t) => {
  const link = addLink()
  const bird = new Bird(link, { asn: 64513, peerAsn: 64512, families, channel: "import table off;" })
  await bird.start()
  const speaker = startSpeaker()
  speaker.want(peer(link, kept))
  await until("routes", () => kept.every((prefix) => bird.route(prefix) !== ""))
  const before = speaker.session("router")?.updatesSent ?? 0
  bird.ask("reload", "in", "speaker")
  await until("asked", () => (speaker.session("router")?.messages.received.routeRefreshes ?? 0) >= 2)
  await until("answered", () => (speaker.session("router")?.updatesSent ?? 0) >= before + 2)
  t.is(speaker.session("router")?.agreed?.routeRefresh, "enhanced")
  await until("marks", () => speaker.session("router")?.messages.sent.routeRefreshes === 4)
  t.true(kept.every((prefix) => bird.route(prefix) !== ""))
  t.is(speaker.session("router")?.state, "established")
  await speaker.system.stop()
  await bird.stop()
})

liveFrr(name("FRR asks for the routes again and has them all", frrObstacle), async (t) => {
  const link = addLink()
  const frr = new Frr(link, { asn: 64513, peerAsn: 64512, families })
  await frr.start()
  const speaker = startSpeaker()
  speaker.want(peer(link, kept))
  await until("routes", () => kept.every((prefix) => frr.route(prefix) !== ""))
  const before = speaker.session("router")?.updatesSent ?? 0
  frr.ask(`clear bgp ipv4 unicast ${link.ours} soft in`)
  await until("answered", () => (speaker.session("router")?.updatesSent ?? 0) > before)
  t.true((speaker.session("router")?.messages.received.routeRefreshes ?? 0) >= 1)
  t.true(kept.every((prefix) => frr.route(prefix) !== ""))
  t.is(speaker.session("router")?.state, "established")
  await speaker.system.stop()
  await frr.stop()
})

live(name("GoBGP asks for the routes again and has them all"), async (t) => {
  const link = addLink()
  const gobgp = new GoBgp(link, { asn: 64513, peerAsn: 64512, families })
  await gobgp.start()
  const speaker = startSpeaker()
  speaker.want(peer(link, kept))
  const there = (): boolean => gobgp.ask("global", "rib").includes("198.51.100.7/32")
  await until("routes", there)
  const before = speaker.session("router")?.updatesSent ?? 0
  gobgp.ask("neighbor", link.ours, "softresetin")
  await until("answered", () => (speaker.session("router")?.updatesSent ?? 0) > before)
  t.true(there())
  await speaker.system.stop()
  await gobgp.stop()
})

for (const internal of [false, true]) {
  live(
    name(`BIRD, ${internal ? "internal" : "external"}: at shutdown the routes first become the last choice (RFC 8326)`),
    async (t) => {
      const link = addLink()
      const asn = internal ? 64512 : 64513
      const bird = new Bird(link, { asn, peerAsn: 64512, families })
      await bird.start()
      const speaker = startSpeaker({ config: { drainMs: 2_000 } })
      speaker.want(peer(link, kept, asn))
      await until("routes", () => kept.every((prefix) => bird.route(prefix) !== ""))
      await until("report", () => speaker.session("router")?.prefixesSent === 2)
      const done = speaker.shutDown()
      const last = (prefix: string): boolean => {
        const shown = bird.route(prefix)
        return shown.includes("(65535,0)") && (!internal || /BGP\.local_pref: 0\n/.test(shown))
      }
      await until("last choice", () => kept.every(last), 1_900)
      t.true(await done)
      await until("gone", () => kept.every((prefix) => bird.route(prefix) === ""))
      await speaker.system.stop()
      await bird.stop()
    },
  )
}
