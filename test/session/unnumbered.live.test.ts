import anyTest from "ava"
import { execFileSync } from "node:child_process"
import { networkInterfaces } from "node:os"
import { network } from "./network.ts"
import { addLink, cleanUp, Frr, frrObstacle } from "./routers.ts"
import { startSpeaker, until } from "./system.ts"

anyTest.after.always(cleanUp)

const live = frrObstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string): string => (frrObstacle === undefined ? title : `${title} (${frrObstacle})`)

const prefixes = ["198.51.100.7/32", "2001:db8:7::1/128"]

live(name("FRR, told of an interface only: finds us by our Router Advertisements, and takes our routes"), async (t) => {
  const link = addLink({ ipv4: false })
  const [device = ""] =
    Object.entries(networkInterfaces()).find(([, all]) => all?.some(({ address }) => address === link.ours6)) ?? []
  const linkLocal = (): string =>
    networkInterfaces()[device]?.find(({ address }) => address.startsWith("fe80:"))?.address ?? "none"
  // From an IPv4 address of a /30 FRR would reckon its neighbour's, and not look for Router Advertisements.
  execFileSync("ip", ["-n", link.namespace, "addr", "del", `${link.theirs}/30`, "dev", "up0"])
  const frr = new Frr(link, { asn: 64513, peerAsn: 64512, families: ["ipv4", "ipv6"], unnumbered: true })
  await frr.start()
  const speaker = startSpeaker({ parts: { network } })
  t.teardown(() => speaker.system.stop())
  speaker.want({
    name: "router",
    session: {
      myASN: 64512,
      peerASN: 64513,
      address: device,
      interface: device,
      port: 179,
      holdSeconds: 90,
      families: ["ipv4", "ipv6"],
      routerId: "192.0.2.77",
    },
    routes: [{ localPref: 0, communities: [], prefixes }],
  })
  await speaker.reached("router", "established", 60_000)
  await until("routes", () => prefixes.every((prefix) => frr.route(prefix) !== ""))
  for (const prefix of prefixes) t.true(frr.route(prefix).includes(linkLocal()), frr.route(prefix))
  // A host that hears us has a neighbour there, and no way to the world.
  const routes = execFileSync("ip", ["-n", link.namespace, "-6", "route", "show", "default"], { encoding: "utf8" })
  t.is(routes.trim(), "")

  // A link that was down: nobody tells the sender, and it goes on.
  const said = (beginning: string): number =>
    speaker.lines.filter(({ message }) => message.startsWith(beginning)).length
  const [failed, began] = [said("cannot send Router Adv"), said("sending Router Adv")]
  t.is(began, 1)
  const ip = (...args: string[]): void => void execFileSync("ip", args)
  ip("link", "set", device, "down")
  await until("noticed", () => said("cannot send Router Adv") > failed)
  ip("link", "set", device, "up")
  await until("sent again", () => said("sending Router Adv") > began)
  t.not(linkLocal(), "none")
  await frr.stop()
})
