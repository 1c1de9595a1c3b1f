import type { EndpointFacts, NodeFacts, ServiceFacts } from "../../config/facts.ts"
import type { BGPAdvertisement, L2Advertisement, Pool, Snapshot } from "../../config/snapshot.ts"
import type { Surroundings } from "../../actors/announcer/surroundings.ts"
import { type Ip, parseIp } from "../../protocols/ip.ts"
import { parsePrefix } from "../../protocols/prefix.ts"

/** Facts as a small cluster has them; each test says only what it is about. */

export const ip = (text: string): Ip => {
  const parsed = parseIp(text)
  if (parsed === undefined) throw new Error(`not an address: ${text}`)
  return parsed
}

export const service = (over: Partial<ServiceFacts> = {}): ServiceFacts => ({
  key: "default/web",
  namespace: "default",
  name: "web",
  uid: "uid-web",
  resourceVersion: "1",
  labels: {},
  annotations: {},
  type: "LoadBalancer",
  clusterIPs: ["10.96.0.10"],
  ipFamilies: ["IPv4"],
  ipFamilyPolicy: "SingleStack",
  externalTrafficPolicy: "Cluster",
  selector: { app: "web" },
  ports: [{ protocol: "TCP", port: 80 }],
  ingress: [{ ip: "192.0.2.10" }],
  ...over,
})

export const endpoints = (...on: readonly string[]): EndpointFacts => ({
  key: "default/web",
  endpoints: on.map((nodeName, i) => ({ addresses: [`10.244.0.${i + 1}`], nodeName, ready: true })),
})

export const node = (name: string, over: Partial<NodeFacts> = {}): NodeFacts => ({
  name,
  labels: { "kubernetes.io/hostname": name },
  networkUnavailable: false,
  internalIPs: [],
  ...over,
})

const everyNode = ["alpha", "bravo", "charlie"]

export const l2 = (over: Partial<L2Advertisement> = {}): L2Advertisement => ({
  name: "l2",
  nodes: new Set(everyNode),
  interfaces: "all",
  serviceSelectors: [],
  scores: new Map(),
  ...over,
})

export const bgp = (over: Partial<BGPAdvertisement> = {}): BGPAdvertisement => ({
  name: "bgp",
  nodes: new Set(everyNode),
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: 0,
  communities: [],
  peers: [],
  serviceSelectors: [],
  ...over,
})

export const pool = (over: Partial<Pool> = {}, ...cidrs: readonly string[]): Pool => ({
  name: "first",
  blocks: (cidrs.length === 0 ? ["192.0.2.0/24", "2001:db8::/64"] : cidrs).map((text) => {
    const prefix = parsePrefix(text)
    if (prefix === undefined) throw new Error(`not a prefix: ${text}`)
    return prefix
  }),
  autoAssign: true,
  avoidBuggyIPs: false,
  l2Advertisements: [],
  bgpAdvertisements: [],
  ...over,
})

export const snapshot = (...pools: readonly Pool[]): Snapshot => ({
  pools: new Map(pools.map((pool) => [pool.name, pool])),
  peers: [],
})

export const surroundings = (over: Partial<Surroundings> = {}): Surroundings => ({
  nodeName: "charlie",
  snapshot: snapshot(pool({ l2Advertisements: [l2()], bgpAdvertisements: [bgp()] })),
  nodes: new Map(everyNode.map((name) => [name, node(name)])),
  speakers: new Set(everyNode),
  ignoreExcludeLoadBalancer: false,
  ...over,
})
