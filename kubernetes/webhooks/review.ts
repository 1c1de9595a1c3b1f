import { compile } from "../../config/compile.ts"
import type { BGPAdvertisementSpec, BGPPeerSpec, ConfigurationFacts, ResourceFacts } from "../../config/facts.ts"
import type { Operation, ReviewedKind } from "./rules.ts"

/** One object that somebody wants to write or delete; its spec has the shape of its kind. */
export interface ReviewRequest {
  readonly kind: ReviewedKind
  readonly operation: Operation
  readonly namespace: string
  /** On DELETE the object as it is. */
  readonly object: ResourceFacts
}

export type Review =
  | { readonly decision: "allowed"; readonly warnings: readonly string[] }
  /** `text` is MetalLB's; several faults stand one below the other, the one MetalLB would stop at first. */
  | { readonly decision: "denied"; readonly text: string }

/** What a review may have to know of the cluster, by its name in `ConfigurationFacts`. */
export type Needed = Exclude<keyof ConfigurationFacts, "bfdProfiles" | "passwordSecrets" | "namespaces">

const allowed: Review = { decision: "allowed", warnings: [] }
const denied = (text: string): Review => ({ decision: "denied", text })
const faultsShown = 10
const deprecated = "disable mp is deprecated and has no effect since it's the default behavior now"

/** The configuration that an object of this kind is checked as a part of. */
const parts: Readonly<Record<Exclude<ReviewedKind, "BFDProfile">, readonly Needed[]>> = {
  IPAddressPool: ["pools"],
  L2Advertisement: ["l2Advertisements", "pools"],
  BGPAdvertisement: ["bgpAdvertisements", "pools", "nodes"],
  Community: ["communities"],
  BGPPeer: ["peers", "nodes"],
}

/** Either decides at once, or says what has to be read for `review`. */
export function begin(
  { kind, operation, namespace }: ReviewRequest,
  home: string,
): { readonly review: Review } | { readonly needed: readonly Needed[] } {
  // An object elsewhere is never read; its updates and its end are nobody's concern.
  if (operation === "CREATE" && namespace !== home)
    return { review: denied(`resource must be created in ${home} namespace`) }
  if (kind === "BFDProfile") return operation === "DELETE" ? { needed: ["peers"] } : { review: allowed }
  return operation === "DELETE" ? { review: allowed } : { needed: parts[kind] }
}

/** May this be written, given what there is already? Checks the configuration as a whole, as the actors will. */
export function review(request: ReviewRequest, existing: Partial<ConfigurationFacts>, home: string): Review {
  const { kind, operation, object } = request
  if (kind === "BFDProfile") {
    const user = existing.peers?.find(({ spec }) => operation === "DELETE" && spec.bfdProfile === object.name)
    return user ? denied(`failed to delete BFDProfile ${object.name}, used by BGPPeer ${user.name}`) : allowed
  }
  const [own] = parts[kind]
  const facts: ConfigurationFacts = {
    ...nothing,
    ...existing,
    ...(own !== undefined && { [own]: withObject(existing[own] ?? [], object) }),
  }
  const compiled = compile(withoutForwardReferences(facts), { namespace: home })
  if (!compiled.ok) {
    const texts = compiled.error.slice(0, faultsShown).map(({ text }) => text)
    const more = compiled.error.length - texts.length
    return denied([...texts, ...(more > 0 ? [`… and ${more} more`] : [])].join("\n"))
  }
  const warns = kind === "BGPPeer" && operation === "CREATE" && object.spec["disableMP"] === true
  return warns ? { decision: "allowed", warnings: [deprecated] } : allowed
}

const nothing: ConfigurationFacts = {
  pools: [],
  l2Advertisements: [],
  bgpAdvertisements: [],
  peers: [],
  communities: [],
  nodes: [],
  namespaces: [],
}

/** In place of the one of the same name, or at the end. */
function withObject(
  all: readonly { readonly name: string }[],
  object: ResourceFacts,
): readonly { readonly name: string }[] {
  return [...all.filter(({ name }) => name !== object.name), object]
}

/**
 * References to objects that may be written later are no fault here: BFD profiles and Secrets of peers, and communities
 * that look like an alias because they hold no colon.
 */
function withoutForwardReferences(facts: ConfigurationFacts): ConfigurationFacts {
  return {
    ...facts,
    peers: facts.peers.map((peer): ResourceFacts<BGPPeerSpec> => {
      const { bfdProfile: _, passwordSecret: __, ...spec } = peer.spec
      return { ...peer, spec }
    }),
    bgpAdvertisements: facts.bgpAdvertisements.map((advertisement): ResourceFacts<BGPAdvertisementSpec> => {
      const { communities, ...spec } = advertisement.spec
      const literal = communities?.filter((text) => text.includes(":"))
      return { ...advertisement, spec: { ...spec, ...(literal !== undefined && { communities: literal }) } }
    }),
  }
}
