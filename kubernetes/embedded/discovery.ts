import { type Kind, apiVersionOf } from "./kinds/kind.ts"
import { storageVersionHash } from "./names.ts"
import type { JsonObject } from "./object.ts"
import type { Registry } from "./registry.ts"

export const serverVersion: JsonObject = {
  major: "1",
  minor: "36",
  emulationMajor: "1",
  emulationMinor: "36",
  minCompatibilityMajor: "1",
  minCompatibilityMinor: "35",
  gitVersion: "v1.36.2",
  gitCommit: "",
  gitTreeState: "",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "go1.26.11",
  compiler: "gc",
  platform: "linux/amd64",
}

// Subresources whose body is of another kind than the resource.
const otherKinds: Readonly<Record<string, readonly [group: string, version: string, kind: string]>> = {
  "pods/attach": ["", "", "PodAttachOptions"],
  "pods/binding": ["", "", "Binding"],
  "pods/eviction": ["policy", "v1", "Eviction"],
  "pods/exec": ["", "", "PodExecOptions"],
  "pods/portforward": ["", "", "PodPortForwardOptions"],
  "pods/proxy": ["", "", "PodProxyOptions"],
  "nodes/proxy": ["", "", "NodeProxyOptions"],
  "services/proxy": ["", "", "ServiceProxyOptions"],
  "serviceaccounts/token": ["authentication.k8s.io", "v1", "TokenRequest"],
}
const subVerbs: Readonly<Record<string, readonly string[]>> = {
  attach: ["create", "get"],
  binding: ["create"],
  eviction: ["create"],
  exec: ["create", "get"],
  finalize: ["update"],
  log: ["get"],
  portforward: ["create", "get"],
  proxy: ["create", "delete", "get", "patch", "update"],
  token: ["create"],
}

function subKind(kind: Kind, name: string): readonly [group: string, version: string, kind: string] {
  if (name === "scale") return ["autoscaling", "v1", "Scale"]
  return otherKinds[`${kind.resource}/${name}`] ?? own(kind)
}

/** Built-in kinds leave out what the surrounding document says already. */
function own(kind: Kind): readonly [group: string, version: string, kind: string] {
  return kind.custom ? [kind.group, kind.version, kind.kind] : ["", "", kind.kind]
}

function subVerbsOf(name: string): readonly string[] {
  return subVerbs[name] ?? ["get", "patch", "update"]
}

/** Group to its versions, the preferred one first. */
function groups(registry: Registry): Map<string, Map<string, Kind[]>> {
  const result = new Map<string, Map<string, Kind[]>>()
  for (const kind of registry.kinds) {
    const versions = result.get(kind.group) ?? new Map<string, Kind[]>()
    result.set(kind.group, versions)
    versions.set(kind.version, [...(versions.get(kind.version) ?? []), kind])
  }
  for (const [group, versions] of result) {
    const sorted = [...versions].sort(([a], [b]) => priority(b) - priority(a))
    for (const [, kinds] of sorted) kinds.sort((a, b) => (a.resource < b.resource ? -1 : 1))
    result.set(group, new Map(sorted))
  }
  return result
}

/** v2 before v1 before v1beta2 before v1beta1 before v1alpha1. */
function priority(version: string): number {
  const [, major = "0", stage = "", minor = "0"] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? []
  const weight = stage === "" ? 2 : stage === "beta" ? 1 : 0
  return weight * 1e6 + Number(major) * 1e3 + Number(minor)
}

/** `apidiscovery.k8s.io/v2`: everything in one document. */
export function aggregated(registry: Registry, core: boolean): JsonObject {
  const items = [...groups(registry)]
    .filter(([group]) => (group === "") === core)
    .map(([group, versions]) => ({
      metadata: group === "" ? {} : { name: group },
      versions: [...versions].map(([version, kinds]) => ({
        version,
        resources: kinds.map(aggregatedResource),
        freshness: "Current",
      })),
    }))
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items }
}

function aggregatedResource(kind: Kind): JsonObject {
  return {
    resource: kind.resource,
    responseKind: responseKind(own(kind)),
    scope: kind.namespaced ? "Namespaced" : "Cluster",
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    ...(kind.subresources.length === 0
      ? {}
      : {
          subresources: kind.subresources.map((name) => ({
            subresource: name,
            responseKind: responseKind(subKind(kind, name)),
            verbs: subVerbsOf(name),
          })),
        }),
  }
}

function responseKind([group, version, kind]: readonly [string, string, string]): JsonObject {
  return { group, version, kind }
}

/** The documents of before aggregation, which older clients walk one by one. Undefined for an unknown path. */
export function legacy(registry: Registry, path: readonly string[]): JsonObject | undefined {
  const [root, first, second] = path
  const all = groups(registry)
  if (root === "api" && path.length === 1) {
    return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] }
  }
  if (root === "api" && first === "v1" && path.length === 2) return resourceList("", "v1", all.get("")?.get("v1") ?? [])
  if (root !== "apis") return undefined
  const named = [...all]
    .filter(([group]) => group !== "")
    .map(([group, versions]) => groupOf(group, [...versions.keys()]))
  if (path.length === 1) return { kind: "APIGroupList", apiVersion: "v1", groups: named }
  const versions = first === undefined ? undefined : all.get(first)
  if (first === undefined || versions === undefined) return undefined
  if (path.length === 2) return { kind: "APIGroup", apiVersion: "v1", ...groupOf(first, [...versions.keys()]) }
  const kinds = second === undefined ? undefined : versions.get(second)
  if (second === undefined || kinds === undefined || path.length !== 3) return undefined
  return { ...resourceList(first, second, kinds), apiVersion: "v1" }
}

function groupOf(name: string, versions: readonly string[]): JsonObject {
  const entries = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: entries, preferredVersion: entries[0] }
}

function resourceList(group: string, version: string, kinds: readonly Kind[]): JsonObject {
  return {
    kind: "APIResourceList",
    groupVersion: apiVersionOf({ group, version }),
    resources: kinds.flatMap((kind) => [
      {
        name: kind.resource,
        singularName: kind.singular,
        namespaced: kind.namespaced,
        kind: kind.kind,
        verbs: kind.verbs,
        ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
        ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
        ...(kind.verbs.includes("watch")
          ? { storageVersionHash: storageVersionHash(kind.group, kind.version, kind.kind) }
          : {}),
      },
      ...kind.subresources.map((name) => {
        const [subGroup, subVersion, word] = subKind(kind, name)
        return {
          name: `${kind.resource}/${name}`,
          singularName: "",
          namespaced: kind.namespaced,
          ...(subVersion === "" || kind.custom ? {} : { group: subGroup, version: subVersion }),
          kind: word,
          verbs: subVerbsOf(name),
        }
      }),
    ]),
  }
}
