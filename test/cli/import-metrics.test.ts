import test from "ava"
import type { SessionReport } from "../../actors/session/messages.ts"
import { importMetrics } from "../../cli/daemon/import-metrics.ts"
import { scrape } from "../../cli/daemon/metrics.ts"
import { nothingRejected } from "../../protocols/bgp/rib-in.ts"

const session = (address: string, imported?: SessionReport["imported"]): SessionReport =>
  ({ address, port: 179, transport: {}, ...(imported === undefined ? {} : { imported }) }) as unknown as SessionReport

test("imports, listeners and the kernel's copy", async (t) => {
  const rejected = { ...nothingRejected(), filtered: 7, loop: 1 }
  const sessions = [session("192.0.2.1", { accepted: 3, maximum: 10, surplus: false, rejected }), session("192.0.2.2")]
  const listeners = [
    { address: "0.0.0.0", port: 179, peers: 2, accepted: 5, refused: 4 },
    { address: "::", port: 1790, vrf: "red", peers: 1, accepted: 0, refused: 0, error: "address already in use" },
  ]
  const kernel = { routes: 3, rules: 2, unreachable: 1, failed: 0 }
  const lines = (await scrape((to) => importMetrics(to, sessions, { listeners, kernel }))).split("\n")
  for (const line of [
    'troupe_bgp_imported_prefixes{peer="192.0.2.1:179",vrf="default"} 3',
    'troupe_bgp_import_rejected_total{peer="192.0.2.1:179",vrf="default",reason="filtered"} 7',
    'troupe_bgp_import_rejected_total{peer="192.0.2.1:179",vrf="default",reason="loop"} 1',
    'troupe_bgp_import_rejected_total{peer="192.0.2.1:179",vrf="default",reason="maximum"} 0',
    'troupe_bgp_listener_up{address="0.0.0.0",port="179",vrf="default"} 1',
    'troupe_bgp_listener_up{address="::",port="1790",vrf="red"} 0',
    'troupe_bgp_connections_accepted_total{address="0.0.0.0",port="179",vrf="default"} 5',
    'troupe_bgp_connections_refused_total{address="0.0.0.0",port="179",vrf="default"} 4',
    "troupe_kernel_routes 3",
    "troupe_kernel_rules 2",
    "troupe_kernel_routes_unreachable 1",
    "troupe_kernel_changes_failed 0",
  ])
    t.true(lines.includes(line), line)
  t.false(
    lines.some((line) => line.includes("192.0.2.2")),
    "nothing is taken from that one",
  )
})
