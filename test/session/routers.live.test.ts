import anyTest from "ava"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { DesiredPeer, RouteGroup, SessionSettings } from "../../actors/session/messages.ts"
import { addLink, Bird, cleanUp, GoBgp, type Link, obstacle } from "./routers.ts"
import { startSpeaker, until } from "./system.ts"

const test = obstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string): string => (obstacle === undefined ? title : `${title} (${obstacle})`)
anyTest.after.always(cleanUp)

const route = (prefix: string, localPref = 0, communities: string[] = []): RouteGroup => ({
  localPref,
  communities,
  prefixes: [prefix],
})
const peer = (
  title: string,
  link: Link,
  routes: RouteGroup[],
  settings: Partial<SessionSettings> = {},
): DesiredPeer => ({
  name: title,
  session: { myASN: 64512, peerASN: 64513, address: link.theirs, port: 179, holdSeconds: 90, ...settings },
  routes,
})

test(name("BIRD, external: next hop, AS path and communities arrive; LOCAL_PREF does not"), async (t) => {
  const bird = new Bird(addLink(), { asn: 4200000001, peerAsn: 4200000000 })
  await bird.start()
  const speaker = startSpeaker()
  const settings = { myASN: 4200000000, peerASN: 4200000001 }
  const routes = [route("198.51.100.7/32", 300, ["65000:1", "65535:65281"]), route("203.0.113.0/24")]
  speaker.want(peer("bird", bird.link, routes, settings))
  await until("both routes", () => bird.count() === 2)
  const shown = bird.route("198.51.100.7/32")
  t.regex(shown, /BGP\.origin: IGP/)
  t.regex(shown, /BGP\.as_path: 4200000000\n/)
  t.regex(shown, new RegExp(`BGP\\.next_hop: ${bird.link.ours.replaceAll(".", "\\.")}\n`))
  t.regex(shown, /BGP\.community: \(65000,1\) \(65535,65281\)\n/)
  t.regex(shown, /BGP\.local_pref: 100\n/, "BIRD's own default: ours stays at home")
  t.notRegex(bird.route("203.0.113.0/24"), /community/)

  speaker.want(peer("bird", bird.link, [route("203.0.113.0/24", 0, ["65000:9"])], settings))
  await until("withdrawn and changed", () => bird.count() === 1 && bird.route("203.0.113.0/24").includes("(65000,9)"))
  t.is(bird.route("198.51.100.7/32"), "")
  t.true(await speaker.shutDown())
  await until("goodbye", () => bird.ask("show", "protocols", "all", "speaker").includes("speaker is shutting down"))
  t.is(bird.count(), 0)
  await speaker.system.stop()
  await bird.stop()
})

test(name("BIRD, internal, on another port: LOCAL_PREF always, AS path empty, router id as configured"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64512, peerAsn: 64512, port: 1790 })
  await bird.start()
  const speaker = startSpeaker()
  const settings = { peerASN: 64512, port: 1790, routerId: "10.9.8.7" }
  speaker.want(peer("bird", bird.link, [route("198.51.100.0/24", 250), route("203.0.113.0/24")], settings))
  await until("both routes", () => bird.count() === 2)
  t.regex(bird.route("198.51.100.0/24"), /BGP\.local_pref: 250\n/)
  t.regex(bird.route("203.0.113.0/24"), /BGP\.local_pref: 0\n/)
  t.regex(bird.route("203.0.113.0/24"), /BGP\.as_path: \n/)
  t.regex(bird.ask("show", "protocols", "all", "speaker"), /Neighbor ID:\s+10\.9\.8\.7/)
  await speaker.system.stop()
  await bird.stop()
})

test(name("BIRD restarted: the session comes back by itself with the full set"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64513, peerAsn: 64512 })
  await bird.start()
  const speaker = startSpeaker()
  const routes = [route("198.51.100.7/32"), route("198.51.100.8/32")]
  speaker.want(peer("bird", bird.link, routes))
  await until("routes", () => bird.count() === 2)
  await speaker.reached("bird", "established")
  await bird.stop()
  await until("down", () => speaker.session("bird")?.prefixesSent === 0)
  speaker.want(peer("bird", bird.link, [...routes, route("198.51.100.9/32")]))
  await bird.start()
  await until("routes again, the one added meanwhile too", () => bird.count() === 3)
  t.is((await speaker.reached("bird", "established")).prefixesSent, 3)
  await speaker.system.stop()
  await bird.stop()
})

