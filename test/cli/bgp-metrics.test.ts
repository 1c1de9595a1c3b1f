import test from "ava"
import type { SessionReport } from "../../actors/session/messages.ts"
import { bgpMetrics } from "../../cli/daemon/bgp-metrics.ts"
import { scrape } from "../../cli/daemon/metrics.ts"

const zero = { opens: 0, updates: 0, notifications: 0, keepalives: 0, routeRefreshes: 0, total: 0 }
const session = (name: string, state: SessionReport["state"], prefixesSent: number, vrf?: string): SessionReport => ({
  name,
  address: "192.0.2.1",
  port: 179,
  myASN: 64500,
  peerASN: 64501,
  state,
  sinceMs: 0,
  prefixesWanted: 3,
  prefixesSent,
  updatesSent: 4,
  messages: { sent: { ...zero, opens: 1 }, received: zero },
  ups: 1,
  downs: 0,
  transport: {
    remote: { address: "192.0.2.1", port: 179 },
    authentication: "none",
    ...(vrf === undefined ? {} : { vrf }),
  },
})

test("two sessions with one address and port: up when both are, counts together; another VRF is another peer", async (t) => {
  const sessions = [
    session("from-a", "established", 3),
    session("from-b", "active", 0),
    session("red", "established", 2, "red"),
  ]
  const lines = (await scrape((to) => bgpMetrics(to, sessions))).split("\n")
  const peer = 'peer="192.0.2.1:179"'
  for (const line of [
    `metallb_bgp_session_up{${peer},vrf="default"} 0`,
    `metallb_bgp_session_up{${peer},vrf="red"} 1`,
    `metallb_bgp_announced_prefixes_total{${peer},vrf="default"} 3`,
    `metallb_bgp_announced_prefixes_total{${peer},vrf="red"} 2`,
    `metallb_bgp_pending_prefixes_total{${peer},vrf="default"} 6`,
    `metallb_bgp_opens_sent{${peer},vrf="default"} 2`,
  ])
    t.true(lines.includes(line), `${line} in\n${lines.join("\n")}`)
})
