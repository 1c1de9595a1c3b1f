import { isObject, type JsonObject, listOf, objectAt, textMap, textOf } from "../../kubernetes/client/json.ts"

/** A Service as its user sees it. */
export interface Seen {
  readonly uid: string
  readonly version: string
  readonly addresses: readonly string[]
  /** Annotation: the pool that the addresses are from. */
  readonly pool: string | undefined
  /** `status reason: message` of `troupe.dev/AddressAssigned`; empty: there is none. */
  readonly condition: string
}

export function seen(object: JsonObject | undefined): Seen {
  const { uid, resourceVersion, annotations } = objectAt(object, "metadata")
  const status = objectAt(object, "status")
  const condition = listOf(status["conditions"])
    .filter(isObject)
    .find(({ type }) => type === "troupe.dev/AddressAssigned")
  return {
    uid: textOf(uid),
    version: textOf(resourceVersion),
    addresses: listOf(objectAt(status, "loadBalancer")["ingress"]).map((entry) => textOf(objectAt(entry)["ip"])),
    pool: textMap(annotations)["metallb.io/ip-allocated-from-pool"],
    condition: condition
      ? `${textOf(condition["status"])} ${textOf(condition["reason"])}: ${textOf(condition["message"])}`
      : "",
  }
}
