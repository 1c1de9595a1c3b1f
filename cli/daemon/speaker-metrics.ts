import type { PoliciesStatus, SpeakerMetrics } from "../../actors/announcer/messages.ts"
import type { BfdSessionReport } from "../../actors/bfd/messages.ts"
import type { Layer2WireReport } from "../../actors/announcer/layer2/messages.ts"
import { bgpMetrics } from "./bgp-metrics.ts"
import { importMetrics } from "./import-metrics.ts"
import { clientMetrics, type Exporter, type Samples } from "./metrics.ts"
import { witnessMetrics } from "./witness-metrics.ts"
import type { Work } from "./work-metrics.ts"

const drainCauses = ["drain-command", "drain-taint", "out-of-service", "leaving"] as const

/** MetalLB's names, labels and help, so that its dashboards and alerts go on working. */
export function speakerMetrics(to: Exporter, metrics: SpeakerMetrics): void {
  const { node, announced, layer2, sessions } = metrics
  const byIp = (counts: Readonly<Record<string, number>>): Samples =>
    Object.entries(counts).map(([ip, count]) => [[ip], count])
  const plain = (value: number): Samples => [[[], value]]
  to.gauge(
    "metallb_speaker_announced",
    "Services being announced from this node. This is desired state only",
    ["service", "protocol", "node", "ip"],
    announced.map(({ service, protocol, ip }) => [[service, protocol, node, ip], 1]),
  )
  to.counter(
    "metallb_layer2_requests_received",
    "Number of layer2 requests received for owned IPs",
    ["ip"],
    byIp(layer2.requestsReceived),
  )
  to.counter(
    "metallb_layer2_responses_sent",
    "Number of layer2 responses sent for owned IPs",
    ["ip"],
    byIp(layer2.responsesSent),
  )
  to.counter(
    "metallb_layer2_gratuitous_sent",
    "Number of gratuitous layer2 packets sent for owned IPs",
    ["ip"],
    byIp(layer2.gratuitousSent),
  )
  to.counter(
    "troupe_layer2_frames_dropped_total",
    "ARP and neighbour discovery frames that no honest host would have sent, by what was wrong with them",
    ["reason"],
    byIp(layer2.dropped ?? {}),
  )
  to.gauge(
    "troupe_draining",
    "1 while this node hands over what it announces and takes nothing, by the cause",
    ["cause"],
    drainCauses.map((cause) => [[cause], Number(metrics.fault === cause)]),
  )
  to.counter(
    "troupe_layer2_handovers_total",
    "Addresses that another node leads now, by whether that one was heard to take them in time",
    ["outcome"],
    Object.entries(metrics.handOvers).map(([outcome, count]) => [[outcome], count]),
  )
  const { wire } = layer2
  if (wire !== undefined) wireMetrics(to, wire, plain)
  if (metrics.policies !== undefined) policyMetrics(to, metrics.policies)
  witnessMetrics(to, metrics.witness)
  bgpMetrics(to, sessions)
  importMetrics(to, sessions, metrics)
  bfdMetrics(to, metrics.bfd)
  clientMetrics(to, {
    updates: metrics.updates,
    updateErrors: metrics.updateErrors,
    loaded: metrics.configurationLoaded,
    stale: metrics.configurationStale,
  })
}

/** The queues under the names of MetalLB's controllers. */
export function speakerWork({ deciding, configuring }: SpeakerMetrics): readonly Work[] {
  return [
    ...(deciding ? [{ name: "service", counts: deciding, workers: 1 }] : []),
    ...(configuring ? [{ name: "bgppeer", counts: configuring, workers: 1, unqueued: true }] : []),
  ]
}

