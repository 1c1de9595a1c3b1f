import type { JsonObject } from "../../kubernetes/client/json.ts"

/** Where our own resources live, and where the Services of the scenarios do. */
export const home = "metallb-system"
export const apps = "troupe-apps"
/** A second namespace, with the label `team: blue`. */
export const team = "troupe-team"

const custom = (kind: string, name: string, spec: JsonObject, version = "v1beta1"): JsonObject => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace: home },
  spec,
})

export const pool = (name: string, addresses: readonly string[], more: JsonObject = {}): JsonObject =>
  custom("IPAddressPool", name, { addresses, ...more })
export const layer2Advertisement = (name: string, spec: JsonObject = {}) => custom("L2Advertisement", name, spec)
export const bgpAdvertisement = (name: string, spec: JsonObject = {}) => custom("BGPAdvertisement", name, spec)
export const bgpPeer = (name: string, spec: JsonObject, version = "v1beta2") => custom("BGPPeer", name, spec, version)
export const bfdProfile = (name: string, spec: JsonObject = {}) => custom("BFDProfile", name, spec)
export const community = (name: string, communities: readonly JsonObject[]) =>
  custom("Community", name, { communities })

export interface ServiceOptions {
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  /** Without their prefix, `metallb.io/`. */
  readonly asks?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec?: JsonObject
}

export function service(name: string, options: ServiceOptions = {}): JsonObject {
  const { namespace = apps, labels = {}, asks = {}, annotations = {}, spec = {} } = options
  const asked = Object.fromEntries(Object.entries(asks).map(([key, value]) => [`metallb.io/${key}`, value]))
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels, annotations: { ...annotations, ...asked } },
    spec: { type: "LoadBalancer", selector: { app: name }, ports: [{ name: "p80", port: 80 }], ...spec },
  }
}

export const dualStack = (ipFamilyPolicy: "PreferDualStack" | "RequireDualStack"): ServiceOptions => ({
  spec: { ipFamilyPolicy, ipFamilies: ["IPv4", "IPv6"] },
})
