import type { Endpoint, ServiceKey } from "../../../config/facts.ts"
import { isObject, type JsonObject, listOf, objectAt, optionalFlag, optionalText, textOf, textsOf } from "../json.ts"

/** One EndpointSlice: part of a Service's endpoints. */
export interface SliceFacts {
  readonly service: ServiceKey
  readonly endpoints: readonly Endpoint[]
}

/** A `discovery.k8s.io/v1` EndpointSlice in our words; undefined when no label says whose it is. Total. */
export function sliceFacts(slice: JsonObject): SliceFacts | undefined {
  const metadata = objectAt(slice, "metadata")
  const service = textOf(objectAt(metadata, "labels")["kubernetes.io/service-name"])
  if (service === "") return undefined
  return {
    service: `${textOf(metadata["namespace"])}/${service}`,
    endpoints: listOf(slice["endpoints"])
      .filter(isObject)
      .map((endpoint) => {
        const conditions = objectAt(endpoint, "conditions")
        return {
          addresses: textsOf(endpoint["addresses"]),
          ...optionalText("nodeName", endpoint["nodeName"]),
          ...optionalFlag("ready", conditions["ready"]),
          ...optionalFlag("serving", conditions["serving"]),
        }
      }),
  }
}
