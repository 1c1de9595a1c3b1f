import type {
  ConfigurationFacts,
  NamespaceFacts,
  NodeFacts,
  ResourceFacts,
  SecretFacts,
} from "../../../config/facts.ts"
import { type Collection, custom } from "../collections.ts"
import type { Feed } from "../feed.ts"
import type { JsonObject } from "../json.ts"
import type { Log } from "../log.ts"
import { resourceFacts } from "./resource.ts"

/** The custom resources that make up the configuration, by their name in `ConfigurationFacts`. */
export const configurationCollections = (namespace: string) =>
  ({
    pools: custom(namespace, "ipaddresspools", "IPAddressPool"),
    l2Advertisements: custom(namespace, "l2advertisements", "L2Advertisement"),
    bgpAdvertisements: custom(namespace, "bgpadvertisements", "BGPAdvertisement"),
    peers: custom(namespace, "bgppeers", "BGPPeer", "v1beta2"),
    communities: custom(namespace, "communities", "Community"),
    bfdProfiles: custom(namespace, "bfdprofiles", "BFDProfile"),
  }) satisfies Record<Exclude<keyof ConfigurationFacts, "nodes" | "namespaces" | "passwordSecrets">, Collection>

type Resources = ReturnType<typeof configurationCollections>
export type ResourceFeeds = { readonly [K in keyof Resources]: Feed<ResourceFacts> }

/** What to remember of a custom resource. One that its schema refuses changes nothing: the last good one stays. */
export function keepResource({ apiVersion, kind }: Collection, log: Log) {
  return (object: JsonObject, previous: ResourceFacts | undefined): ResourceFacts | undefined => {
    const facts = resourceFacts(object, apiVersion, kind)
    if (facts.ok) return facts.value
    for (const { path, rule } of facts.error.slice(0, 10))
      log.error(
        `${kind} ${facts.name}: ${path} ${rule}; ${previous ? "the last good one stays in force" : "it is left out"}`,
      )
    return previous
  }
}

export function configurationFacts(
  resources: ResourceFeeds,
  nodes: Feed<NodeFacts>,
  namespaces: Feed<NamespaceFacts>,
  secrets: Feed<SecretFacts> | undefined,
): ConfigurationFacts {
  return {
    pools: all(resources.pools),
    l2Advertisements: all(resources.l2Advertisements),
    bgpAdvertisements: all(resources.bgpAdvertisements),
    peers: all(resources.peers),
    communities: all(resources.communities),
    bfdProfiles: all(resources.bfdProfiles),
    ...(secrets !== undefined && { passwordSecrets: [...secrets.values.values()] }),
    nodes: [...nodes.values.values()],
    namespaces: [...namespaces.values.values()],
  }
}

/** The schema check, made when each was read, gave the spec the shape of its kind. */
const all = <Spec>(feed: Feed<ResourceFacts>) =>
  [...feed.values.values()] as ResourceFacts<unknown>[] as ResourceFacts<Spec>[]
