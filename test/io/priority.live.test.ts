import test from "ava"
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { missing } from "./namespaces.ts"

const reason = missing()
const live = reason === undefined ? test : test.skip
const roundRobin = 2

live(
  `real-time priority is the asking thread's alone${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  async (t) => {
    const worker = new Worker(new URL("./programs/priority-worker.ts", import.meta.url))
    const [said] = (await once(worker, "message")) as [
      { outcome: { ok: boolean; error?: { code: string } }; policies: readonly { main: boolean; policy: number }[] },
    ]
    t.true(said.outcome.ok)
    t.is(said.policies.filter(({ policy }) => policy === roundRobin).length, 1)
    t.is(said.policies.find(({ main }) => main)?.policy, 0)
    await worker.terminate()
  },
)
