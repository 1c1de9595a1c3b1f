import test from "ava"
import type { SpeakerMetrics } from "../../actors/announcer/messages.ts"
import { scrape } from "../../cli/daemon/metrics.ts"
import { speakerMetrics } from "../../cli/daemon/speaker-metrics.ts"

const counts = {
  yields: 1,
  contests: 2,
  conflicts: 3,
  splits: 4,
  remembered: 0,
  pauses: 5,
  probesSent: 600,
  probesMissed: 7,
}
const metrics: SpeakerMetrics = {
  node: "alpha",
  announced: [],
  handOvers: { heard: 8, unheard: 9 },
  layer2: { requestsReceived: {}, responsesSent: {}, gratuitousSent: {} },
  sessions: [],
  bfd: [],
  updates: 0,
  updateErrors: 0,
  configurationLoaded: true,
  configurationStale: false,
}
const handOvers = [
  'troupe_layer2_handovers_total{outcome="heard"} 8',
  'troupe_layer2_handovers_total{outcome="unheard"} 9',
]
const lines = async (of: SpeakerMetrics): Promise<string[]> => {
  const text = await scrape((to) => speakerMetrics(to, of))
  return text.split("\n").filter((line) => line.startsWith("troupe_layer2_"))
}

test("what was heard and done on the wire is counted, take-overs by their reason", async (t) => {
  const takeovers = { "process-dead": 2, "node-gone": 1 }
  const wire = { counts: { ...counts, takeovers }, taken: ["192.0.2.10"], yielded: [] }
  t.deepEqual(await lines({ ...metrics, layer2: { ...metrics.layer2, wire } }), [
    ...handOvers,
    'troupe_layer2_takeovers_total{reason="process-dead"} 2',
    'troupe_layer2_takeovers_total{reason="node-gone"} 1',
    "troupe_layer2_yields_total 1",
    "troupe_layer2_contests_total 2",
    "troupe_layer2_conflicts_total 3",
    "troupe_layer2_brain_splits_total 4",
    "troupe_layer2_remembered_members_total 0",
    "troupe_layer2_pauses_total 5",
    "troupe_layer2_probes_sent_total 600",
    "troupe_layer2_probes_missed_total 7",
    "troupe_layer2_taken_addresses 1",
    "troupe_layer2_yielded_addresses 0",
  ])
})

test("where nobody listens to the wire there are hand-overs alone", async (t) => {
  t.deepEqual(await lines(metrics), handOvers)
})

test("whether this node is drained, and why", async (t) => {
  const draining = async (fault?: SpeakerMetrics["fault"]) => {
    const text = await scrape((to) => speakerMetrics(to, fault === undefined ? metrics : { ...metrics, fault }))
    return text.split("\n").filter((line) => line.startsWith("troupe_draining{") && line.endsWith(" 1"))
  }
  t.deepEqual(await draining(), [])
  t.deepEqual(await draining("exclude-label"), [])
  t.deepEqual(await draining("drain-taint"), ['troupe_draining{cause="drain-taint"} 1'])
})
