import type { ChildProcess } from "node:child_process"
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { until } from "../session/system.ts"
import { linkLocals, type Site, start } from "./network.ts"
import type { Neighbour, Router, SeenRoute } from "./router.ts"

export function birdRouter(site: Site): Router {
  const at = (name: string): string => path.join(site.directory, name)
  let child: ChildProcess | undefined
  const ask = (...command: string[]): string =>
    spawnSync("birdc", ["-s", at("ctl"), ...command], { encoding: "utf8" }).stdout

  return {
    name: "BIRD",
    site,
    lacks: () => undefined,
    async start(neighbours) {
      writeFileSync(at("bird.conf"), configuration(site, neighbours))
      child = start(site, "bird", ["-f", "-c", at("bird.conf"), "-s", at("ctl"), "-P", at("pid")])
      await until("BIRD answers", () => ask("show", "status").includes("up and running"))
    },
    route: (prefix) => routeIn(ask("show", "route", "all", prefix), prefix),
    count(family) {
      const table = family === "ipv4" ? "master4" : "master6"
      return Number(/^(\d+) of/m.exec(ask("show", "route", "table", table, "count"))?.[1] ?? -1)
    },
    askAgain: ({ name }) => void ask("reload", "in", name),
    disable: ({ name }, words) => void ask("disable", name, `"${words}"`),
    describe: ({ name }) => ask("show", "protocols", "all", name),
    bfdUp: ({ ourAddress }) => new RegExp(`^${ourAddress}\\s.*\\sUp\\s`, "m").test(ask("show", "bfd", "sessions")),
    signal: (signal) => void child?.kill(signal),
    async stop() {
      child?.kill("SIGTERM")
      await until("BIRD is gone", () => child?.exitCode !== null || child.signalCode !== null)
    },
  }
}

const configuration = (site: Site, neighbours: readonly Neighbour[]): string => `router id ${site.theirs};
protocol device {}
protocol direct { ipv4; ipv6; }
protocol kernel { merge paths yes; ipv4 { import none; export where source = RTS_BGP; }; }
protocol bfd { interface "*" { interval 300 ms; multiplier 5; }; }
${neighbours.some(({ link }) => link === "unnumbered") ? advertising(site) : ""}
${neighbours.map((one) => protocolFor(one, site)).join("\n")}
`

const advertising = ({ devices }: Site): string =>
  `protocol radv { interface "${devices.external.theirs}", "${devices.internal.theirs}" { min ra interval 3; max ra interval 4; }; }`

function protocolFor(one: Neighbour, { devices }: Site): string {
  const { name, internal, theirAsn, ourAsn, families, holdSeconds = 90, password, dials, bfd } = one
  const unnumbered = one.link === "unnumbered"
  const link = internal ? "internal" : "external"
  const device = devices[link].theirs
  const [local, remote] = unnumbered ? linkLocals[link] : [one.theirAddress, one.ourAddress]
  // The IPv6 next hop of an IPv4 route.
  const channel = one.over === "ipv6" ? " extended next hop on;" : ""
  return `protocol bgp ${name} {
  local ${local} port 179 as ${theirAsn};
  neighbor ${remote} port ${one.ourPort} as ${ourAsn};
  direct; hold time ${holdSeconds}; error wait time 1, 2;
  enable extended messages on;
  ${unnumbered ? `interface "${device}";` : ""}
  ${dials ? "connect delay time 1; connect retry time 1;" : "passive;"}
  ${password === undefined ? "" : `password "${password}";`}
  ${one.ttlSecurity ? "ttl security on;" : ""}
  ${one.gracefulRestart ? "graceful restart aware;" : "graceful restart off;"}
  ${one.fourOctetAs === false ? "enable as4 off;" : ""}
  ${bfd ? "bfd on;" : ""}
  ${families.map((family) => `${family} { import all; export none;${family === "ipv4" ? channel : ""} };`).join("\n  ")}
}`
}

function routeIn(shown: string, prefix: string): SeenRoute | undefined {
  if (!shown.includes(prefix)) return undefined
  const value = (name: string): string => new RegExp(`BGP\\.${name}: (.*)`).exec(shown)?.[1]?.trim() ?? ""
  const number = (name: string) => (value(name) === "" ? undefined : Number(value(name)))
  const sets = (name: string): string[] => [...value(name).matchAll(/\(([^)]*)\)/g)].map(([, inner = ""]) => inner)
  const [localPref, med] = [number("local_pref"), number("med")]
  return {
    nextHop: value("next_hop"),
    asPath: value("as_path"),
    ...(localPref === undefined ? {} : { localPref }),
    ...(med === undefined ? {} : { med }),
    communities: sets("community").map((one) => one.replaceAll(",", ":")),
    large: sets("large_community").map((one) => one.replaceAll(/, ?/g, ":")),
    extended: sets("ext_community").map((one) => one.replaceAll(/, ?/g, ":")),
  }
}
