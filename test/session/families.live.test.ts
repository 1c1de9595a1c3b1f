import anyTest from "ava"
import type { DesiredPeer, RouteGroup, SessionSettings } from "../../actors/session/messages.ts"
import { addLink, Bird, cleanUp, type Link, obstacle } from "./routers.ts"
import { startSpeaker, until } from "./system.ts"

anyTest.after.always(cleanUp)

const live = obstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string): string => (obstacle === undefined ? title : `${title} (${obstacle})`)

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
