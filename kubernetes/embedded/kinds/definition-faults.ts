import { display, isObject, type KubeObject } from "../object.ts"
import { type Cause, invalidValue, notSupported, required } from "../status.ts"

/** What would make a definition unusable. */
export function definitionFaults(object: KubeObject): Cause[] {
  const out: Cause[] = []
  const { spec } = object
  const names = spec?.["names"]
  const versions = spec?.["versions"]
  if (typeof spec?.["group"] !== "string" || spec["group"] === "") out.push(required("spec.group"))
  if (spec?.["scope"] !== "Namespaced" && spec?.["scope"] !== "Cluster") {
    out.push(notSupported("spec.scope", spec?.["scope"] ?? "", ["Cluster", "Namespaced"]))
  }
  for (const field of ["plural", "kind"]) {
    if (!isObject(names) || typeof names[field] !== "string" || names[field] === "")
      out.push(required(`spec.names.${field}`))
  }
  if (!Array.isArray(versions) || versions.length === 0) out.push(required("spec.versions"))
  else if (!versions.every((version) => isObject(version) && typeof version["name"] === "string")) {
    out.push(required("spec.versions[0].name"))
  } else if (versions.filter((version) => isObject(version) && version["storage"] === true).length !== 1) {
    out.push(invalidValue("spec.versions", "", "must have exactly one version marked as storage version"))
  }
  if (out.length === 0 && isObject(names)) {
    const name = `${display(names["plural"])}.${display(spec?.["group"])}`
    if (object.metadata.name !== name) {
      out.push(invalidValue("metadata.name", object.metadata.name ?? "", 'must be spec.names.plural+"."+spec.group'))
    }
  }
  return out
}
