import type { ResourceFacts } from "../../../config/facts.ts"
import { checkResource, type SchemaProblem } from "../../resources/check.ts"
import { type JsonObject, objectAt, textMap, textOf } from "../json.ts"

/**
 * A custom resource in our words. The API server has checked it against the schema that was installed at the time;
 * this checks it against ours, so that past here `spec` has the shape that its kind says. Total.
 */
export function resourceFacts(
  object: JsonObject,
  apiVersion: string,
  kind: string,
):
  | { readonly ok: true; readonly value: ResourceFacts }
  | { readonly ok: false; readonly name: string; readonly error: readonly SchemaProblem[] } {
  const metadata = objectAt(object, "metadata")
  const name = textOf(metadata["name"])
  const spec = object["spec"] ?? {}
  const problems = checkResource({ apiVersion, kind, spec })
  if (problems.length > 0) return { ok: false, name, error: problems }
  const own = Object.entries(textMap(metadata["annotations"])).filter(([key]) => key.startsWith("troupe.dev/"))
  const annotations = own.length === 0 ? {} : { annotations: Object.fromEntries(own) }
  return {
    ok: true,
    value: { name, labels: textMap(metadata["labels"]), ...annotations, spec: objectAt(object, "spec") },
  }
}
