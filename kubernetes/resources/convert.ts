import { group } from "./kind.ts"

type Fields = Readonly<Record<string, unknown>>

/** Present and of the same meaning in both versions. Times are apart: v1beta1 has no unset time. */
const shared = [
  "myASN",
  "peerASN",
  "peerAddress",
  "sourceAddress",
  "peerPort",
  "routerID",
  "password",
  "bfdProfile",
  "ebgpMultiHop",
] as const

/**
 * A BGPPeer in another version, as MetalLB's conversion webhook translates it: v1beta2 fields that v1beta1 lacks are
 * dropped, an unset time becomes `0s`. An object already in that version comes back as it is. Total.
 */
export function convertBGPPeer<Peer extends object>(peer: Peer, version: string): Peer {
  return converted(peer as Fields, version) as Peer
}

/** By name of the definition. */
export const conversions = { [`bgppeers.${group}`]: convertBGPPeer }

function converted(peer: Fields, version: string): Fields {
  const apiVersion = `${group}/${version}`
  if (peer["apiVersion"] === apiVersion) return peer
  const from = fields(peer["spec"])
  const spec: Record<string, unknown> = {
    holdTime: from["holdTime"] ?? "0s",
    keepaliveTime: from["keepaliveTime"] ?? "0s",
  }
  for (const name of shared) if (from[name] !== undefined) spec[name] = from[name]
  const selectors = Array.isArray(from["nodeSelectors"]) ? from["nodeSelectors"].map(fields) : []
  if (version === "v1beta1") spec["nodeSelectors"] = selectors.map(legacySelector)
  else if (selectors.length > 0) spec["nodeSelectors"] = selectors
  return { ...peer, apiVersion, spec }
}

const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {})

function legacySelector({ matchLabels, matchExpressions }: Fields): Fields {
  const terms = Array.isArray(matchExpressions) ? matchExpressions.map(fields) : []
  return {
    matchLabels: matchLabels ?? {},
    matchExpressions: terms.map(({ key, operator, values }) => ({ key, operator, values: values ?? [] })),
  }
}
