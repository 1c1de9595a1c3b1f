import { execFile } from "node:child_process"
import fs from "node:fs"
import { promisify } from "node:util"

/** What this host says of its network. A program that is not installed is named once; none changes anything. */
const commands: readonly (readonly [file: string, program: string, ...args: readonly string[]])[] = [
  ["addresses.json", "ip", "-j", "-d", "-s", "address", "show"],
  ["routes.json", "ip", "-j", "-4", "route", "show", "table", "all"],
  ["routes6.json", "ip", "-j", "-6", "route", "show", "table", "all"],
  ["rules.json", "ip", "-j", "-4", "rule", "show"],
  ["rules6.json", "ip", "-j", "-6", "rule", "show"],
  ["neighbours.json", "ip", "-j", "-s", "neighbour", "show"],
  ["groups.txt", "ip", "maddress", "show"],
  ["tcp-sockets.txt", "ss", "-tanpi"],
  ["udp-sockets.txt", "ss", "-uanp"],
  ["packet-sockets.txt", "ss", "-0anp"],
  ["iptables.txt", "iptables-save"],
  ["ip6tables.txt", "ip6tables-save"],
  ["nftables.txt", "nft", "list", "ruleset"],
]

const files = [
  "/proc/version",
  "/proc/loadavg",
  "/proc/meminfo",
  "/proc/net/dev",
  "/proc/net/snmp",
  "/proc/net/netstat",
  "/proc/sys/net/ipv4/ip_forward",
  "/proc/sys/net/ipv6/conf/all/forwarding",
]

/** Per interface: what decides whether a host answers ARP, and takes packets that come by another way. */
const perInterface = ["arp_ignore", "arp_announce", "rp_filter", "accept_local", "forwarding"]

export interface LocalFile {
  readonly file: string
  readonly content?: string
  readonly failure?: string
}

export async function* localFiles(limitBytes: number): AsyncGenerator<LocalFile> {
  for (const [file, program, ...args] of commands) {
    try {
      const options = { maxBuffer: limitBytes, timeout: 30_000 }
      yield { file, content: (await promisify(execFile)(program, args, options)).stdout }
    } catch (error) {
      yield { file, failure: `${[program, ...args].join(" ")}: ${reasonOf(error)}` }
    }
  }
  for (const path of files) {
    const file = path.slice(1).replaceAll("/", "-")
    try {
      yield { file, content: fs.readFileSync(path, "utf8") }
    } catch (error) {
      yield { file, failure: `${path}: ${reasonOf(error)}` }
    }
  }
  yield { file: "interface-settings.txt", content: interfaceSettings() }
}

function interfaceSettings(): string {
  const root = "/proc/sys/net/ipv4/conf"
  try {
    return fs
      .readdirSync(root)
      .sort()
      .flatMap((name) => perInterface.map((key) => `${name}.${key} = ${valueOf(`${root}/${name}/${key}`)}\n`))
      .join("")
  } catch (error) {
    return `${root}: ${reasonOf(error)}\n`
  }
}

function valueOf(path: string): string {
  try {
    return fs.readFileSync(path, "utf8").trim()
  } catch {
    return "?"
  }
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === "ENOENT") return "not installed, or not there"
  if (code === "EACCES" || code === "EPERM") return "permission denied"
  const [first] = (error instanceof Error ? error.message : String(error)).trim().split("\n").toReversed()
  return (first ?? "failed").slice(0, 300)
}
