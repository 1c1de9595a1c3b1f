import anyTest from "ava"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { DesiredPeer } from "../../actors/session/messages.ts"
import { BirdControl } from "../../bench/bgp/bird-control.ts"
import { addLink, Bird, cleanUp, type Link, obstacle } from "./routers.ts"
import { startSpeaker, until } from "./system.ts"

anyTest.after.always(cleanUp)

const live = obstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string): string => (obstacle === undefined ? title : `${title} (${obstacle})`)

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
