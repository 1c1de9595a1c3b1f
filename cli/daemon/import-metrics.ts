import type { BgpReport, SessionReport } from "../../actors/session/messages.ts"
import { rejections } from "../../protocols/bgp/rib-in.ts"
import type { Exporter, Samples } from "./metrics.ts"

/** What MetalLB has no names for: routes that are taken from peers, and peers that connect to us. */
export function importMetrics(
  to: Exporter,
  sessions: readonly SessionReport[],
  { listeners = [], kernel }: Pick<BgpReport, "listeners" | "kernel">,
): void {
  const importing = sessions.flatMap(({ address, port, transport, imported }) =>
    imported === undefined ? [] : [{ labels: [`${address}:${port}`, transport.vrf ?? "default"], imported }],
  )
  to.gauge(
    "troupe_bgp_imported_prefixes",
    "Number of routes taken from the peer",
    ["peer", "vrf"],
    importing.map(({ labels, imported }) => [labels, imported.accepted]),
  )
  to.counter(
    "troupe_bgp_import_rejected_total",
    "Announcements of the peer that were not taken, by reason",
    ["peer", "vrf", "reason"],
    importing.flatMap(({ labels, imported }) =>
      rejections.map((reason) => [[...labels, reason], imported.rejected[reason]] as const),
    ),
  )
  const labels = ["address", "port", "vrf"]
  const ofListeners = (value: (listener: (typeof listeners)[number]) => number): Samples =>
    listeners.map((one) => [[one.address, String(one.port), one.vrf ?? "default"], value(one)])
  to.gauge(
    "troupe_bgp_listener_up",
    "Whether peers can connect to this port",
    labels,
    ofListeners(({ error }) => Number(error === undefined)),
  )
  to.counter(
    "troupe_bgp_connections_accepted_total",
    "Connections of peers that may connect",
    labels,
    ofListeners(({ accepted }) => accepted),
  )
  to.counter(
    "troupe_bgp_connections_refused_total",
    "Connections from addresses of which no peer is known",
    labels,
    ofListeners(({ refused }) => refused),
  )
  if (kernel === undefined) return
  const plain = (value: number): Samples => [[[], value]]
  to.gauge("troupe_kernel_routes", "Imported routes in the kernel's tables", [], plain(kernel.routes))
  to.gauge("troupe_kernel_rules", "Policy rules that lead to them", [], plain(kernel.rules))
  to.gauge(
    "troupe_kernel_routes_unreachable",
    "Imported routes whose next hop this host cannot reach",
    [],
    plain(kernel.unreachable),
  )
  to.gauge("troupe_kernel_changes_failed", "Wanted changes that the kernel has refused", [], plain(kernel.failed))
}
