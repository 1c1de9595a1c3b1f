// Many simulated clusters, each by its seed: `node bin/with-node.mjs test/simulated/nightly.ts`
//   --seeds 1-10000   which; --jobs N: processes at once, as many as there are processors unless given
//   --seed 4711       one of them, with what happened in it
//   --story JSON      one that was printed by a failure
// Ends with 1 when an invariant broke, and prints the smallest story in which it still does.
import { type ChildProcess, fork } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { type Outcome, play } from "./play.ts"
import { shrink } from "./shrink.ts"
import { type Story, storyOf } from "./story.ts"
import { spread, told } from "./told.ts"

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1-10000" },
    jobs: { type: "string", default: `${availableParallelism()}` },
    seed: { type: "string" },
    story: { type: "string" },
    worker: { type: "boolean", default: false },
  },
})

/** The actor systems of a story are never stopped, so their memory goes with the process. */
const seedsPerProcess = 40

interface Played {
  readonly seed: number
  readonly outcome: Pick<Outcome, "observed" | "healedMs" | "virtualMs">
  /** Of the smallest story; absent: nothing broke. */
  readonly failure?: string
}

async function one(story: Story): Promise<number> {
  const outcome = await play(story)
  if (outcome.violation === undefined) {
    const { observed, healedMs, virtualMs } = outcome
    console.log(told(outcome))
    console.log(`nothing broke in ${Math.round(virtualMs / 1000)} s; healed after ${healedMs} ms`, observed)
    return 0
  }
  console.log(told(await shrink(outcome, (text) => console.log(`  smaller: ${text}`))))
  return 1
}

/** Plays the seeds that it is sent, one after the other. */
function work(): void {
  process.on("message", (seed: number) => void playAndSend(seed))
}

async function playAndSend(seed: number): Promise<void> {
  const outcome = await play(storyOf(seed))
  const { observed, healedMs, virtualMs, violation } = outcome
  const failure = violation === undefined ? {} : { failure: told(await shrink(outcome)) }
  const played: Played = { seed, outcome: { observed, healedMs, virtualMs }, ...failure }
  process.send?.(played)
}

async function many(range: string, jobs: number): Promise<number> {
  const [first = 1, last = first] = range.split("-").map(Number)
  const all = { two: [] as number[], nobody: [] as number[], healed: [] as number[], moves: 0, virtualMs: 0 }
  const failed: number[] = []
  let [next, done] = [first, 0]
  const beganMs = performance.now()
  const progress = () => {
    const minutes = (performance.now() - beganMs) / 60_000
    const hours = all.virtualMs / 3_600_000
    console.log(
      `${done} of ${last - first + 1} seeds, ${hours.toFixed(1)} h simulated in ${minutes.toFixed(1)} min, ${failed.length} failed`,
    )
  }
  const timer = setInterval(progress, 60_000)
  const served = (worker: ChildProcess) =>
    new Promise<void>((resolve, reject) => {
      let given = 0
      const give = () => {
        if (next > last || given++ === seedsPerProcess) worker.disconnect()
        else worker.send(next++)
      }
      worker.on("message", ({ seed, outcome, failure }: Played) => {
        done++
        all.two.push(...outcome.observed.twoMs)
        all.nobody.push(...outcome.observed.nobodyMs)
        all.healed.push(outcome.healedMs)
        all.moves += outcome.observed.moves
        all.virtualMs += outcome.virtualMs
        if (failure !== undefined) {
          failed.push(seed)
          console.log(failure)
        }
        give()
      })
      worker.on("error", reject)
      worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
      give()
    })
  const program = fileURLToPath(import.meta.url)
  const serve = async (): Promise<void> => {
    await served(fork(program, ["--worker"]))
    if (next <= last) await serve()
  }
  await Promise.all(Array.from({ length: jobs }, serve))
  clearInterval(timer)
  progress()
  console.log(`${all.moves} moves of addresses`)
  console.log(`two that heard each other answered: ${spread(all.two)} (p50 / p95 / max)`)
  console.log(`nobody answered though one could:   ${spread(all.nobody)}`)
  console.log(`from the last fault until all was as it should be: ${spread(all.healed)}`)
  if (failed.length > 0) console.log(`failed: ${failed.sort((a, b) => a - b).join(", ")}`)
  return failed.length === 0 ? 0 : 1
}

if (values.worker) work()
else if (values.story !== undefined) process.exitCode = await one(JSON.parse(values.story) as Story)
else if (values.seed !== undefined) process.exitCode = await one(storyOf(Number(values.seed)))
else process.exitCode = await many(values.seeds, Number(values.jobs))
