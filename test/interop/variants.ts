import type { DesiredPeer, RouteGroup, SessionSettings } from "../../actors/session/messages.ts"
import { linkLocals, type Site } from "./network.ts"
import type { Neighbour, Router, Variant } from "./router.ts"

const both = ["ipv4", "ipv6"] as const
const plain: Variant = { families: ["ipv4"], over: "ipv4" }
const password = "battery-staple"

/** The sessions of the matrix; each exists to every router that can have it, external and internal. */
export const variants = {
  plain,
  six: { families: ["ipv6"], over: "ipv6" },
  dual: { families: both, over: "ipv4" },
  dualSix: { families: both, over: "ipv6" },
  nextHop6: { families: both, over: "ipv6", link: "ipv6" },
  unnumbered: { families: both, over: "ipv6", link: "unnumbered" },
  long: plain,
  twoOctet: { ...plain, fourOctetAs: false, ourAsn: 64512, theirAsn: 64513, only: "external" },
  localAs: { ...plain, ourAsn: 64999, only: "external" },
  dynamicAs: { ...plain, anyAsn: true },
  md5: { ...plain, password },
  md5Six: { families: ["ipv6"], over: "ipv6", password },
  ttl: { ...plain, ttlSecurity: true },
  ttlSix: { families: ["ipv6"], over: "ipv6", ttlSecurity: true },
  refresh: { families: both, over: "ipv4" },
  hold: { ...plain, holdSeconds: 3 },
  bfd: { ...plain, bfd: true },
  first: plain,
  second: plain,
  dials: { ...plain, dials: true },
  passive: { ...plain, dials: true, listens: "only" },
  passiveMd5: { ...plain, dials: true, listens: "only", password },
  collision: { ...plain, dials: true, listens: "too" },
  words: plain,
  restart: { families: both, over: "ipv4", gracefulRestart: true },
} as const satisfies Readonly<Record<string, Variant>>

export type VariantName = keyof typeof variants

export const names = Object.keys(variants) as readonly VariantName[]

/** Ours, below those that the system gives away; each peer of the same address needs its own. */
let nextPort = 10_000 + ((process.pid * 32) % 20_000)

/** Both sides have AS numbers of four octets. */
const ourAsn = 4_200_000_000
const routerAsn = 4_200_000_001

/** Undefined: there is no such session with this router. */
export function neighbourOf(
  router: Router,
  variant: VariantName,
  internal: boolean,
  index: number,
): Neighbour | undefined {
  const wanted: Variant = variants[variant]
  if ((internal && wanted.only === "external") || router.lacks(wanted) !== undefined) return undefined
  const theirAsn = wanted.theirAsn ?? routerAsn
  return {
    ...wanted,
    ...addresses(router.site, wanted, internal),
    name: `${variant}_${internal ? "internal" : "external"}`,
    variant,
    internal,
    ourAsn: internal ? theirAsn : (wanted.ourAsn ?? ourAsn),
    theirAsn,
    ourPort: wanted.listens === undefined ? 179 : nextPort++,
    index,
  }
}

function addresses(site: Site, { link, over }: Variant, internal: boolean) {
  if (link === "unnumbered") {
    const link = internal ? "internal" : "external"
    return { ourAddress: linkLocals[link][1], theirAddress: site.devices[link].ours }
  }
  const theirs = link === "ipv6" ? site.theirs6Only : over === "ipv4" ? site.theirs : site.theirs6
  return { ourAddress: site.address(link === "ipv6" ? "ipv6" : "both", over), theirAddress: theirs }
}

/** Our side of it. */
export function sessionOf({ site }: Router, one: Neighbour): SessionSettings {
  const { devices } = site
  const unnumbered = one.link === "unnumbered"
  return {
    myASN: one.ourAsn,
    peerASN: one.anyAsn ? (one.internal ? "internal" : "external") : one.theirAsn,
    address: one.theirAddress,
    port: 179,
    holdSeconds: 90,
    families: one.families,
    routerId: `10.255.0.${one.index + 1}`,
    ...(unnumbered ? { interface: one.theirAddress } : { sourceAddress: one.ourAddress }),
    ...(one.link === "ipv6" ? { interface: devices.ipv6.ours } : {}),
    ...(one.password === undefined ? {} : { password: one.password }),
    ...(one.listens === undefined ? {} : { listenPort: one.ourPort }),
    ...(one.listens === "only" ? { passive: true } : {}),
    ...(one.ttlSecurity ? { ttlSecurityHops: 1 } : {}),
    ...(one.gracefulRestart ? { gracefulRestart: { seconds: 120 } } : {}),
  }
}

/** Prefixes of this neighbour alone: two that stay, two that may go. */
export const prefixesOf = ({ index }: Neighbour) => {
  const hex = index.toString(16)
  return {
    stay: [`10.200.${index}.7/32`, `2001:db8:${hex}:7::1/128`],
    go: [`10.200.${index}.128/25`, `2001:db8:${hex}:8000::/49`],
  } as const
}

export function routesOf(one: Neighbour): { readonly stay: RouteGroup; readonly go: RouteGroup } {
  const { stay, go } = prefixesOf(one)
  return {
    stay: { localPref: 250, communities: ["65000:1", "65000:1:2", "rt:65000:7"], prefixes: stay },
    go: { localPref: 100, communities: [], med: 17, prepend: 2, prefixes: go },
  }
}

export const keyOf = ({ name }: Router, { name: neighbour }: Neighbour): string => `${name}_${neighbour}`

export const desiredPeer = (router: Router, one: Neighbour, routes: readonly RouteGroup[]): DesiredPeer => ({
  name: keyOf(router, one),
  session: sessionOf(router, one),
  routes,
})
