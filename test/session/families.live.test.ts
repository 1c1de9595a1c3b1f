import anyTest from "ava"
import type { DesiredPeer, RouteGroup, SessionSettings } from "../../actors/session/messages.ts"
import { addLink, Bird, cleanUp, Frr, frrObstacle, GoBgp, type Link, obstacle } from "./routers.ts"
import { startSpeaker, until } from "./system.ts"

anyTest.after.always(cleanUp)

const live = obstacle === undefined ? anyTest.serial : anyTest.skip
const liveFrr = frrObstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string, why = obstacle): string => (why === undefined ? title : `${title} (${why})`)

const families = ["ipv4", "ipv6"] as const
const ourAsn = 64512
const routes: readonly RouteGroup[] = [
  {
    localPref: 250,
    communities: ["65000:1", "65000:1:2"],
    prefixes: ["198.51.100.7/32", "2001:db8:7::1/128"],
  },
  { localPref: 0, communities: [], med: 17, prepend: 2, prefixes: ["203.0.113.0/24", "2001:db8:8::/48"] },
]
const fewer = routes.slice(0, 1)

const peer = (
  { theirs, theirs6 }: Link,
  over: "ipv4" | "ipv6",
  settings: Partial<SessionSettings>,
  desired = routes,
): DesiredPeer => ({
  name: "router",
  session: {
    myASN: ourAsn,
    peerASN: 64513,
    address: over === "ipv4" ? theirs : theirs6,
    port: 179,
    holdSeconds: 90,
    families,
    routerId: "192.0.2.77",
    ...settings,
  },
  routes: desired,
})

interface Router {
  start(): Promise<void>
  stop(): Promise<void>
  route(prefix: string): string
}

class GoBgpRouter extends GoBgp implements Router {
  route(prefix: string): string {
    const shown = this.ask("global", "rib", "-a", prefix.includes(":") ? "ipv6" : "ipv4", prefix)
    return shown.includes("Next Hop") ? shown : ""
  }
}

const kinds = {
  BIRD: { make: (...args: ConstructorParameters<typeof Bird>): Router => new Bird(...args), obstacle, test: live },
  GoBGP: {
    make: (...args: ConstructorParameters<typeof GoBgp>): Router => new GoBgpRouter(...args),
    obstacle,
    test: live,
  },
  FRR: {
    make: (...args: ConstructorParameters<typeof Frr>): Router => new Frr(...args),
    obstacle: frrObstacle,
    test: liveFrr,
  },
}

for (const [title, { make, obstacle: why, test }] of Object.entries(kinds)) {
  for (const over of families) {
    for (const internal of [false, true]) {
      const what = `${title}, ${internal ? "internal" : "external"}, over ${over}: routes of both families with all their attributes`
      test(name(what, why), async (t) => {
        const link = addLink()
        const peerASN = internal ? ourAsn : 64513
        const router = make(link, { asn: peerASN, peerAsn: ourAsn, families, over })
        await router.start()
        const speaker = startSpeaker()
        speaker.want(peer(link, over, { peerASN }))
        const all = routes.flatMap(({ prefixes }) => prefixes)
        await until(
          "all routes",
          () => all.every((prefix) => router.route(prefix) !== ""),
          undefined,
          () => JSON.stringify([speaker.session("router"), speaker.lines]),
        )
        await until("report", () => speaker.session("router")?.prefixesSent === all.length)
        t.deepEqual(speaker.session("router")?.agreed?.families, families)
        for (const [prefix, nextHop] of [
          ["198.51.100.7/32", link.ours],
          ["2001:db8:7::1/128", link.ours6],
        ] as const) {
          const shown = router.route(prefix)
          t.true(shown.includes(nextHop), shown)
          t.regex(shown, /65000[:,] ?1\b/, "community")
          t.regex(shown, /65000[:,] ?1[:,] ?2\b/, "large community")
          if (internal) t.regex(shown, /250/)
        }
        for (const prefix of ["203.0.113.0/24", "2001:db8:8::/48"]) {
          const shown = router.route(prefix)
          t.regex(shown, /\b17\b/, "MED")
          if (internal) t.notRegex(shown, /64512 64512/)
          else t.regex(shown, /64512 64512 64512/, "AS path with ours three times")
        }
        speaker.want(peer(link, over, { peerASN }, fewer))
        await until("withdrawn", () => router.route("203.0.113.0/24") === "" && router.route("2001:db8:8::/48") === "")
        t.not(router.route("198.51.100.7/32"), "")
        t.not(router.route("2001:db8:7::1/128"), "")
        await speaker.system.stop()
        await router.stop()
      })
    }
  }
}

live(name("BIRD speaks IPv4 only: IPv6 routes are named as unsaid, IPv4 ones go out"), async (t) => {
  const link = addLink()
  const bird = new Bird(link, { asn: 64513, peerAsn: ourAsn })
  await bird.start()
  const speaker = startSpeaker()
  speaker.want(peer(link, "ipv4", {}))
  await until("routes", () => bird.count() === 2)
  const refused = speaker.lines.filter(({ fields }) => fields["error"] === "the peer does not speak IPv6 unicast")
  t.deepEqual(refused.map(({ fields }) => String(fields["prefix"])).sort(), ["2001:db8:7::1/128", "2001:db8:8::/48"])
  await until("report", () => speaker.session("router")?.prefixesSent === 2)
  t.is(speaker.session("router")?.prefixesWanted, 4)
  await speaker.system.stop()
  await bird.stop()
})

for (const [title, { make, obstacle: why, test }] of Object.entries({ BIRD: kinds.BIRD, FRR: kinds.FRR })) {
  test(name(`${title}, RFC 8950: IPv4 routes by an IPv6 next hop, from a node without IPv4`, why), async (t) => {
    const link = addLink({ ipv4: false })
    const router = make(link, {
      asn: 64513,
      peerAsn: ourAsn,
      families,
      over: "ipv6",
      ...(title === "BIRD"
        ? { channel: "extended next hop on;" }
        : { extra: `neighbor ${link.ours6} capability extended-nexthop` }),
    })
    await router.start()
    const speaker = startSpeaker()
    speaker.want(peer(link, "ipv6", {}))
    await until(
      "routes",
      () => router.route("198.51.100.7/32") !== "" && router.route("2001:db8:7::1/128") !== "",
      undefined,
      () => JSON.stringify([speaker.session("router"), speaker.lines]),
    )
    t.true(router.route("198.51.100.7/32").includes(link.ours6))
    await until("report", () => speaker.session("router")?.agreed?.extendedNextHop === true)
    speaker.want(peer(link, "ipv6", {}, []))
    await until("withdrawn", () => router.route("198.51.100.7/32") === "")
    await speaker.system.stop()
    await router.stop()
  })
}

live(name("10,000 IPv6 routes arrive whole"), async (t) => {
  const link = addLink()
  const bird = new Bird(link, { asn: 64513, peerAsn: ourAsn, families: ["ipv6"], over: "ipv6" })
  await bird.start()
  const speaker = startSpeaker()
  const prefixes = Array.from({ length: 10_000 }, (_, i) => `2001:db8:${(i + 1).toString(16)}::1/128`)
  speaker.want(peer(link, "ipv6", { families: ["ipv6"] }, [{ localPref: 0, communities: [], prefixes }]))
  await until("all", () =>
    bird.ask("show", "route", "count").includes("10000 of 10000 routes for 10000 networks in table master6"),
  )
  await until("report", () => speaker.session("router")?.prefixesSent === 10_000)
  t.true((speaker.session("router")?.updatesSent ?? 0) <= 45)
  await speaker.system.stop()
  await bird.stop()
})
