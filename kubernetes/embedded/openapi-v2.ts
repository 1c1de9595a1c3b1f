import type { Kind } from "./kinds/kind.ts"
import type { Registry } from "./registry.ts"

// The document of before version 3, for old clients: that PATCH of a kind knows `dryRun`, which kubectl 1.20 asks it
// before `diff`, and nothing else. Such clients skip what they do not find, so there are no schemas.

const title = "Kubernetes"
const version = "v1.36.2"

/** As gnostic's protobuf where the client asks for it, as JSON otherwise. */
export function openApiV2(
  registry: Registry,
  accept: string | undefined,
): { readonly type: string; readonly bytes: Uint8Array } {
  if (accept?.includes("protobuf") !== true) {
    const document = { swagger: "2.0", info: { title, version }, paths: {}, definitions: {} }
    return { type: "application/json", bytes: Buffer.from(JSON.stringify(document)) }
  }
  // Document: 1 swagger, 2 info (1 title, 2 version), 8 paths (2 path, repeated).
  const info = [field(1, title), field(2, version)]
  const paths = registry.kinds.filter((kind) => kind.verbs.includes("patch")).map((kind) => field(2, pathOf(kind)))
  return {
    type: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    bytes: Buffer.concat([field(1, "2.0"), field(2, info), field(8, paths)]),
  }
}

/** NamedPathItem: 1 name, 2 value (8 patch: 8 parameters, 13 vendor extension). */
function pathOf(kind: Kind): Buffer[] {
  const base = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
  const name = `${base}${kind.namespaced ? "/namespaces/{namespace}" : ""}/${kind.resource}/{name}`
  // ParametersItem 1, Parameter 2, NonBodyParameter 3, QueryParameterSubSchema: 2 in, 4 name.
  const dryRun = field(8, [field(1, [field(2, [field(3, [field(2, "query"), field(4, "dryRun")])])])])
  const gvk = JSON.stringify({ group: kind.group, version: kind.version, kind: kind.kind })
  // NamedAny: 1 name, 2 value (2 yaml).
  const extension = field(13, [field(1, "x-kubernetes-group-version-kind"), field(2, [field(2, gvk)])])
  return [field(1, name), field(2, [field(8, [dryRun, extension])])]
}

/** One length-delimited field. */
function field(number: number, content: string | readonly Buffer[]): Buffer {
  const bytes = typeof content === "string" ? Buffer.from(content) : Buffer.concat(content)
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80)
  return Buffer.from([...bytes, rest])
}
