import type { Mode } from "../../config/modes.ts"
import { type Checked, checkManifests, type CheckReport, type Finding } from "../manifests/check.ts"
import type { ClusterOptions } from "../manifests/cluster.ts"
import { idOf, keyOfId } from "../manifests/objects.ts"
import { parseManifests } from "../manifests/parse.ts"
import { readSources } from "../manifests/sources.ts"
import type { Output } from "./options.ts"

export interface ConfigCheckOptions extends ClusterOptions {
  readonly filename?: readonly string[]
  readonly recursive?: boolean
  readonly namespace: string
  readonly mode: Mode
  readonly output: Output
}

/** Gives the exit code: 0 valid, 1 not. */
export async function configCheckCommand(options: ConfigCheckOptions): Promise<number> {
  const { filename = [], recursive = false, namespace: home, mode, output } = options
  const parsed = parseManifests(filename.length === 0 ? [] : readSources(filename, recursive))
  // Without a file the cluster's resources are checked; with both, what the cluster would have after an apply.
  const asked = filename.length === 0 || options.kubeconfig !== undefined || options.context !== undefined
  const cluster = asked
    ? await (await import("../manifests/cluster.ts")).readCluster(options, home, "configuration")
    : undefined
  const written = new Set(parsed.manifests.map(({ object }) => keyOfId(idOf(object, home))))
  const present: readonly Checked[] = (cluster?.objects ?? [])
    .filter((object) => !written.has(keyOfId(idOf(object, home))))
    .map((object) => ({ object, lineOf: () => 1 }))
  const complete = cluster !== undefined && cluster.warnings.length === 0
  const report = checkManifests([...present, ...parsed.manifests], parsed.faults, { mode, home, complete })
  const warnings: readonly Finding[] = (cluster?.warnings ?? []).map((text) => ({ severity: "warning", text }))
  const whole = { ...report, findings: [...warnings, ...report.findings] }
  console.log(output === "json" ? JSON.stringify(whole, null, 2) : describeReport(whole))
  return report.valid ? 0 : 1
}

function describeReport({ valid, mode, resources, findings }: CheckReport): string {
  const errors = findings.filter(({ severity }) => severity === "error").length
  const counted = [counting(errors, "error"), counting(findings.length - errors, "warning")]
  const summary = `${counting(resources, "resource")}, mode ${mode}: ${valid ? "valid" : "INVALID"}`
  const counts = findings.length === 0 ? "" : ` (${counted.join(", ")})`
  return [...findings.map(describeFinding), `${summary}${counts}`].join("\n")
}

const counting = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

function describeFinding({ severity, file, line, object, field, text }: Finding): string {
  const where = file === undefined ? "" : `${file}:${line}: `
  const what = [object, field].filter((part) => part !== undefined).join(", ")
  const label = severity === "warning" ? "warning: " : ""
  return `${where}${label}${what === "" ? "" : `${what}: `}${text.replaceAll("\n", "\n    ")}`
}
