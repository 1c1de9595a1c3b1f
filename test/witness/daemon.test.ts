// What the command line makes of the witness: flags, metrics, words.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import test from "ava"
import type { SpeakerMetrics, WitnessStatus } from "../../actors/announcer/messages.ts"
import { Complaint } from "../../cli/complaint.ts"
import { scrape } from "../../cli/daemon/metrics.ts"
import { speakerMetrics } from "../../cli/daemon/speaker-metrics.ts"
import { speakerFlags } from "../../cli/flags/daemon.ts"
import { parseFlags } from "../../cli/flags/parse.ts"
import { openWitness, passwordVariable } from "../../cli/witness/open.ts"

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-witness-"))
test.after.always(() => fs.rmSync(directory, { recursive: true }))

async function opened(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const flags = parseFlags(speakerFlags, args, env)
  if (!flags.ok) throw new Error(flags.error)
  const witness = await openWitness(flags.value, env)
  witness?.store.close()
  return witness
}

test("none by default; by flag or environment; nothing is asked of it to start", async (t) => {
  t.is(await opened([]), undefined)
  const witness = await opened(["--witness=redis://:hidden@192.0.2.1:7000/2"])
  t.deepEqual([witness?.store.where, witness?.onSplit], ["redis://192.0.2.1:7000/2", "settle"])
  const other = await opened(["--witness-split=fence"], { TROUPE_WITNESS: "unix:///run/redis.sock" })
  t.deepEqual([other?.store.where, other?.onSplit], ["unix:///run/redis.sock", "fence"])
  const file = path.join(directory, "password")
  fs.writeFileSync(file, "secret\n")
  t.truthy(await opened(["--witness=redis://h", `--witness-password-file=${file}`]))
  t.truthy(await opened(["--witness=redis://h"], { [passwordVariable]: "secret" }))
})

for (const [args, sentence] of [
  [["--witness=http://:hunter2@h"], /^witness must be redis:\/\/HOST/],
  [["--witness=redis://h", "--witness-split=maybe"], /^witness-split: "maybe" is none of report, settle, fence$/],
  [["--witness=redis://h", "--witness-prefix=a b"], /^witness-prefix must be/],
  [["--witness=redis://h", "--witness-password-file=/nowhere/at/all"], /^witness-password-file: cannot read .*ENOENT$/],
] as const) {
  test(`one sentence: ${args.join(" ")}`, async (t) => {
    const complaint = await t.throwsAsync(opened(args), { instanceOf: Complaint })
    t.regex(complaint.message, sentence)
    t.notRegex(complaint.message, /hunter2/)
  })
}

const metrics: SpeakerMetrics = {
  node: "alpha",
  announced: [],
  handOvers: { heard: 0, unheard: 0 },
  layer2: { requestsReceived: {}, responsesSent: {}, gratuitousSent: {} },
  sessions: [],
  bfd: [],
  updates: 0,
  updateErrors: 0,
  configurationLoaded: true,
  configurationStale: false,
}
const witness: WitnessStatus = {
  where: "redis://h:6379",
  up: true,
  claims: 3,
  unclaimed: 0,
  conflicts: [
    { ip: "192.0.2.1", node: "bravo", macs: [], epoch: 2, ownEpoch: 1 },
    { ip: "192.0.2.2", node: "bravo", macs: [], epoch: 2 },
  ],
  counts: { failures: 4, splits: 5 },
  onSplit: "fence",
  left: ["192.0.2.2"],
}
const lines = async (of: SpeakerMetrics): Promise<string[]> => {
  const text = await scrape((to) => speakerMetrics(to, of))
  return text.split("\n").filter((line) => /^troupe_(witness|layer2_(election|sticky))/.test(line))
}

test("metrics: only where there is a witness, or a policy", async (t) => {
  t.deepEqual(await lines(metrics), [])
  t.deepEqual(await lines({ ...metrics, witness }), [
    "troupe_witness_up 1",
    "troupe_witness_claims 3",
    "troupe_witness_unclaimed 0",
    "troupe_witness_conflicts 1",
    "troupe_witness_left_addresses 1",
    "troupe_witness_brain_splits_total 5",
    "troupe_witness_failures_total 4",
  ])
  for (const up of [false, undefined])
    t.is((await lines({ ...metrics, witness: { ...witness, up } }))[0], "troupe_witness_up 0")
  t.deepEqual(
    await lines({ ...metrics, policies: { state: "off", reason: "bravo is no speaker of ours", claims: 2 } }),
    ["troupe_layer2_election_policies 0", "troupe_layer2_sticky_claims 2"],
  )
})
