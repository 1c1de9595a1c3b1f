import { Complaint } from "../complaint.ts"
import type { ClusterOptions } from "../manifests/cluster.ts"
import { objectSet, type ObjectSet } from "../manifests/objects.ts"
import { parseManifests, type Manifest } from "../manifests/parse.ts"
import { readSources } from "../manifests/sources.ts"
import type { RouteAt } from "../planning/announcement-change.ts"
import { plan, type Plan, type ServiceChange } from "../planning/plan.ts"
import type { Output } from "./options.ts"

export interface StateOptions extends ClusterOptions {
  readonly namespace: string
  readonly state?: readonly string[]
}

export interface PlanCommandOptions extends StateOptions {
  readonly filename: readonly string[]
  readonly recursive?: boolean
  readonly lbClass?: string
  readonly exitCode?: boolean
  readonly output: Output
}

/** Gives the exit code, as the help says. */
export async function planCommand(options: PlanCommandOptions): Promise<number> {
  const { namespace: home, output } = options
  const manifests = readManifests(options.filename, options.recursive ?? false)
  const { objects, warnings } = await presentObjects(options)
  const made = plan(objects, manifests, { home, loadBalancerClass: options.lbClass ?? "" })
  const whole = { ...made, notes: [...warnings, ...made.notes] }
  console.log(output === "json" ? JSON.stringify(whole, null, 2) : describePlan(whole))
  if (!made.valid) return 1
  return options.exitCode === true && made.services.length > 0 ? 2 : 0
}

/** The first fault ends it: a plan of half the files would mislead. */
function readManifests(files: readonly string[], recursive: boolean): readonly Manifest[] {
  const { manifests, faults } = parseManifests(readSources(files, recursive))
  const [fault] = faults
  if (fault) throw new Complaint(`${fault.file}:${fault.line}: ${fault.text}`)
  return manifests
}

/** The cluster's objects, from itself or from files. */
export async function presentObjects(
  options: StateOptions,
): Promise<{ readonly objects: ObjectSet; readonly warnings: readonly string[] }> {
  const { namespace: home, state } = options
  if (state !== undefined) {
    const manifests = readManifests(state, true)
    const objects = manifests.map(({ object }) => object)
    return { objects: objectSet(objects, home), warnings: [] }
  }
  // Loaded late: files need no client, and it is what takes longest to load.
  const { readCluster } = await import("../manifests/cluster.ts")
  const { objects, warnings } = await readCluster(options, home, "everything")
  return { objects: objectSet(objects, home), warnings }
}

function describePlan({ valid, objects, faults, services, unchanged, notes }: Plan): string {
  const sign = { create: "+", change: "~", none: " ", refused: "!" } as const
  const lines = objects.map(
    ({ object, change }) => `${sign[change]} ${object}${change === "none" ? " (as it is)" : ""}`,
  )
  if (faults.length > 0) {
    lines.push("", "NOT VALID: where a fault concerns them, the daemons keep what they have in force")
    for (const { object, field, text } of faults)
      lines.push(`  ${object}${field === undefined ? "" : `, ${field}`}: ${text.replaceAll("\n", "\n    ")}`)
  }
  for (const service of services) lines.push("", ...describeChange(service))
  const others = `${unchanged} ${services.length > 0 ? "other " : ""}Service${unchanged === 1 ? "" : "s"}`
  lines.push("", services.length > 0 ? `${others} not touched` : `no Service changes (${others} looked at)`)
  for (const note of notes) lines.push(`note: ${note}`)
  return [...lines, ...(valid ? [] : ["the result is not valid"])].join("\n")
}

function describeChange({ service, addresses, pool, announcements, notes }: ServiceChange): readonly string[] {
  const { before, after, because } = addresses
  const list = (ips: readonly string[]) => (ips.length === 0 ? "none" : ips.join(", "))
  const moved = before.join() !== after.join()
  const from = pool === undefined ? "" : ` (pool ${pool})`
  const { layer2, bgp } = announcements
  return [
    `Service ${service}`,
    moved
      ? `  address  ${list(before)} -> ${list(after)}${after.length > 0 ? from : ""}`
      : `  address  ${list(after)}, stays`,
    ...(moved ? because.map(indented) : []),
    ...layer2Line(layer2, moved),
    ...layer2.because.map(indented),
    ...bgp.stops.map((route) => `  bgp      - ${routeText(route)}`),
    ...bgp.starts.map((route) => `  bgp      + ${routeText(route)}`),
    ...bgp.because.map(indented),
    ...notes.map((note) => `  note: ${note}`),
  ]
}

/** Of an address that moves it is said too when the node stays. */
function layer2Line({ before, after }: ServiceChange["announcements"]["layer2"], moved: boolean): readonly string[] {
  if (before !== after) return [`  layer 2  ${before ?? "nobody"} -> ${after ?? "nobody"}`]
  return moved && after !== undefined ? [`  layer 2  ${after}, stays`] : []
}

const indented = (text: string): string => `           ${text.replaceAll("\n", "\n           ")}`

const routeText = ({ prefix, peers, nodes }: RouteAt): string =>
  `${prefix} to ${peers.join(", ")} from ${nodes.join(", ")}`
