import type { MessageCounts, SessionReport } from "../../actors/session/messages.ts"
import type { Exporter, Samples } from "./metrics.ts"

/**
 * Names and help of MetalLB's native mode and of its FRR mode together, so that dashboards of either go on working. `peer`
 * is `<address>:<port>`; `vrf`, which only FRR mode has, is on all of them.
 */
export function bgpMetrics(to: Exporter, sessions: readonly SessionReport[]): void {
  const labels = ["peer", "vrf"]
  // Two sessions with one peer, from different addresses of ours, are one to these labels.
  const byLabels = Map.groupBy(sessions, ({ address, port, transport }) =>
    JSON.stringify([`${address}:${port}`, transport.vrf ?? "default"]),
  )
  const samples = (value: (alike: readonly SessionReport[]) => number): Samples =>
    [...byLabels].map(([key, alike]) => [JSON.parse(key) as string[], value(alike)])
  const sum = (value: (session: SessionReport) => number): Samples =>
    samples((alike) => alike.reduce((total, session) => total + value(session), 0))
  to.gauge(
    "metallb_bgp_session_up",
    "BGP session state (1 is up, 0 is down)",
    labels,
    samples((alike) => Number(alike.every(({ state }) => state === "established"))),
  )
  to.gauge(
    "metallb_bgp_announced_prefixes_total",
    "Number of prefixes currently being advertised on the BGP session",
    labels,
    sum(({ prefixesSent }) => prefixesSent),
  )
  to.gauge(
    "metallb_bgp_pending_prefixes_total",
    "Number of prefixes that should be advertised on the BGP session",
    labels,
    sum(({ prefixesWanted }) => prefixesWanted),
  )
  to.gauge(
    "metallb_bgp_received_prefixes_total",
    "Number of prefixes currently taken from the peer, where they are imported",
    labels,
    [...byLabels].flatMap(([key, alike]) => {
      const taken = alike.flatMap(({ imported }) => (imported === undefined ? [] : [imported.accepted]))
      return taken.length === 0 ? [] : [[JSON.parse(key) as string[], taken.reduce((a, b) => a + b, 0)] as const]
    }),
  )
  to.counter(
    "metallb_bgp_updates_total",
    "Number of BGP UPDATE messages sent",
    labels,
    sum(({ updatesSent }) => updatesSent),
  )
  for (const [name, direction, key, help] of messageCounters)
    to.counter(
      name,
      help,
      labels,
      sum(({ messages }) => messages[direction][key]),
    )
  to.counter(
    "troupe_bgp_session_ups_total",
    "Times that the BGP session came up",
    labels,
    sum(({ ups }) => ups),
  )
  to.counter(
    "troupe_bgp_session_downs_total",
    "Times that an established BGP session was lost or ended",
    labels,
    sum(({ downs }) => downs),
  )
}

const messageCounters: readonly (readonly [
  name: string,
  direction: "sent" | "received",
  key: keyof MessageCounts,
  help: string,
])[] = [
  ["metallb_bgp_opens_sent", "sent", "opens", "Number of BGP OPEN messages sent"],
  ["metallb_bgp_opens_received", "received", "opens", "Number of BGP OPEN messages received"],
  ["metallb_bgp_notifications_sent", "sent", "notifications", "Number of BGP NOTIFICATION messages sent"],
  ["metallb_bgp_updates_total_received", "received", "updates", "Number of BGP UPDATE messages received"],
  ["metallb_bgp_keepalives_sent", "sent", "keepalives", "Number of BGP KEEPALIVE messages sent"],
  ["metallb_bgp_keepalives_received", "received", "keepalives", "Number of BGP KEEPALIVE messages received"],
  ["metallb_bgp_route_refresh_sent", "sent", "routeRefreshes", "Number of BGP ROUTE-REFRESH messages sent"],
  ["metallb_bgp_total_sent", "sent", "total", "Number of BGP messages sent"],
  ["metallb_bgp_total_received", "received", "total", "Number of BGP messages received"],
  [
    "troupe_bgp_notifications_received_total",
    "received",
    "notifications",
    "Number of BGP NOTIFICATION messages received",
  ],
  [
    "troupe_bgp_route_refresh_received_total",
    "received",
    "routeRefreshes",
    "Number of BGP ROUTE-REFRESH messages received",
  ],
]
