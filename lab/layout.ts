import os from "node:os"

/**
 * Where everything in a lab is: names, addresses, files. All addresses are documentation ranges (RFC 5737, RFC 3849), and
 * all interfaces live in network namespaces, so nothing can meet the machine's own network.
 *
 *     client ──┬── switch (bridge) ──┬── node-1, node-2, node-3
 *       │      │                     │
 *       └──────┼───── router ────────┘
 *        a second link: the way to what BGP announces
 */
export interface Layout {
  readonly name: string
  /** Sockets, kubeconfig, logs; gone when the lab stops. */
  readonly directory: string
  readonly switch: Host
  readonly client: Host
  readonly router: Host
  readonly nodes: readonly Host[]
  readonly subnets: typeof subnets
}

export interface Host {
  /** `node-1`; the network namespace has the lab's name before it. */
  readonly name: string
  readonly namespace: string
  readonly address: string
  readonly address6: string
}

const subnets = {
  /** Nodes, client and router on one Ethernet segment. */
  lan: { cidr: "192.0.2.0/24", length: 24, length6: 64 },
  /** What layer 2 may announce: addresses of the segment that no host has. */
  layer2: "192.0.2.128/25",
  layer2v6: "2001:db8:1::200/119",
  /** What BGP may announce: nobody is there, only routes lead to it. */
  bgp: "198.51.100.0/24",
  bgp6: "2001:db8:2::/64",
  /** The client's second link, to the router. */
  wan: { client: "203.0.113.2", router: "203.0.113.1", length: 30, cidr: "203.0.113.0/30" },
  wan6: { client: "2001:db8:3::2", router: "2001:db8:3::1", length: 64, cidr: "2001:db8:3::/64" },
} as const

export const nodeAs = 64512
export const routerAs = 64513
/** Where the nodes' processes find the API: a relay in their own namespace. */
export const nodeApiPort = 6443

/** Names that are safe in paths and namespace names. */
export const isLabName = (text: string): boolean => /^[a-z][a-z0-9-]{0,30}$/.test(text)

export function layout(name: string, nodes: number): Layout {
  /** The last octet in both families: `192.0.2.11` and `2001:db8:1::11`. */
  const host = (short: string, last: number): Host => ({
    name: short,
    namespace: `troupe-${name}-${short}`,
    address: `192.0.2.${last}`,
    address6: `2001:db8:1::${last}`,
  })
  return {
    name,
    directory: labDirectory(name),
    // A bridge: it has no address, and this one is nobody's.
    switch: host("switch", 254),
    client: host("client", 100),
    router: host("router", 1),
    nodes: Array.from({ length: nodes }, (_, i) => host(`node-${i + 1}`, 11 + i)),
    subnets,
  }
}

/** `/run` where there is one, so that nothing survives a reboot. */
export const labDirectory = (name: string): string =>
  `${process.platform === "linux" ? "/run" : os.tmpdir()}/troupe-${name}`

export const hostsOf = (lab: Layout): readonly Host[] => [lab.switch, lab.client, lab.router, ...lab.nodes]

/** The Unix sockets that `troupe actors` and `troupe status` ask. */
export const debugSocket = (lab: Pick<Layout, "directory">, process: string): string =>
  `${lab.directory}/${process}.debug.sock`
export const apiSocket = (lab: Layout): string => `${lab.directory}/api.sock`
export const kubeconfigPath = (lab: Layout): string => `${lab.directory}/kubeconfig`
