import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"

const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0
const programs = ["ip", "bird", "birdc", "gobgpd", "gobgp", "vtysh"]
const missing = [
  ...programs.filter((program) => !has(program)),
  ...["zebra", "bgpd", "bfdd"].filter((daemon) => !existsSync(`/usr/lib/frr/${daemon}`)).map((one) => `FRR's ${one}`),
]
/** Why no router can be had, if so. */
export const obstacle: string | undefined =
  process.getuid?.() !== 0 ? "needs root" : missing.length > 0 ? `needs ${missing.join(", ")}` : undefined

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

const namespaces: string[] = []
const running = new Set<ChildProcess>()
const directories: string[] = []

/**
 * A router's namespace, joined to this one by four links: `both` and `ipv6` with room for many addresses of ours, and two
 * with link-local addresses only.
 */
export interface Site {
  readonly namespace: string
  readonly directory: string
  /** The router's address on the first two links. */
  readonly theirs: string
  readonly theirs6: string
  readonly theirs6Only: string
  /** Names of the links, here and there. */
  readonly devices: Readonly<Record<LinkName, { readonly ours: string; readonly theirs: string }>>
  /** One more address of ours on a link. */
  address(link: "both" | "ipv6", family: "ipv4" | "ipv6"): string
}

export type LinkName = "both" | "ipv6" | "external" | "internal"
const linkNames: readonly LinkName[] = ["both", "ipv6", "external", "internal"]

/** 100.64.0.0/10 and fd00::/8 are for use inside a network: nobody's route is in the way. One /26 for each site. */
export function addSite(): Site {
  const index = namespaces.length
  const { pid } = process
  const namespace = `troupe-test-${pid}-interop-${index}`
  const base = `100.${64 + ((pid >> 8) & 63)}.${pid & 255}`
  const v4 = (host: number): string => `${base}.${index * 64 + host}`
  const v6 = (link: "both" | "ipv6", host: number): string =>
    `fd65:${pid.toString(16)}:${index * 2 + (link === "both" ? 1 : 2)}::${host.toString(16)}`
  const router = 62
  const devices = Object.fromEntries(
    linkNames.map((name, i) => [name, { ours: `ti${pid}x${index * 4 + i}`, theirs: `up${i}` }]),
  ) as Site["devices"]
  run("ip", "netns", "add", namespace)
  namespaces.push(namespace)
  run("ip", "-n", namespace, "link", "set", "lo", "up")
  for (const { ours, theirs } of Object.values(devices)) {
    run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", namespace)
    run("ip", "link", "set", ours, "up")
    run("ip", "-n", namespace, "link", "set", theirs, "up")
  }
  for (const link of ["external", "internal"] as const) linkLocalOnly(namespace, link, devices[link])
  const there = (link: LinkName, address: string, ...more: string[]) =>
    run("ip", "-n", namespace, "addr", "add", address, "dev", devices[link].theirs, ...more)
  there("both", `${v4(router)}/26`)
  there("both", `${v6("both", router)}/64`, "nodad")
  there("ipv6", `${v6("ipv6", router)}/64`, "nodad")
  let hosts = 0
  const directory = mkdtempSync(path.join(tmpdir(), "troupe-test-"))
  directories.push(directory)
  return {
    namespace,
    directory,
    theirs: v4(router),
    theirs6: v6("both", router),
    theirs6Only: v6("ipv6", router),
    devices,
    address(link, family) {
      const host = ++hosts
      if (host >= router) throw new Error("no more addresses on this link")
      const address = family === "ipv4" ? v4(host) : v6(link, host)
      const dev = ["dev", devices[link].ours]
      run(
        "ip",
        "addr",
        "add",
        `${address}/${family === "ipv4" ? 26 : 64}`,
        ...dev,
        ...(family === "ipv6" ? ["nodad"] : []),
      )
      return address
    },
  }
}

/** On the unnumbered links: the router's address, and ours. FRR does not take one for two neighbours. */
export const linkLocals = { external: ["fe80::2", "fe80::1"], internal: ["fe80::12", "fe80::11"] } as const

function linkLocalOnly(namespace: string, link: keyof typeof linkLocals, { ours, theirs }: Site["devices"]["both"]) {
  const [there, here] = linkLocals[link]
  // The kernel's own would be a second one, which a router that expects the first does not know.
  for (const [netns, device, address] of [
    [[], ours, here],
    [["-n", namespace], theirs, there],
  ] as const) {
    run("ip", ...netns, "addr", "flush", "dev", device, "scope", "link")
    run("ip", ...netns, "addr", "add", `${address}/64`, "dev", device, "nodad")
  }
}

/** A program in the site's namespace. `ip netns exec` becomes the program, so the process is the program. */
export function start({ namespace }: Site, command: string, args: readonly string[]): ChildProcess {
  const child = spawn("ip", ["netns", "exec", namespace, command, ...args], { stdio: "ignore" })
  running.add(child)
  child.once("exit", () => running.delete(child))
  return child
}

/** What a program answers, run in the site's namespace. */
export const inside = ({ namespace }: Site, ...command: readonly string[]): string =>
  spawnSync("ip", ["netns", "exec", namespace, ...command], { encoding: "utf8" }).stdout

/** All processes, namespaces and files that came from here. */
export function cleanUp(): void {
  for (const child of running) {
    child.kill("SIGCONT")
    child.kill("SIGKILL")
  }
  for (const namespace of namespaces) run("ip", "netns", "delete", namespace)
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}
