import { type ChildProcess, execFileSync, spawnSync } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import path from "node:path"
import { until } from "../session/system.ts"
import { type Site, start } from "./network.ts"
import type { Neighbour, Router, SeenRoute } from "./router.ts"

const daemons = "/usr/lib/frr"

export function frrRouter(site: Site): Router {
  const at = (name: string): string => path.join(site.directory, name)
  const children: ChildProcess[] = []
  let bgpd: ChildProcess | undefined
  let asn = 0
  const ask = (...commands: string[]): string =>
    spawnSync("vtysh", ["--vty_socket", site.directory, ...commands.flatMap((one) => ["-c", one])], {
      encoding: "utf8",
    }).stdout
  const json = (command: string): unknown => {
    try {
      return JSON.parse(ask(`${command} json`))
    } catch {
      return undefined
    }
  }

  return {
    name: "FRR",
    site,
    lacks: ({ fourOctetAs }) =>
      fourOctetAs === false ? "no switch for 4-octet AS numbers: it always has them" : undefined,
    async start(neighbours) {
      asn = neighbours[0]?.theirAsn ?? 0
      writeFileSync(at("bgpd.conf"), configuration(asn, site, neighbours))
      writeFileSync(at("zebra.conf"), advertising(site))
      writeFileSync(
        at("bfdd.conf"),
        "bfd\n profile quick\n  transmit-interval 300\n  receive-interval 300\n  detect-multiplier 5\n",
      )
      execFileSync("chown", ["-R", "frr:frrvty", site.directory])
      const daemon = (name: string, ...args: string[]): ChildProcess => {
        const own = ["-f", at(`${name}.conf`), "-i", at(`${name}.pid`), "-P", "0", "-A", "127.0.0.1"]
        const child = start(site, `${daemons}/${name}`, [
          "--vty_socket",
          site.directory,
          "-z",
          at("zserv"),
          ...own,
          ...args,
        ])
        children.push(child)
        return child
      }
      // zebra tells the others of interfaces, and puts routes into the kernel.
      daemon("zebra")
      await until("zebra answers", () => existsSync(at("zserv")))
      daemon("bfdd", "--bfdctl", at("bfdd.sock"))
      await until("bfdd answers", () => ask("show bfd peers").includes("BFD Peers"))
      bgpd = daemon("bgpd")
      await until("FRR answers", () => ask("show bgp summary").includes("router identifier"))
    },
    route: (prefix) => routeIn(json(`show bgp ${familyIn(prefix)} unicast ${prefix}`) as ShownRoute | undefined),
    count: (family) =>
      Object.keys(
        (json(`show bgp ${family} unicast`) as { routes?: Record<string, unknown> } | undefined)?.routes ?? {},
      ).length,
    askAgain(neighbour) {
      for (const family of neighbour.families) ask(`clear bgp ${family} unicast ${nameOf(neighbour, site)} soft in`)
    },
    disable: (neighbour, words) =>
      void ask(
        "configure terminal",
        `router bgp ${asn}`,
        `neighbor ${nameOf(neighbour, site)} shutdown message ${words}`,
      ),
    describe: (neighbour) => ask(`show bgp neighbors ${nameOf(neighbour, site)} json`),
    bfdUp: ({ ourAddress }) => /Status: up/.test(ask(`show bfd peer ${ourAddress}`)),
    signal: (signal) => void bgpd?.kill(signal),
    async stop() {
      for (const child of children) child.kill("SIGTERM")
      await until("FRR is gone", () => children.every((one) => one.exitCode !== null || one.signalCode !== null))
    },
  }
}

const familyIn = (prefix: string): string => (prefix.includes(":") ? "ipv6" : "ipv4")
/** An unnumbered one has only its interface, and is found there by our Router Advertisements. */
const nameOf = ({ ourAddress, link, internal }: Neighbour, { devices }: Site): string =>
  link === "unnumbered" ? devices[internal ? "internal" : "external"].theirs : ourAddress

function configuration(asn: number, site: Site, neighbours: readonly Neighbour[]): string {
  const activated = (family: string) => [
    ` address-family ${family} unicast`,
    "  maximum-paths 4",
    "  maximum-paths ibgp 4",
    ...neighbours
      .filter((one) => one.families.some((its) => its === family))
      .map((one) => `  neighbor ${nameOf(one, site)} activate`),
    " exit-address-family",
  ]
  return [
    `router bgp ${asn}`,
    ` bgp router-id ${site.theirs}`,
    " no bgp ebgp-requires-policy",
    " no bgp default ipv4-unicast",
    " bgp bestpath as-path multipath-relax",
    ...neighbours.flatMap((one) => neighbourLines(one, site)),
    ...activated("ipv4"),
    ...activated("ipv6"),
    "",
  ].join("\n")
}

function neighbourLines(one: Neighbour, site: Site): string[] {
  const name = nameOf(one, site)
  const { ourAsn, password, ttlSecurity, dials, bfd, over, link, holdSeconds } = one
  const line = (text: string): string => ` neighbor ${name} ${text}`
  return [
    ...(link === "unnumbered" ? [line("interface")] : []),
    line(`remote-as ${ourAsn}`),
    ...(dials ? [line(`port ${one.ourPort}`), line("timers connect 1")] : [line("passive")]),
    ...(holdSeconds === undefined ? [] : [line(`timers ${Math.floor(holdSeconds / 3)} ${holdSeconds}`)]),
    ...(password === undefined ? [] : [line(`password ${password}`)]),
    ...(ttlSecurity ? [line("ttl-security hops 1")] : []),
    ...(bfd ? [line("bfd profile quick")] : []),
    ...(over === "ipv6" ? [line("capability extended-nexthop")] : []),
  ]
}

const advertising = ({ devices }: Site): string =>
  [devices.external, devices.internal]
    .map(({ theirs }) => `interface ${theirs}\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval 3\n`)
    .join("")

interface ShownRoute {
  readonly paths?: readonly {
    readonly aspath?: { readonly string?: string }
    readonly locPrf?: number
    readonly metric?: number
    readonly community?: { readonly string?: string }
    readonly largeCommunity?: { readonly string?: string }
    readonly extendedCommunity?: { readonly string?: string }
    readonly nexthops?: readonly { readonly ip?: string; readonly scope?: string }[]
  }[]
}

function routeIn(shown: ShownRoute | undefined): SeenRoute | undefined {
  const path = shown?.paths?.[0]
  if (path === undefined) return undefined
  const asPath = path.aspath?.string ?? ""
  const words = (text: { readonly string?: string } | undefined): string[] => text?.string?.split(" ") ?? []
  const hop = path.nexthops?.find(({ scope }) => scope !== "link-local") ?? path.nexthops?.[0]
  return {
    nextHop: hop?.ip ?? "",
    asPath: asPath === "Local" ? "" : asPath,
    ...(path.locPrf === undefined ? {} : { localPref: path.locPrf }),
    ...(path.metric === undefined ? {} : { med: path.metric }),
    communities: words(path.community).map((one) => (one === "graceful-shutdown" ? "65535:0" : one)),
    large: words(path.largeCommunity),
    extended: words(path.extendedCommunity).map((one) => one.toLowerCase()),
  }
}
