import type { DesiredServiceStatuses } from "../../config/cluster-api.ts"
import type { ServiceKey } from "../../config/facts.ts"
import { isObject, type JsonObject, listOf, objectAt, textMap, textOf, textsOf } from "./json.ts"
import { ownedBy, type OwnerReference, uidOf, versionOf } from "./metadata.ts"

/** What is to be done for the ServiceL2Status or ServiceBGPStatus objects of one Service. Pure. */

export type StatusKind = DesiredServiceStatuses["kind"]

export const statusLabels = {
  node: "metallb.io/node",
  name: "metallb.io/service-name",
  namespace: "metallb.io/service-namespace",
} as const

/** One such object as read. */
export interface StatusObject {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** From the labels, as is `service`. */
  readonly node: string
  readonly service: ServiceKey
  readonly ownerReferences: readonly unknown[]
  readonly status: { readonly node: string; readonly service: ServiceKey; readonly list: readonly string[] }
}

export interface Plan {
  readonly delete: readonly StatusObject[]
  /** The one that stays; undefined when one is to be created, or none is wanted. */
  readonly keep: StatusObject | undefined
  readonly create: boolean
  readonly ownerReferences: readonly unknown[] | undefined
  readonly writeStatus: boolean
}

export interface Wanted {
  readonly kind: StatusKind
  readonly nodeName: string
  readonly service: ServiceKey
  /** Undefined: not announced from here. */
  readonly list: readonly string[] | undefined
}

/**
 * Whoever holds a Service on layer 2 removes what others have left of it; who does not hold it removes its own only. On
 * BGP every node speaks for itself.
 */
export function planStatus(wanted: Wanted, objects: readonly StatusObject[], owner: OwnerReference | undefined): Plan {
  const { kind, nodeName, list } = wanted
  const mine = objects.filter(({ node }) => node === nodeName).sort((a, b) => (a.name < b.name ? -1 : 1))
  // Who and where cannot be changed once written: an object that says it wrong is made anew.
  const best = mine.find(({ status }) => says(status, wanted)) ?? mine.find(({ status }) => mayBecome(status, wanted))
  const keep = list === undefined ? undefined : best
  const holder = kind === "layer2" && list !== undefined
  const surplus = objects.filter((object) => object !== keep && (holder || object.node === nodeName))
  return {
    delete: surplus,
    keep,
    create: list !== undefined && keep === undefined,
    ownerReferences: keep && ownedBy(keep.ownerReferences, owner),
    writeStatus: keep !== undefined && !says(keep.status, wanted),
  }
}

export const nothingToDo = (plan: Plan): boolean =>
  plan.delete.length === 0 && !plan.create && plan.ownerReferences === undefined && !plan.writeStatus

const mayBecome = ({ node, service }: StatusObject["status"], wanted: Wanted) =>
  (node === "" || node === wanted.nodeName) && (service === "" || service === wanted.service)

const says = ({ node, service, list }: StatusObject["status"], wanted: Wanted) =>
  node === wanted.nodeName && service === wanted.service && sameList(list, wanted.list ?? [])

export const sameList = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((item, i) => item === b[i])

export function labelsFor({ nodeName, service }: Wanted): Readonly<Record<string, string>> {
  const [namespace = "", name = ""] = service.split("/")
  return { [statusLabels.node]: nodeName, [statusLabels.name]: name, [statusLabels.namespace]: namespace }
}

export function statusFor({ kind, nodeName, service, list = [] }: Wanted): JsonObject {
  const [serviceNamespace, serviceName] = service.split("/")
  const more =
    kind === "bgp" ? { peers: list } : { interfaces: list.length > 0 ? list.map((name) => ({ name })) : null }
  return { node: nodeName, serviceName, serviceNamespace, ...more }
}

/** Undefined: one of the three labels is missing, so nobody can tell whose it is. */
export function statusObject(kind: StatusKind, object: JsonObject): StatusObject | undefined {
  const metadata = objectAt(object, "metadata")
  const labels = textMap(metadata["labels"])
  const [node, name, namespace] = [labels[statusLabels.node], labels[statusLabels.name], labels[statusLabels.namespace]]
  if (!node || !name || !namespace) return undefined
  const status = objectAt(object, "status")
  const { serviceName, serviceNamespace } = status
  const list =
    kind === "bgp"
      ? textsOf(status["peers"])
      : listOf(status["interfaces"])
          .filter(isObject)
          .map((entry) => textOf(entry["name"]))
  const service = serviceName || serviceNamespace ? `${textOf(serviceNamespace)}/${textOf(serviceName)}` : ""
  return {
    name: textOf(metadata["name"]),
    uid: uidOf(object),
    resourceVersion: versionOf(object),
    node,
    service: `${namespace}/${name}`,
    ownerReferences: listOf(metadata["ownerReferences"]),
    status: { node: textOf(status["node"]), service, list },
  }
}