test(name("BIRD killed outright and started again"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64513, peerAsn: 64512 })
  await bird.start()
  const speaker = startSpeaker()
  speaker.want(peer("bird", bird.link, [route("198.51.100.7/32")]))
  await until("route", () => bird.count() === 1)
  await bird.stop("SIGKILL")
  await bird.start()
  await until("route again", () => bird.count() === 1)
  await until("why it went down", () => speaker.session("bird")?.lastError !== undefined)
  t.regex(speaker.session("bird")?.lastError ?? "", /connect|connection/)
  await speaker.system.stop()
  await bird.stop()
})

test(name("a killed session actor reconnects; the session beside it keeps its routes and its age"), async (t) => {
  const first = new Bird(addLink(), { asn: 64513, peerAsn: 64512 })
  const second = new GoBgp(addLink(), { asn: 64513, peerAsn: 64512 })
  await Promise.all([first.start(), second.start()])
  const speaker = startSpeaker()
  const routes = [route("198.51.100.7/32")]
  speaker.want(peer("first", first.link, routes), peer("second", second.link, routes))
  const other = await speaker.reached("second", "established")
  await until("route", () => first.count() === 1)
  t.true(await speaker.system.kill("/speaker/bgp/first"))
  await until("fault", () => speaker.session("first")?.lastError === "session was restarted after a fault: killed")
  await until("route again", () => first.count() === 1)
  await speaker.reached("first", "established")
  t.is(speaker.session("second")?.sinceMs, other.sinceMs)
  t.regex(second.ask("global", "rib"), /198\.51\.100\.7\/32/)
  await speaker.system.stop()
  await Promise.all([first.stop(), second.stop()])
})

test(name("BIRD falls silent: Hold Timer Expired after the negotiated 3 s; back when it wakes"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64513, peerAsn: 64512, holdSeconds: 3 })
  await bird.start()
  const speaker = startSpeaker()
  speaker.want(peer("bird", bird.link, [route("198.51.100.7/32")]))
  await until("route", () => bird.count() === 1)
  // Longer than the hold time: our keepalives keep it up.
  const upMs = performance.now()
  await until("time", () => performance.now() - upMs > 4_000)
  t.is(speaker.session("bird")?.lastError, undefined)
  bird.signal("SIGSTOP")
  const stoppedMs = performance.now()
  await until("down", () => speaker.session("bird")?.state !== "established")
  const tookMs = performance.now() - stoppedMs
  t.true(tookMs > 1_500 && tookMs < 6_000, `${tookMs} ms`)
  t.is(speaker.session("bird")?.lastError, "peer was silent for the hold time; sent NOTIFICATION Hold Timer Expired")
  bird.signal("SIGCONT")
  await speaker.reached("bird", "established")
  await until("route again", () => bird.count() === 1)
  await speaker.system.stop()
  await bird.stop()
})

test(name("we fall silent: BIRD's hold timer expires; a speaker that wakes reconnects"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64513, peerAsn: 64512, holdSeconds: 3 })
  await bird.start()
  const program = fileURLToPath(new URL("speaker-program.ts", import.meta.url))
  const peers = [peer("bird", bird.link, [route("198.51.100.7/32")])]
  const speaker = spawn(process.execPath, [program, JSON.stringify(peers)], { stdio: "inherit" })
  try {
    await until("route", () => bird.count() === 1)
    speaker.kill("SIGSTOP")
    await until("withdrawn", () => bird.count() === 0)
    t.regex(bird.ask("show", "protocols", "all", "speaker"), /Last error:\s+BGP Error: Hold timer expired/)
    speaker.kill("SIGCONT")
    await until("route again", () => bird.count() === 1)
  } finally {
    speaker.kill("SIGKILL")
  }
  await bird.stop()
})

test(name("wrong AS number on our side: we say so, and why"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64513, peerAsn: 64512 })
  await bird.start()
  const speaker = startSpeaker()
  speaker.want(peer("bird", bird.link, [], { peerASN: 64999 }))
  await until("reason", () => speaker.session("bird")?.lastError?.includes("64999") === true)
  t.true(
    speaker
      .session("bird")
      ?.lastError?.endsWith("unexpected peer ASN 64513, want 64999; sent NOTIFICATION OPEN Message Error/Bad Peer AS"),
  )
  await until("BIRD has heard it", () => /Received: Bad peer AS/.test(bird.ask("show", "protocols", "all", "speaker")))
  await speaker.system.stop()
  await bird.stop()
})

