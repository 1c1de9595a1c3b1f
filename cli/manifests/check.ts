import { compile } from "../../config/compile.ts"
import type { ConfigurationFacts, NodeFacts } from "../../config/facts.ts"
import type { ConfigurationFault } from "../../config/fault.ts"
import type { Mode } from "../../config/modes.ts"
import { objectAt, textOf } from "../../kubernetes/client/json.ts"
import { checkObject } from "./check-object.ts"
import { clusterFacts } from "./facts.ts"
import { idOf, idText, isOurs, keyOfId, type ObjectId } from "./objects.ts"
import type { Manifest, Parsed } from "./parse.ts"
import { doubts } from "./doubts.ts"

export interface Finding {
  readonly severity: "error" | "warning"
  /** Absent: the object is the cluster's. */
  readonly file?: string
  readonly line?: number
  /** `IPAddressPool metallb-system/blue`. */
  readonly object?: string
  readonly field?: string
  /** The rule in words; MetalLB's where it has any. */
  readonly text: string
}

export interface CheckReport {
  readonly valid: boolean
  readonly mode: Mode
  /** How many resources of `metallb.io` were checked. */
  readonly resources: number
  /** In the order of files and lines. */
  readonly findings: readonly Finding[]
}

export interface CheckOptions {
  readonly mode: Mode
  /** Where the resources live. */
  readonly home: string
  /** Secrets and everything else that resources may name is among the objects. */
  readonly complete: boolean
}

/** A resource and where it was written down; what comes from the cluster has no file. */
export type Checked = Omit<Manifest, "file"> & { readonly file?: string }

/**
 * Everything that is wrong: files that are no manifests, objects that an API server would refuse, and the configuration
 * as a whole, as the daemons would read it.
 */
export function checkManifests(
  manifests: readonly Checked[],
  faults: Parsed["faults"],
  { mode, home, complete }: CheckOptions,
): CheckReport {
  const findings: Finding[] = faults.map((fault) => ({ severity: "error", ...fault }))
  const known = new Map<string, Checked>()
  for (const manifest of manifests) {
    const id = idOf(manifest.object, home)
    const { faults, warnings, readable } = checkObject(manifest.object)
    for (const { path, text } of faults) findings.push(finding("error", manifest, home, path, text))
    for (const { path, text } of warnings) findings.push(finding("warning", manifest, home, path, text))
    const ours = isOurs(manifest.object)
    if (ours && id.namespace !== home)
      findings.push(
        finding("error", manifest, home, "metadata.namespace", `resource must be created in ${home} namespace`),
      )
    const before = known.get(keyOfId(id))
    if (before !== undefined && ours) {
      const where = before.file === undefined ? "" : `, first at ${before.file}:${before.lineOf("")}`
      findings.push(finding("error", manifest, home, "", `defined twice${where}`))
    }
    if (readable) known.set(keyOfId(id), manifest)
  }
  const facts = clusterFacts(new Map([...known].map(([key, { object }]) => [key, object])), home, true).configuration
  const at = (id: ObjectId) => known.get(keyOfId(id))
  for (const fault of configurationFaults(facts, mode, home)) {
    const manifest = at({ ...fault.object, namespace: home })
    const missing = fault.transient === true && !complete
    const hint = missing ? "\nit is not among what was checked: with --kubeconfig the cluster is asked too" : ""
    // Passwords are seldom kept beside the resources.
    const ofSecret = fault.field === "passwordSecret" || fault.field === "metadata.annotations"
    const severity = missing && ofSecret ? "warning" : "error"
    findings.push(
      finding(severity, manifest, home, fault.field ?? "", `${fault.text}${hint}`, fault.object, specPath(fault.field)),
    )
  }
  for (const doubt of doubts(facts)) {
    const manifest = at({ ...doubt.object, namespace: home })
    findings.push(finding("warning", manifest, home, doubt.field, doubt.text, doubt.object, specPath(doubt.field)))
  }
  for (const manifest of manifests)
    if (isOldConfiguration(manifest)) {
      const text = "MetalLB's configuration before 0.13, which nobody reads any more: see troupe migrate configmap"
      findings.push(finding("warning", manifest, home, "", text))
    } else if (isTextForFrr(manifest, home) && mode !== "frr")
      findings.push(finding("warning", manifest, home, "data.extras", "configuration for FRR: it does nothing here"))
  return {
    valid: findings.every(({ severity }) => severity === "warning"),
    mode,
    resources: manifests.filter(({ object }) => isOurs(object)).length,
    findings: findings.toSorted(inFileOrder),
  }
}

/**
 * Files seldom hold Nodes. Without one no two advertisements meet, so rules about nodes are asked a second time with a
 * node that has no labels.
 */
function configurationFaults(facts: ConfigurationFacts, mode: Mode, namespace: string): readonly ConfigurationFault[] {
  const nodes: readonly NodeFacts[] = [{ name: "any", labels: {}, networkUnavailable: false, internalIPs: [] }]
  const first = compile(facts, { mode, namespace })
  const second = facts.nodes.length > 0 ? first : compile({ ...facts, nodes }, { mode, namespace })
  const found = [...(first.ok ? [] : first.error), ...(second.ok ? [] : second.error)]
  const seen = new Set<string>()
  return found.filter(({ object, text }) => {
    const key = `${object.kind} ${object.name} ${text}`
    return seen.size !== seen.add(key).size
  })
}

const specPath = (field: string | undefined): string =>
  field === undefined || field === ""
    ? ""
    : field === "name"
      ? "metadata.name"
      : field.startsWith("metadata.")
        ? field
        : `spec.${field}`

function finding(
  severity: Finding["severity"],
  manifest: Checked | undefined,
  home: string,
  field: string,
  text: string,
  named?: { readonly kind: string; readonly name: string },
  path = field,
): Finding {
  const id = manifest ? idOf(manifest.object, home) : named && { ...named, namespace: home }
  const file = manifest?.file
  return {
    severity,
    ...(file !== undefined && { file, line: manifest?.lineOf(path) ?? 1 }),
    ...(id !== undefined && { object: idText(id) }),
    ...(field !== "" && { field: path }),
    text,
  }
}

function isOldConfiguration({ object }: Checked): boolean {
  const config = textOf(objectAt(object, "data")["config"])
  return object["kind"] === "ConfigMap" && /^\s*address-pools:/m.test(config)
}

/** MetalLB's speaker in FRR mode adds it to what it makes of the resources. */
function isTextForFrr({ object }: Checked, home: string): boolean {
  const { kind, namespace, name } = idOf(object, home)
  if (kind !== "ConfigMap" || name !== "bgpextras" || namespace !== home) return false
  return textOf(objectAt(object, "data")["extras"]).trim() !== ""
}

function inFileOrder(a: Finding, b: Finding): number {
  const [one = "", other = ""] = [a.file, b.file]
  return one === other ? (a.line ?? 0) - (b.line ?? 0) : one < other ? -1 : 1
}