/** Names, labels and help of MetalLB's FRR mode. */
function bfdMetrics(to: Exporter, sessions: readonly BfdSessionReport[]): void {
  const labels = ["peer", "vrf"]
  // Two sessions with one peer, from different addresses of ours, are one to these labels.
  const byPeer = Map.groupBy(sessions, ({ peer, vrf = "default" }) => `${peer} ${vrf}`)
  const samples = (value: (ofPeer: readonly BfdSessionReport[]) => number): Samples =>
    [...byPeer.values()].map((ofPeer) => [[ofPeer[0]?.peer ?? "", ofPeer[0]?.vrf ?? "default"], value(ofPeer)])
  to.gauge(
    "metallb_bfd_session_up",
    "BFD session state (1 is up, 0 is down)",
    labels,
    samples((ofPeer) => Number(ofPeer.every(({ state }) => state === "up"))),
  )
  const counters = [
    ["control_packet_input", "controlPacketInput", "Number of received BFD control packets"],
    ["control_packet_output", "controlPacketOutput", "Number of sent BFD control packets"],
    ["echo_packet_input", "echoPacketInput", "Number of received BFD echo packets"],
    ["echo_packet_output", "echoPacketOutput", "Number of sent BFD echo packets"],
    ["session_up_events", "sessionUpEvents", "Number of BFD session up events"],
    ["session_down_events", "sessionDownEvents", "Number of BFD session down events"],
    ["zebra_notifications", "notifications", "Number of changes of BFD sessions that were reported"],
  ] as const
  for (const [name, key, help] of counters)
    to.counter(
      `metallb_bfd_${name}`,
      help,
      labels,
      samples((ofPeer) => ofPeer.reduce((sum, { counters }) => sum + counters[key], 0)),
    )
}

/** Our own: election policies, where an L2Advertisement asks for one. */
function policyMetrics(to: Exporter, { state, claims }: PoliciesStatus): void {
  const on = Number(state === "on")
  to.gauge(
    "troupe_layer2_election_policies",
    "1 while election policies are in force, 0 while they are off",
    [],
    [[[], on]],
  )
  to.gauge("troupe_layer2_sticky_claims", "Addresses that this node keeps by the policy sticky", [], [[[], claims]])
}

/** Our own: what was heard and done on layer 2 besides gossip. */
function wireMetrics(
  to: Exporter,
  { counts, taken, yielded }: Layer2WireReport,
  plain: (value: number) => Samples,
): void {
  to.counter(
    "troupe_layer2_takeovers_total",
    "Addresses taken over from a silent leader before gossip knew, by the evidence",
    ["reason"],
    Object.entries(counts.takeovers).map(([reason, count]) => [[reason], count]),
  )
  const counters = [
    ["yields", "Addresses given to a member that comes before this node"],
    ["contests", "Claims of other members for addresses of this node"],
    ["conflicts", "Claims of strangers for addresses of this node"],
    ["splits", "Times that gossip called a member dead which had an address on the wire"],
    [
      "remembered",
      "Members that neither gossip nor the API server knew any more and that were still heard on the wire",
    ],
    ["pauses", "Times that the layer 2 thread was late and took back every doubt"],
    ["probesSent", "Probes of leaders"],
    ["probesMissed", "Probes of leaders without an answer"],
  ] as const
  const names: Readonly<Record<(typeof counters)[number][0], string>> = {
    yields: "troupe_layer2_yields_total",
    contests: "troupe_layer2_contests_total",
    conflicts: "troupe_layer2_conflicts_total",
    splits: "troupe_layer2_brain_splits_total",
    remembered: "troupe_layer2_remembered_members_total",
    pauses: "troupe_layer2_pauses_total",
    probesSent: "troupe_layer2_probes_sent_total",
    probesMissed: "troupe_layer2_probes_missed_total",
  }
  for (const [key, help] of counters) to.counter(names[key], help, [], plain(counts[key]))
  to.gauge(
    "troupe_layer2_taken_addresses",
    "Addresses answered for in place of a silent leader",
    [],
    plain(taken.length),
  )
  to.gauge(
    "troupe_layer2_yielded_addresses",
    "Addresses left to a member against gossip's word",
    [],
    plain(yielded.length),
  )
}
