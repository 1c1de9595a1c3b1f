import fs from "node:fs"
import { type Layout, nodeAs, routerAs } from "./layout.ts"
import type { Program } from "./processes.ts"
import { installed, run } from "./run.ts"

export interface RouterRoute {
  readonly prefix: string
  readonly nextHops: readonly string[]
}

export const birdInstalled = (): Promise<boolean> => installed("bird")

const control = (lab: Layout): string => `${lab.directory}/bird.ctl`

export const routerLog = (lab: Layout): string => `${lab.directory}/bird.log`

/** BIRD as the router at the top of the rack: one eBGP neighbour per node, equal-cost routes to all that announce. */
export function router(lab: Layout): Program {
  const file = `${lab.directory}/bird.conf`
  fs.writeFileSync(file, birdConfig(lab))
  return {
    name: "router",
    namespace: lab.router.namespace,
    command: "bird",
    args: ["-f", "-c", file, "-s", control(lab), "-P", `${lab.directory}/bird.pid`],
  }
}

function birdConfig(lab: Layout): string {
  const neighbours = lab.nodes.map(
    (node) => `protocol bgp ${node.name.replace("-", "")} {
  local ${lab.router.address} as ${routerAs};
  neighbor ${node.address} as ${nodeAs};
  passive on;
  graceful restart aware;
  ipv4 { import all; export none; };
  ipv6 { import all; export none; };
}`,
  )
  return `router id ${lab.router.address};
log "${routerLog(lab)}" all;
timeformat log iso long us;
debug protocols { states, routes, events };
protocol device { scan time 5; }
protocol kernel kernel4 { ipv4 { import none; export all; }; merge paths on; }
protocol kernel kernel6 { ipv6 { import none; export all; }; merge paths on; }
${neighbours.join("\n")}
`
}

/** The router's BGP table as BIRD prints it; empty while BIRD does not answer. */
export async function routerRoutes(lab: Layout): Promise<readonly RouterRoute[]> {
  const { out } = await run("birdc", ["-s", control(lab), "show", "route"])
  return parseRoutes(out)
}

/** Where the router's kernel sends packets for the prefix: what BIRD's choice comes to. */
export async function kernelNextHops(lab: Layout, prefix: string): Promise<readonly string[]> {
  const family = prefix.includes(":") ? "-6" : "-4"
  const { out } = await run("ip", ["-n", lab.router.namespace, family, "-j", "route", "show", prefix])
  const routes = JSON.parse(out || "[]") as { gateway?: string; nexthops?: { gateway: string }[] }[]
  return routes.flatMap(({ gateway, nexthops = [] }) => gateway ?? nexthops.map((hop) => hop.gateway)).sort()
}

/** `birdc show route`: a prefix opens a group, indented `via` lines belong to it; a further path repeats without the prefix. */
export function parseRoutes(out: string): readonly RouterRoute[] {
  const routes = new Map<string, string[]>()
  let prefix: string | undefined
  for (const line of out.split("\n")) {
    prefix = /^([\da-f][\da-f.:]*\/\d+)\s/.exec(line)?.[1] ?? prefix
    const via = /^\s+via (\S+)/.exec(line)?.[1]
    if (prefix === undefined || via === undefined) continue
    routes.set(prefix, [...(routes.get(prefix) ?? []), via])
  }
  return [...routes].map(([prefix, nextHops]) => ({ prefix, nextHops: nextHops.sort() }))
}
