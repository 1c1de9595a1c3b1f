import test from "ava"
import { memberlistSettings } from "../../cli/daemon/memberlist-file.ts"
import { settingsOf } from "../../cluster/machine/settings.ts"

const whole = {
  TCPTimeout: "10s",
  IndirectChecks: 3,
  RetransmitMult: 4,
  SuspicionMult: 4,
  SuspicionMaxTimeoutMult: 6,
  PushPullInterval: "30s",
  ProbeTimeout: "500ms",
  ProbeInterval: "1s",
  DisableTcpPings: false,
  AwarenessMaxMultiplier: 8,
  GossipNodes: 3,
  GossipInterval: "200ms",
  GossipToTheDeadTime: "30s",
  GossipVerifyIncoming: true,
  GossipVerifyOutgoing: true,
  EnableCompression: true,
  HandoffQueueDepth: 1024,
  UDPBufferSize: 1400,
  QueueCheckInterval: "30s",
}
const read = (change: Readonly<Record<string, unknown>> = {}) =>
  memberlistSettings(JSON.stringify({ ...whole, ...change }))

test("MetalLB's defaults written out are the LAN profile", (t) => {
  t.deepEqual(read(), { ok: true, value: settingsOf("lan") })
})

test("every key counts, in any case", (t) => {
  const { ProbeInterval, ...rest } = whole
  const result = memberlistSettings(JSON.stringify({ ...rest, probeinterval: "250ms", GossipNodes: 5 }))
  t.deepEqual(result, { ok: true, value: { ...settingsOf("lan"), probeIntervalMs: 250, gossipNodes: 5 } })
  t.is(ProbeInterval, "1s")
})

test("what is wrong is named", (t) => {
  t.deepEqual(memberlistSettings("{"), { ok: false, error: "this is no JSON" })
  t.deepEqual(memberlistSettings("[]"), { ok: false, error: "this is no JSON object" })
  t.deepEqual(read({ ProbeTimeout: "soon" }), {
    ok: false,
    error: 'ProbeTimeout: "soon" is no duration such as "500ms"',
  })
  t.deepEqual(read({ GossipNodes: 1.5 }), { ok: false, error: "GossipNodes: 1.5 is no whole number" })
  t.deepEqual(read({ DisableTcpPings: "no" }), { ok: false, error: 'DisableTcpPings: "no" is neither true nor false' })
  for (const key of Object.keys(whole)) {
    t.deepEqual(read({ [key]: undefined }), { ok: false, error: `${key} is missing` })
  }
})
