import test from "ava"
import { play } from "./play.ts"
import { storyOf } from "./story.ts"
import { spread, told } from "./told.ts"

const seedsATest = 10

/** A test for every ten seeds; each of the few test files, which run side by side, takes a share of them. */
export function testSeeds(first: number, count: number): void {
  const all = { two: [] as number[], nobody: [] as number[], healed: [] as number[], moves: 0 }
  for (let from = first; from < first + count; from += seedsATest) {
    test.serial(`seeds ${from} to ${from + seedsATest - 1}`, async (t) => {
      for (let seed = from; seed < from + seedsATest; seed++) {
        const outcome = await play(storyOf(seed))
        if (outcome.violation !== undefined) return t.fail(told(outcome))
        all.two.push(...outcome.observed.twoMs)
        all.nobody.push(...outcome.observed.nobodyMs)
        all.healed.push(outcome.healedMs)
        all.moves += outcome.observed.moves
      }
      t.pass()
    })
  }
  test.serial("addresses moved", (t) => {
    t.log(`${all.moves} moves (p50 / p95 / max)`)
    t.log(`two that heard each other answered ${spread(all.two)}`)
    t.log(`nobody answered though one could ${spread(all.nobody)}`)
    t.log(`from the last fault until all was as it should be ${spread(all.healed)}`)
    t.true(all.moves > count / 4)
  })
}
