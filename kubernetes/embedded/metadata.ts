import type { Kind } from "./kinds/kind.ts"
import { nameFault } from "./names.ts"
import { isObject, type KubeObject, type Metadata } from "./object.ts"
import { dropZeros } from "./schema/prune.ts"
import { metadataSchema } from "./schema/shape.ts"
import { badRequest, type Cause, invalidValue, required } from "./status.ts"
import { typeFault } from "./schema/decode.ts"

// What every object has in common: reading, checking and carrying over its metadata.

const MAX_ANNOTATION_BYTES = 256 * 1024

/** A copy of the metadata without what is no metadata. Throws 400 when a field has the wrong type. */
export function decodeMetadata(object: KubeObject): Metadata {
  const raw: unknown = object.metadata ?? {}
  const fault = typeFault(metadataSchema, raw, "ObjectMeta") ?? (isObject(raw) ? nullEntry(raw) : undefined)
  if (fault !== undefined || !isObject(raw)) {
    throw badRequest(`${object.kind} in version "${object.apiVersion}" cannot be handled as a ${object.kind}: ${fault}`)
  }
  const known = Object.entries(raw).filter(([key]) => Object.hasOwn(metadataSchema.properties ?? {}, key))
  const metadata = dropZeros(metadataSchema, Object.fromEntries(known)) as Metadata
  const managed = raw["managedFields"]
  // An explicit reset: one empty entry, which must survive until ownership is computed.
  if (Array.isArray(managed) && managed.length > 0) metadata.managedFields ??= []
  delete (metadata as Record<string, unknown>)["selfLink"]
  return metadata
}

function nullEntry(metadata: Record<string, unknown>): string | undefined {
  for (const field of ["finalizers", "ownerReferences", "managedFields"]) {
    const list = metadata[field]
    if (Array.isArray(list) && list.some((item) => item === null)) return `null in metadata.${field}`
  }
  return undefined
}

const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/
const qualifiedName = /^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const labelValueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const nameText =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

export function metadataCauses(kind: Kind, metadata: Metadata): Cause[] {
  const out: Cause[] = []
  const { name = "", generateName = "", labels = {}, annotations = {}, finalizers = [] } = metadata
  const generateFault = generateName === "" ? undefined : nameFault(kind.rules.names, generateName, true)
  if (generateFault !== undefined) out.push(invalidValue("metadata.generateName", generateName, generateFault))
  if (name === "") out.push(required("metadata.name", "name or generateName is required"))
  else if (generateFault === undefined) {
    const fault = nameFault(kind.rules.names, name, false)
    if (fault !== undefined) out.push(invalidValue("metadata.name", name, fault))
  }
  for (const [key, value] of Object.entries(labels)) {
    if (!isQualified(key)) out.push(invalidValue("metadata.labels", key, nameText))
    const fault = labelValueFault(value)
    if (fault !== undefined) out.push(invalidValue("metadata.labels", value, fault))
  }
  let bytes = 0
  for (const [key, value] of Object.entries(annotations)) {
    bytes += key.length + Buffer.byteLength(value)
    if (!isQualified(key.toLowerCase())) out.push(invalidValue("metadata.annotations", key, nameText))
  }
  if (bytes > MAX_ANNOTATION_BYTES) {
    const message = `Too long: may not be more than ${MAX_ANNOTATION_BYTES} bytes`
    out.push({ reason: "FieldValueTooLong", message, field: "metadata.annotations" })
  }
  for (const finalizer of finalizers) {
    if (!isQualified(finalizer)) out.push(invalidValue("metadata.finalizers", finalizer, nameText))
  }
  return out
}

/** What is wrong with a label key, or with another name of that form. */
export const qualifiedNameFault = (key: string): string | undefined => (isQualified(key) ? undefined : nameText)

export function labelValueFault(value: string): string | undefined {
  if (value.length > 63) return "must be no more than 63 characters"
  return labelValue.test(value) ? undefined : labelValueText
}

function isQualified(key: string): boolean {
  return qualifiedName.test(key) && (key.split("/").at(-1) ?? "").length <= 63
}

/** What an update cannot change, taken from the old object. */
export function carryOver(metadata: Metadata, old: Metadata): void {
  const fixed = [
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
  ] as const
  const target = metadata as Record<string, unknown>
  for (const field of fixed) {
    if (old[field] === undefined) delete target[field]
    else target[field] = old[field]
  }
}
