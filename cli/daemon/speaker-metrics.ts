import type { SpeakerMetrics } from "../../actors/announcer/messages.ts"
import type { Exporter, Samples } from "./metrics.ts"

/** MetalLB's names, labels and help, so that its dashboards and alerts go on working. */
export function speakerMetrics(to: Exporter, metrics: SpeakerMetrics): void {
  const { node, announced, layer2, sessions } = metrics
  const byIp = (counts: Readonly<Record<string, number>>): Samples =>
    Object.entries(counts).map(([ip, count]) => [[ip], count])
  const plain = (value: number | boolean): Samples => [[[], Number(value)]]
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
  const perPeer = (value: (session: SpeakerMetrics["sessions"][number]) => number): Samples =>
    sessions.map((session) => [[`${session.address}:${session.port}`], value(session)])
  to.gauge(
    "metallb_bgp_session_up",
    "BGP session state (1 is up, 0 is down)",
    ["peer"],
    perPeer(({ state }) => Number(state === "established")),
  )
  to.counter(
    "metallb_bgp_updates_total",
    "Number of BGP UPDATE messages sent",
    ["peer"],
    perPeer(({ updatesSent }) => updatesSent),
  )
  to.gauge(
    "metallb_bgp_announced_prefixes_total",
    "Number of prefixes currently being advertised on the BGP session",
    ["peer"],
    perPeer(({ prefixesSent }) => prefixesSent),
  )
  to.gauge(
    "metallb_bgp_pending_prefixes_total",
    "Number of prefixes that should be advertised on the BGP session",
    ["peer"],
    perPeer(({ prefixesWanted }) => prefixesWanted),
  )
  to.counter(
    "metallb_k8s_client_updates_total",
    "Number of k8s object updates that have been processed",
    [],
    plain(metrics.updates),
  )
  to.counter(
    "metallb_k8s_client_update_errors_total",
    "Number of k8s object updates that failed for some reason",
    [],
    plain(metrics.updateErrors),
  )
  to.gauge(
    "metallb_k8s_client_config_loaded_bool",
    "1 if the MetalLB configuration was successfully loaded at least once",
    [],
    plain(metrics.configurationLoaded),
  )
  to.gauge(
    "metallb_k8s_client_config_stale_bool",
    "1 if running on a stale configuration, because the latest config failed to load",
    [],
    plain(metrics.configurationStale),
  )
}
