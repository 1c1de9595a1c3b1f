// One row for each rule: what is known of a silent speaker, and what follows.
import test from "ava"
import { describeLiveness, type Evidence, judge } from "../../cluster/liveness/judge.ts"
import { livenessSettings } from "../../cluster/liveness/settings.ts"

const nothing: Evidence = {
  missed: 1,
  silentMs: 60,
  port: "unknown",
  kernel: "unknown",
  witnesses: "unknown",
  gossip: "unknown",
  linkWithdrawn: false,
}
const hung = { missed: 7, silentMs: 400, kernel: "answers", gossip: "silent" } as const
const long = { missed: 10, silentMs: 701 }
const gone = { kernel: "silent", witnesses: "answer", gossip: "silent" } as const

const rows: readonly [name: string, evidence: Partial<Evidence>, decision: string, rule: string][] = [
  ["nothing missed, whatever else", { missed: 0, port: "refused" }, "wait", "unanswered"],
  ["nothing known yet", {}, "wait", "evidence-missing"],
  ["its machine refuses connections", { port: "refused" }, "process-dead", "connection-refused"],
  [
    "refused counts though its kernel answers",
    { port: "refused", kernel: "answers" },
    "process-dead",
    "connection-refused",
  ],
  ["a machine that is gone", gone, "node-gone", "kernel-silent"],
  ["gone, but gossip reaches it through others", { ...gone, gossip: "alive" }, "wait", "gossip-answers"],
  ["gone, but we hear nobody", { ...gone, witnesses: "silent" }, "wait", "isolated"],
  ["we hear nobody, however long", { ...gone, ...long, witnesses: "silent" }, "wait", "isolated"],
  ["gone, others not heard yet", { ...gone, witnesses: "unknown" }, "wait", "evidence-missing"],
  ["two nodes alone: nobody to ask", { ...gone, witnesses: "none" }, "wait", "too-soon"],
  ["two nodes alone, after long", { ...gone, ...long, witnesses: "none" }, "node-gone", "no-witness"],
  ["gone, and gossip's thread has no time", { ...gone, gossip: "unknown" }, "wait", "too-soon"],
  ["… not for ever", { ...gone, ...long, gossip: "unknown" }, "node-gone", "gossip-unknown"],
  ["paused for 300 ms", { ...hung, missed: 4, silentMs: 300 }, "wait", "too-soon"],
  ["… and what comes on top of that where processors are busy", { ...hung, silentMs: 390 }, "wait", "too-soon"],
  ["hung", hung, "speaker-hung", "machine-answers"],
  [
    "hung for long",
    { ...long, kernel: "answers", port: "accepts", gossip: "silent" },
    "speaker-hung",
    "machine-answers",
  ],
  ["only its packet thread is away", { ...long, kernel: "answers", gossip: "alive" }, "wait", "gossip-answers"],
  ["hung, as far as one can see without gossip", { ...long, kernel: "answers" }, "wait", "evidence-missing"],
  [
    "TCP shows its machine where ARP cannot",
    { ...long, kernel: "elsewhere", port: "accepts", gossip: "silent", witnesses: "none" },
    "speaker-hung",
    "gossip-silent",
  ],
  [
    "its kernel was never heard here",
    { ...long, kernel: "elsewhere", witnesses: "answer", gossip: "silent" },
    "wait",
    "evidence-missing",
  ],
  [
    "… and its port is silent too",
    { ...long, kernel: "elsewhere", port: "no-answer", witnesses: "answer", gossip: "silent" },
    "node-gone",
    "witness-answers",
  ],
  [
    "it says that its link is down",
    { ...gone, missed: 2, gossip: "alive", linkWithdrawn: true },
    "link-withdrawn",
    "link-withdrawn",
  ],
  [
    "it says so, and its machine answers here",
    { ...long, kernel: "answers", gossip: "alive", linkWithdrawn: true },
    "wait",
    "gossip-answers",
  ],
]

for (const [name, evidence, decision, rule] of rows) {
  test(name, (t) => {
    const verdict = judge({ ...nothing, ...evidence }, livenessSettings)
    t.is(verdict.decision.kind === "wait" ? "wait" : verdict.decision.cause, decision)
    t.true(
      verdict.because.some((reason) => reason.rule === rule),
      JSON.stringify(verdict.because),
    )
    for (const reason of verdict.because) t.regex(describeLiveness(reason), /^[\w ].{8,}$/)
  })
}

test("nothing is taken over without a missed probe, and nothing from a member that gossip hears", (t) => {
  const ports = ["unknown", "refused", "accepts", "no-answer"] as const
  const kernels = ["unknown", "answers", "silent", "elsewhere"] as const
  const witnesses = ["unknown", "answer", "silent", "none"] as const
  const gossips = ["unknown", "alive", "silent"] as const
  for (const port of ports)
    for (const kernel of kernels)
      for (const witness of witnesses)
        for (const gossip of gossips)
          for (const [missed, silentMs] of [
            [0, 0],
            [1, 60],
            [3, 300],
            [7, 500],
            [9, 900],
          ] as const) {
            const evidence = { ...nothing, port, kernel, witnesses: witness, gossip, missed, silentMs }
            const taken = judge(evidence, livenessSettings).decision.kind === "take-over"
            if (missed === 0) t.false(taken)
            if (gossip === "alive" && port !== "refused") t.false(taken)
            if (witness === "silent" && kernel !== "answers" && port !== "accepts" && port !== "refused") t.false(taken)
            if (!taken || port === "refused" || silentMs >= 700) continue
            if (silentMs < 400) t.deepEqual([kernel, witness, gossip], ["silent", "answer", "silent"])
            t.is(gossip, "silent", "nothing is quick without gossip's word")
          }
})
