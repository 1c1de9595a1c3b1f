import test from "ava"
import type { SessionReport } from "../../actors/session/messages.ts"
import { peerNamed } from "../support/configuration.ts"
import { plain, put, speaker } from "./harness.ts"

const zero = { opens: 0, updates: 0, notifications: 0, keepalives: 0, routeRefreshes: 0, total: 0 }
const report = (name: string, over: Partial<SessionReport>): SessionReport => ({
  name,
  address: "10.0.0.254",
  port: 179,
  myASN: 64500,
  peerASN: 64501,
  state: "active",
  sinceMs: 1_000,
  prefixesWanted: 1,
  prefixesSent: 0,
  updatesSent: 0,
  messages: { sent: zero, received: zero },
  ups: 0,
  downs: 0,
  transport: { remote: { address: "10.0.0.254", port: 179 }, authentication: "none" },
  ...over,
})

test("sessions as objects: up and down within a second, tries to connect every ten, a thread that starts again takes none away", async (t) => {
  const it = await speaker({ gossip: "off" })
  t.teardown(() => it.system.stop())
  await it.change((cluster) => put(cluster, "web", "192.0.2.1"))
  const sets = it.cluster.sessionStateSets
  const said = () => [...(sets.at(-1)?.sessions ?? [])].map(([name, { bgpStatus }]) => `${name} ${bgpStatus}`).join()
  const told = (...sessions: readonly SessionReport[]) => it.bgpReport({ kind: "bgp-report", sessions })
  await it.pass(1_000)
  t.is(said(), "router Idle")
  t.is(sets.at(-1)?.nodeName, "charlie")

  await told(report("router", { state: "connect" }))
  await it.pass(9_000)
  t.is(sets.length, 1, "not yet")
  await told(report("router", { state: "active", lastError: "refused" }))
  await it.pass(1_000)
  t.deepEqual(sets.at(-1)?.sessions.get("router"), {
    peer: "10.0.0.254",
    bgpStatus: "Active",
    bfdStatus: "N/A",
    lastError: "refused",
  })
  t.is(sets.length, 2)

  await told(report("router", { state: "established", sinceMs: 5_000, prefixesSent: 1 }))
  await it.pass(1_000)
  t.like(sets.at(-1)?.sessions.get("router"), { bgpStatus: "Established", establishedSinceMs: 5_000 })
  for (let prefixesSent = 2; prefixesSent < 50; prefixesSent++) {
    await told(report("router", { state: "established", sinceMs: 5_000, prefixesSent }))
  }
  await it.pass(30_000)
  t.is(sets.length, 3, "prefixes are not in it")

  await told()
  await it.pass(2_000)
  t.is(said(), "router Idle", "wanted, and nothing known of it")
  await it.change((cluster) =>
    cluster.configure({
      ...plain,
      peers: [peerNamed("other", { myASN: 64500, peerASN: 64501, peerAddress: "10.0.0.253" })],
    }),
  )
  await it.pass(2_000)
  t.is(said(), "other Idle")
})
