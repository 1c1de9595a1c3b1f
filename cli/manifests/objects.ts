import { type JsonObject, objectAt, textOf } from "../../kubernetes/client/json.ts"

/** Which object it is, whatever its version says. */
export interface ObjectId {
  readonly kind: string
  /** Empty for what has none. */
  readonly namespace: string
  readonly name: string
}

const clusterScoped = new Set(["Node", "Namespace", "ServiceCIDR"])
export const metallbGroup = "metallb.io"

/** `home`: where resources without a namespace are meant to be; Services are in `default`, as for kubectl. */
export function idOf(object: JsonObject, home: string): ObjectId {
  const metadata = objectAt(object, "metadata")
  const kind = textOf(object["kind"])
  const given = textOf(metadata["namespace"])
  const fallback = isOurs(object) || kind === "Secret" ? home : "default"
  return { kind, namespace: clusterScoped.has(kind) ? "" : given || fallback, name: textOf(metadata["name"]) }
}

export const keyOfId = ({ kind, namespace, name }: ObjectId): string => `${kind} ${namespace}/${name}`

export const idText = ({ kind, namespace, name }: ObjectId): string =>
  `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`

export const groupOf = ({ apiVersion }: JsonObject): string => {
  const [group = "", version] = textOf(apiVersion).split("/")
  return version === undefined ? "" : group
}

export const isOurs = (object: JsonObject): boolean => groupOf(object) === metallbGroup

/** The objects of a cluster, by `keyOfId`. */
export type ObjectSet = ReadonlyMap<string, JsonObject>

export const objectSet = (objects: Iterable<JsonObject>, home: string): ObjectSet =>
  new Map([...objects].map((object) => [keyOfId(idOf(object, home)), object]))
