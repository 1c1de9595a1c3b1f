import { Compile, type Validator } from "typebox/compile"
import { kinds } from "./definitions.ts"
import { group, objectSchema } from "./kind.ts"

/** `path` as in `spec.addresses[0]`, empty for the object itself; `rule` in words. */
export interface SchemaProblem {
  readonly path: string
  readonly rule: string
}

const validators = new Map<string, Validator>()

/**
 * What the schema of its kind and version has against an object, as the API server would check it on the way in, apart
 * from CEL rules. Empty: nothing. Total: any value gets an answer.
 */
export function checkResource(object: unknown): readonly SchemaProblem[] {
  const { apiVersion, kind } = typeof object === "object" && object !== null ? (object as Record<string, unknown>) : {}
  if (typeof apiVersion !== "string" || typeof kind !== "string")
    return [{ path: "", rule: "must be an object with apiVersion and kind" }]
  const validator = validatorFor(apiVersion, kind)
  if (validator === undefined) return [{ path: "", rule: `no kind ${kind} in ${apiVersion}` }]
  if (validator.Check(object)) return []
  return validator.Errors(object).map((error) => ({ path: fieldPath(error.instancePath), rule: error.message }))
}

// Compiling takes half a millisecond: done for the kinds that turn up.
function validatorFor(apiVersion: string, kind: string): Validator | undefined {
  const known = validators.get(`${apiVersion} ${kind}`)
  if (known !== undefined) return known
  const resource = kinds.find((one) => one.kind === kind)
  const version = resource?.versions.find(({ name }) => `${resource.group ?? group}/${name}` === apiVersion)
  if (version === undefined) return undefined
  const validator = Compile(objectSchema(version))
  validators.set(`${apiVersion} ${kind}`, validator)
  return validator
}

/** JSON pointer to the way Kubernetes writes a field: `/spec/addresses/0` is `spec.addresses[0]`. */
function fieldPath(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === "" ? part : `${path}.${part}`), "")
}
