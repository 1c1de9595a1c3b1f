import anyTest from "ava"
import { decideBgp } from "../../actors/announcer/bgp-decision.ts"
import { desiredPeers } from "../../actors/announcer/desired.ts"
import type { DesiredPeer } from "../../actors/session/messages.ts"
import { compile } from "../../config/compile.ts"
import type { Ip } from "../../protocols/ip.ts"
import { endpoints, node as nodeFacts, service, surroundings } from "../announcer/facts.ts"
import { bgpNamed, node, nothing, peerNamed, poolNamed } from "../support/configuration.ts"
import { addLink, Bird, cleanUp, Frr, frrObstacle, GoBgp, type Link, obstacle } from "./routers.ts"
import { startSpeaker, until } from "./system.ts"

/** From annotations on the resources to the tables of real routers. */

anyTest.after.always(cleanUp)

const test = obstacle === undefined ? anyTest.serial : anyTest.skip
const withFrr = frrObstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string, why = obstacle): string => (why === undefined ? title : `${title} (${why})`)

const address = "198.51.100.7" as Ip

/** What the speaker of this node would want of its BGP thread. */
function desired(link: Link, peerASN: number, annotations: Record<string, string>): readonly DesiredPeer[] {
  const result = compile({
    ...nothing,
    pools: [poolNamed("p", { addresses: ["198.51.100.0/24"] })],
    bgpAdvertisements: [{ ...bgpNamed("a", {}), annotations }, bgpNamed("b", { communities: ["65000:1"] })],
    peers: [peerNamed("router", { myASN: 64512, peerASN, peerAddress: link.theirs })],
    nodes: [node("charlie")],
  })
  if (!result.ok) throw new Error(result.error.map(({ text }) => text).join("; "))
  const pool = result.value.pools.get("p")
  if (pool === undefined) throw new Error("no pool")
  const around = surroundings({ nodes: new Map([["charlie", nodeFacts("charlie")]]), snapshot: result.value })
  const { decision } = decideBgp(service(), [address], pool, endpoints("charlie"), around)
  if (decision.kind !== "announce") throw new Error(decision.reason)
  const announcement = { pool: "p", ips: [address], bgp: { routes: decision.routes } }
  return desiredPeers(result.value.peers, { name: "charlie", labels: {} }, new Map([["default/web", announcement]]))
}

const annotations = { "troupe.dev/med": "70", "troupe.dev/as-path-prepend": "2" }
const prefix = `${address}/32`

for (const [title, peerAsn, path] of [
  ["external", 64513, "64512 64512 64512"],
  ["internal", 64512, ""],
] as const) {
  test(name(`MED and prepend at BIRD, ${title}`), async (t) => {
    const bird = new Bird(addLink(), { asn: peerAsn, peerAsn: 64512 })
    await bird.start()
    const speaker = startSpeaker()
    speaker.want(...desired(bird.link, peerAsn, annotations))
    await until("route", () => bird.route(prefix) !== "")
    t.regex(bird.route(prefix), /BGP\.med: 70\n/)
    t.regex(bird.route(prefix), new RegExp(`BGP\\.as_path: ${path}\n`))
    t.regex(bird.route(prefix), /BGP\.community: \(65000,1\)\n/, "the other advertisement's part")
    speaker.want(...desired(bird.link, peerAsn, {}))
    await until("changed", () => !bird.route(prefix).includes("BGP.med"))
    await speaker.system.stop()
    await bird.stop()
  })

  withFrr(name(`MED and prepend at FRR, ${title}`, frrObstacle), async (t) => {
    const frr = new Frr(addLink(), { asn: peerAsn, peerAsn: 64512 })
    await frr.start()
    const speaker = startSpeaker()
    speaker.want(...desired(frr.link, peerAsn, annotations))
    await until("route", () => frr.route(prefix).includes("metric 70"))
    t.regex(frr.route(prefix), path === "" ? /^ {2}Local/m : new RegExp(`^ {2}${path}`, "m"))
    await speaker.system.stop()
    await frr.stop()
  })

  test(name(`MED and prepend at GoBGP, ${title}`), async (t) => {
    const gobgp = new GoBgp(addLink(), { asn: peerAsn, peerAsn: 64512 })
    await gobgp.start()
    const speaker = startSpeaker()
    speaker.want(...desired(gobgp.link, peerAsn, annotations))
    await until("route", () => gobgp.ask("global", "rib").includes(prefix))
    const shown = gobgp.ask("global", "rib")
    t.regex(shown, /\{Med: 70\}/)
    if (path !== "") t.true(shown.includes(path), shown)
    else t.notRegex(shown, /64512/)
    await speaker.system.stop()
    await gobgp.stop()
  })
}
