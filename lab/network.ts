import fs from "node:fs"
import { Complaint } from "../cli/complaint.ts"
import { type Host, hostsOf, type Layout } from "./layout.ts"
import { firstLine, ipBatch, run } from "./run.ts"

/** Builds all namespaces, links, addresses and routes. On failure the caller tears down; nothing is outside the namespaces. */
export async function buildNetwork(lab: Layout): Promise<void> {
  for (const host of hostsOf(lab)) {
    const added = await run("ip", ["netns", "add", host.namespace])
    if (added.code !== 0)
      throw new Complaint(`cannot make the network namespace ${host.namespace}: ${firstLine(added.error)}`)
  }
  await ipBatch(lab.switch.namespace, ["link add lan type bridge stp_state 0", "link set lan up", "link set lo up"])
  for (const host of [lab.client, lab.router, ...lab.nodes]) await plugIn(lab, host)
  const { wan, wan6, bgp, bgp6, layer2, layer2v6 } = lab.subnets
  await ipBatch(lab.client.namespace, [
    `link add wan type veth peer name wan netns ${lab.router.namespace}`,
    `addr add ${wan.client}/${wan.length} dev wan`,
    `addr add ${wan6.client}/${wan6.length} dev wan nodad`,
    "link set wan up",
  ])
  await ipBatch(lab.router.namespace, [
    `addr add ${wan.router}/${wan.length} dev wan`,
    `addr add ${wan6.router}/${wan6.length} dev wan nodad`,
    "link set wan up",
  ])
  await ipBatch(lab.client.namespace, [`route add ${bgp} via ${wan.router}`, `route add ${bgp6} via ${wan6.router}`])
  for (const node of lab.nodes) {
    await ipBatch(node.namespace, [
      `route add ${wan.cidr} via ${lab.router.address}`,
      `route add ${wan6.cidr} via ${lab.router.address6}`,
      // The node takes packets for every service address, as kube-proxy would make it: a local route, no address.
      `route add local ${layer2} dev lo`,
      `route add local ${bgp} dev lo`,
      `route add local ${layer2v6} dev lo`,
      `route add local ${bgp6} dev lo`,
    ])
    // … and the kernel keeps quiet about them: who answers ARP is for the speaker to say. To neighbour solicitations it
    // answers for addresses alone, so IPv6 needs nothing.
    await sysctl(node, { "net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.eth0.arp_ignore": 1 })
  }
  await sysctl(lab.router, {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.eth0.send_redirects": 0,
    "net.ipv4.fib_multipath_hash_policy": 1,
    "net.ipv6.conf.all.forwarding": 1,
    "net.ipv6.fib_multipath_hash_policy": 1,
  })
  // The client asks again soon, so that a change of the announcing node shows at once.
  await sysctl(lab.client, {
    "net.ipv4.neigh.eth0.retrans_time_ms": 100,
    "net.ipv4.neigh.eth0.base_reachable_time_ms": 1000,
    "net.ipv4.neigh.eth0.delay_first_probe_time": 1,
    "net.ipv6.neigh.eth0.retrans_time_ms": 100,
    "net.ipv6.neigh.eth0.base_reachable_time_ms": 1000,
    "net.ipv6.neigh.eth0.delay_first_probe_time": 1,
  })
}

/** One host on the segment: `eth0` inside, a bridge port outside. */
async function plugIn(lab: Layout, host: Host): Promise<void> {
  // Link-local addresses at once: nobody else is here to have them.
  await sysctl(host, { "net.ipv6.conf.default.accept_dad": 0 })
  await ipBatch(lab.switch.namespace, [
    `link add ${host.name} type veth peer name eth0 netns ${host.namespace}`,
    `link set ${host.name} master lan up`,
  ])
  await ipBatch(host.namespace, [
    "link set lo up",
    `addr add ${host.address}/${lab.subnets.lan.length} dev eth0`,
    `addr add ${host.address6}/${lab.subnets.lan.length6} dev eth0 nodad`,
    "link set eth0 up",
  ])
}

async function sysctl(host: Host, values: Readonly<Record<string, number>>): Promise<void> {
  const script = Object.entries(values).map(([key, value]) => `echo ${value} > /proc/sys/${key.replaceAll(".", "/")}`)
  const ran = await run("ip", ["netns", "exec", host.namespace, "sh", "-ec", script.join("\n")])
  if (ran.code !== 0) throw new Complaint(`cannot set the network of ${host.name}: ${firstLine(ran.error)}`)
}

/** Ends what still runs in the namespaces and removes them with all their links. Safe to call twice or half-way. */
export async function removeNetwork(lab: Layout): Promise<void> {
  // By pattern, not by this lab's hosts: the one that was killed may have had more nodes.
  const ours = new RegExp(`^troupe-${lab.name}-(switch|client|router|node-\\d+)$`)
  const there = fs.existsSync("/run/netns") ? fs.readdirSync("/run/netns") : []
  for (const namespace of there.filter((name) => ours.test(name))) {
    const { out } = await run("ip", ["netns", "pids", namespace])
    for (const pid of out.split(/\s+/).filter(Boolean)) {
      try {
        process.kill(Number(pid), "SIGKILL")
      } catch {
        // It ended by itself in the meantime.
      }
    }
    await run("ip", ["netns", "del", namespace])
  }
}

/** The MAC addresses of the nodes on the segment, to tell from an ARP answer who gave it. */
export async function nodeMacs(lab: Layout): Promise<ReadonlyMap<string, string>> {
  const macs = new Map<string, string>()
  for (const node of lab.nodes) {
    const { out } = await run("ip", ["-n", node.namespace, "-j", "link", "show", "eth0"])
    const [link] = JSON.parse(out) as { address: string }[]
    if (link) macs.set(link.address, node.name)
  }
  return macs
}
