import type { ChildProcess } from "node:child_process"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { until } from "../session/system.ts"
import { inside, type Site, start } from "./network.ts"
import type { Neighbour, Router, SeenRoute, Variant } from "./router.ts"

export function gobgpRouter(site: Site): Router {
  const file = path.join(site.directory, "gobgpd.toml")
  let child: ChildProcess | undefined
  // The namespace has a loopback of its own, so the port is nobody else's.
  const ask = (...command: string[]): string => inside(site, "gobgp", "-p", "50051", ...command)
  const rib = (...more: string[]): Rib => {
    try {
      return JSON.parse(ask("global", "rib", ...more, "-j")) as Rib
    } catch {
      return {}
    }
  }

  return {
    name: "GoBGP",
    site,
    lacks,
    async start(neighbours) {
      writeFileSync(file, configuration(site, neighbours))
      child = start(site, "gobgpd", ["-f", file, "--api-hosts", "127.0.0.1:50051", "--pprof-disable"])
      await until("GoBGP answers", () => ask("global").includes("AS:"))
    },
    route: (prefix) => routeIn(rib("-a", prefix.includes(":") ? "ipv6" : "ipv4", prefix)[prefix]?.[0]),
    count: (family) => Object.keys(rib("-a", family)).length,
    disable: (one, words) => void ask("neighbor", nameOf(one), "shutdown", "--reason", words),
    describe: (one) => ask("neighbor", nameOf(one)),
    signal: (signal) => void child?.kill(signal),
    async stop() {
      child?.kill("SIGTERM")
      await until("GoBGP is gone", () => child?.exitCode !== null || child.signalCode !== null)
    },
  }
}

function lacks({ fourOctetAs, bfd, link }: Variant): string | undefined {
  if (link === "unnumbered") return "no Router Advertisements: another daemon has to send them"
  if (fourOctetAs === false) return "no switch for 4-octet AS numbers: it always has them"
  return bfd ? "no BFD" : undefined
}

const nameOf = ({ ourAddress }: Neighbour): string => ourAddress

const configuration = (site: Site, neighbours: readonly Neighbour[]): string => `[global.config]
  as = ${neighbours[0]?.theirAsn ?? 0}
  router-id = "${site.theirs}"
[global.use-multiple-paths.config]
  enabled = true
${neighbours.map(neighbourText).join("\n")}
`

function neighbourText(one: Neighbour): string {
  const { ourAsn, families, holdSeconds = 90, password, ttlSecurity, gracefulRestart, dials } = one
  return `[[neighbors]]
  [neighbors.config]
    neighbor-address = "${nameOf(one)}"
    peer-as = ${ourAsn}
    ${password === undefined ? "" : `auth-password = "${password}"`}
  [neighbors.timers.config]
    hold-time = ${holdSeconds}
    connect-retry = 1
  [neighbors.transport.config]
    passive-mode = ${dials ? "false" : "true"}
    remote-port = ${one.ourPort}
  ${ttlSecurity ? "[neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255" : ""}
  ${gracefulRestart ? "[neighbors.graceful-restart.config]\n    enabled = true\n    helper-only = true\n    notification-enabled = true\n    restart-time = 120" : ""}
${families
  .map(
    (family) => `  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${family}-unicast"
    ${gracefulRestart ? "[neighbors.afi-safis.mp-graceful-restart.config]\n      enabled = true" : ""}
`,
  )
  .join("")}`
}

type Rib = Readonly<Record<string, readonly ShownPath[] | undefined>>
interface ShownPath {
  readonly attrs: readonly Attribute[]
}
interface Attribute {
  readonly type: number
  readonly value?: number | readonly Member[]
  readonly nexthop?: string
  readonly metric?: number
  readonly communities?: readonly number[]
  readonly as_paths?: readonly { readonly asns: readonly number[] }[]
}
interface Member {
  readonly type?: number
  readonly subtype?: number
  readonly value?: string
  readonly ASN?: number
  readonly LocalData1?: number
  readonly LocalData2?: number
}

function routeIn(path: ShownPath | undefined): SeenRoute | undefined {
  if (path === undefined) return undefined
  const of = (type: number): Attribute | undefined => path.attrs.find((one) => one.type === type)
  const members = (type: number): readonly Member[] => {
    const value = of(type)?.value
    return typeof value === "object" ? value : []
  }
  const localPref = of(5)?.value
  const med = of(4)?.metric
  return {
    nextHop: of(14)?.nexthop ?? of(3)?.nexthop ?? "",
    asPath: (of(2)?.as_paths ?? []).flatMap(({ asns }) => asns).join(" "),
    ...(typeof localPref === "number" ? { localPref } : {}),
    ...(med === undefined ? {} : { med }),
    communities: (of(8)?.communities ?? []).map((one) => `${one >>> 16}:${one & 0xffff}`),
    large: members(32).map(({ ASN, LocalData1, LocalData2 }) => `${ASN}:${LocalData1}:${LocalData2}`),
    extended: members(16).map(({ subtype, value = "" }) => (subtype === 2 ? `rt:${value}` : value)),
  }
}
