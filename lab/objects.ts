import type { KubeObject } from "./kube.ts"
import { type Host, type Layout, nodeAs, routerAs } from "./layout.ts"

export const systemNamespace = "metallb-system"
const speakerLabels = { app: "metallb", component: "speaker" }
export const speakerSelector = Object.entries(speakerLabels)
  .map(([key, value]) => `${key}=${value}`)
  .join(",")

const named = (apiVersion: string, kind: string, name: string, namespace?: string) => ({
  apiVersion,
  kind,
  metadata: namespace === undefined ? { name } : { name, namespace },
})

export const namespace = (name: string): KubeObject => named("v1", "Namespace", name)

export function node(host: Host): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: host.name, labels: { "kubernetes.io/hostname": host.name } },
    status: {
      addresses: [
        { type: "InternalIP", address: host.address },
        { type: "InternalIP", address: host.address6 },
        { type: "Hostname", address: host.name },
      ],
      conditions: [{ type: "Ready", status: "True", reason: "LabNode", message: "the namespace is up" }],
    },
  }
}

const addressesOf = (host: Host) => [{ ip: host.address }, { ip: host.address6 }]

export function speakerPod(host: Host): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `speaker-${host.name}`, namespace: systemNamespace, labels: speakerLabels },
    spec: { nodeName: host.name, hostNetwork: true, containers: [{ name: "speaker", image: "troupe" }] },
    status: {
      phase: "Running",
      podIP: host.address,
      podIPs: addressesOf(host),
      hostIP: host.address,
      hostIPs: addressesOf(host),
    },
  }
}

/** Two pools, each with its advertisement, and the router as peer. */
export function configuration(lab: Layout): KubeObject[] {
  const custom = (version: string, kind: string, name: string, spec: unknown): KubeObject => ({
    ...named(`metallb.io/${version}`, kind, name, systemNamespace),
    spec,
  })
  return [
    custom("v1beta1", "IPAddressPool", "segment", {
      addresses: ["192.0.2.200-192.0.2.219", "2001:db8:1::200-2001:db8:1::21f"],
    }),
    custom("v1beta1", "L2Advertisement", "segment", { ipAddressPools: ["segment"] }),
    custom("v1beta1", "IPAddressPool", "routed", {
      addresses: ["198.51.100.0/28", "2001:db8:2::1-2001:db8:2::f"],
      autoAssign: false,
      avoidBuggyIPs: true,
    }),
    custom("v1beta1", "BGPAdvertisement", "routed", { ipAddressPools: ["routed"] }),
    custom("v1beta2", "BGPPeer", "router", {
      myASN: nodeAs,
      peerASN: routerAs,
      peerAddress: lab.router.address,
      dualStackAddressFamily: true,
      enableGracefulRestart: true,
    }),
  ]
}

/** Of one family, IPv4, or of both. */
export function service(name: string, pool?: string, dualStack = false): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: "default",
      ...(pool === undefined ? {} : { annotations: { "metallb.io/address-pool": pool } }),
    },
    spec: {
      type: "LoadBalancer",
      selector: { app: "hello" },
      ports: [{ name: "http", port: 80, targetPort: 80 }],
      ...(dualStack ? { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] } : {}),
    },
  }
}

/** What the endpoint controller would write, one of these for each family: the application runs on every node. */
export function endpointSlice(
  of: { namespace: string; name: string },
  family: "IPv4" | "IPv6",
  ready: readonly Host[],
): KubeObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${of.name}-lab-${family.toLowerCase()}`,
      namespace: of.namespace,
      labels: { "kubernetes.io/service-name": of.name },
    },
    addressType: family,
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
    endpoints: ready.map((host) => ({
      addresses: [family === "IPv4" ? host.address : host.address6],
      nodeName: host.name,
      conditions: { ready: true, serving: true, terminating: false },
    })),
  }
}
