import { parseDocument } from "yaml"
import { compile } from "../../config/compile.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import { isObject, type JsonObject, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { clusterFacts } from "../manifests/facts.ts"
import { objectSet } from "../manifests/objects.ts"
import { Names } from "./names.ts"
import { MigrationFault, Section } from "./read.ts"
import { resourcesOf } from "./resources.ts"

export interface Migration {
  /** In the order in which they are written. */
  readonly resources: readonly JsonObject[]
  /** Names that had to change, as sentences. */
  readonly changes: readonly string[]
}

/**
 * MetalLB's ConfigMap of before 0.13 as custom resources, or why it cannot be. The texts are those of MetalLB's converter.
 * `onlyData`: the text is what the ConfigMap holds under `config`.
 */
export function migrateConfigMap(text: string, onlyData: boolean): Result<Migration, string> {
  try {
    const { config, namespace } = onlyData ? { config: text, namespace: "" } : configOf(text)
    const home = namespace || "metallb-system"
    const names = new Names()
    const resources = resourcesOf(new Section(valueOf(config, "the configuration", "failsafe"), ""), home, names)
    const { configuration, unreadable } = clusterFacts(objectSet(resources, home), home)
    const [refused] = unreadable
    if (refused) return err(`${refused.id.kind} ${refused.id.name}: ${refused.text}`)
    const compiled = compile(configuration, { mode: "any", namespace: home })
    return compiled.ok ? ok({ resources, changes: names.changes }) : err(compiled.error[0]?.text ?? "")
  } catch (thrown) {
    if (thrown instanceof MigrationFault) return err(thrown.message)
    throw thrown
  }
}

function configOf(text: string): { readonly config: string; readonly namespace: string } {
  const value = valueOf(text, "the file")
  if (!isObject(value) || value["kind"] !== "ConfigMap") throw new MigrationFault("not a configmap")
  const config = textOf(objectAt(value, "data")["config"])
  if (config === "") throw new MigrationFault("bad ConfigMap: no data")
  return { config, namespace: textOf(objectAt(value, "metadata")["namespace"]) }
}

/** Without the excerpt of the source: it may hold a password. */
function valueOf(text: string, what: string, schema: "core" | "failsafe" = "core"): unknown {
  const document = parseDocument(text, { prettyErrors: false, merge: true, schema })
  const [mistake] = document.errors
  if (mistake) throw new MigrationFault(`${what} is not YAML: ${mistake.message.split("\n")[0] ?? ""}`)
  try {
    return document.toJS({ maxAliasCount: 1000 })
  } catch {
    throw new MigrationFault(`${what} has aliases that multiply without end`)
  }
}
