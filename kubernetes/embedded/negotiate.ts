import { notAcceptable } from "./status.ts"

/** What a client will be sent: the object itself, a table of it, or its metadata; as JSON or YAML. */
export interface Wanted {
  readonly as: "object" | "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList" | "APIGroupDiscoveryList"
  readonly version: string
  readonly yaml: boolean
}

const plain: Wanted = { as: "object", version: "", yaml: false }
const transforms = ["Table", "PartialObjectMetadata", "PartialObjectMetadataList"] as const

/**
 * The first acceptable form in the client's order. Protobuf is not spoken; clients that prefer it name JSON as well.
 * Throws 406 when nothing fits.
 */
export function negotiate(accept: string | undefined, offersDiscovery = false): Wanted {
  if (accept === undefined || accept.trim() === "") return plain
  for (const clause of accept.split(",").slice(0, 50)) {
    const [type = "", ...rest] = clause.split(";").map((part) => part.trim())
    const parameters = new Map(rest.map((part) => [part.split("=")[0] ?? "", part.split("=").slice(1).join("=")]))
    const yaml = type === "application/yaml" || type === "application/x-yaml"
    if (!yaml && !["application/json", "*/*", "application/*"].includes(type)) continue
    const as = parameters.get("as")
    const version = parameters.get("v") ?? ""
    if (as === undefined) return { as: "object", version: "", yaml }
    if (offersDiscovery && as === "APIGroupDiscoveryList" && version === "v2") return { as, version, yaml }
    const transform = transforms.find((name) => name === as)
    if (transform !== undefined && !offersDiscovery && parameters.get("g") === "meta.k8s.io") {
      if (version === "v1" || version === "v1beta1") return { as: transform, version, yaml }
    }
  }
  throw notAcceptable(["application/json", "application/yaml"])
}