test(name("wrong AS number on BIRD's side: its NOTIFICATION is told in words"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64513, peerAsn: 64999 })
  await bird.start()
  const speaker = startSpeaker()
  speaker.want(peer("bird", bird.link, []))
  await until("reason", () => speaker.session("bird")?.lastError?.includes("NOTIFICATION") === true)
  t.true(speaker.session("bird")?.lastError?.endsWith("peer sent NOTIFICATION OPEN Message Error/Bad Peer AS"))
  // BIRD now refuses connections for a while; the cause must not be lost behind that.
  await until("more tries", () => (speaker.session("bird")?.lastError ?? "").includes("; before that: "))
  t.true(speaker.session("bird")?.lastError?.endsWith("peer sent NOTIFICATION OPEN Message Error/Bad Peer AS"))
  t.true(speaker.lines.some(({ message }) => message === "peer sent notification, closing session"))
  await speaker.system.stop()
  await bird.stop()
})

test(name("BIRD's prefix limit: Cease/Maximum Number of Prefixes Reached"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64513, peerAsn: 64512, channel: "import limit 2 action disable;" })
  await bird.start()
  const speaker = startSpeaker()
  const routes = [route("198.51.100.7/32"), route("198.51.100.8/32"), route("198.51.100.9/32")]
  speaker.want(peer("bird", bird.link, routes))
  await until("reason", () => speaker.session("bird")?.lastError?.includes("NOTIFICATION") === true)
  t.regex(speaker.session("bird")?.lastError ?? "", /Cease\/Maximum Number of Prefixes Reached/)
  await speaker.system.stop()
  await bird.stop()
})

test(name("settings changed: a new session with the new hold time, and the routes"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64513, peerAsn: 64512 })
  await bird.start()
  const speaker = startSpeaker()
  const routes = [route("198.51.100.7/32")]
  speaker.want(peer("bird", bird.link, routes))
  await until("route", () => bird.count() === 1)
  speaker.want(peer("bird", bird.link, routes, { holdSeconds: 30 }))
  await until("new hold time", () => /Hold timer:\s+[\d.]+\/30/.test(bird.ask("show", "protocols", "all", "speaker")))
  await until("route again", () => bird.count() === 1)
  t.pass()
  await speaker.system.stop()
  await bird.stop()
})

test(name("GoBGP restarted: back with the full set"), async (t) => {
  const gobgp = new GoBgp(addLink(), { asn: 64513, peerAsn: 64512 })
  await gobgp.start()
  const speaker = startSpeaker()
  speaker.want(peer("gobgp", gobgp.link, [route("198.51.100.7/32")]))
  const there = (): boolean => gobgp.ask("global", "rib").includes("198.51.100.7/32")
  await until("route", there)
  await speaker.reached("gobgp", "established")
  await gobgp.stop()
  await until("down", () => speaker.session("gobgp")?.prefixesSent === 0)
  await gobgp.start()
  await until("route again", there)
  t.pass()
  await speaker.system.stop()
  await gobgp.stop()
})

test(name("10,000 routes arrive whole, and half of them go again"), async (t) => {
  const bird = new Bird(addLink(), { asn: 64513, peerAsn: 64512 })
  await bird.start()
  const speaker = startSpeaker()
  const routes = Array.from({ length: 10_000 }, (_, i) => route(`10.1.${i >> 8}.${i & 255}/32`, 0, [`65000:${i % 4}`]))
  speaker.want(peer("bird", bird.link, routes))
  await until("all", () => bird.count() === 10_000)
  // Four sets of attributes of 2500 prefixes each, four UPDATEs a set, and End-of-RIB.
  await until(
    "report",
    () => speaker.session("bird")?.updatesSent === 17,
    5_000,
    () => String(speaker.session("bird")?.updatesSent),
  )
  speaker.want(peer("bird", bird.link, routes.slice(0, 5_000)))
  await until("half", () => bird.count() === 5_000)
  t.is(bird.route("10.1.39.15/32"), "")
  await speaker.system.stop()
  await bird.stop()
})
