import test from "ava"
import { play } from "./play.ts"
import { storyOf } from "./story.ts"
import { spread, told } from "./told.ts"

/** One test for so many seeds; each of the few test files, which run side by side, takes a share of them. */
export function testSeeds(first: number, count: number): void {
  test(`seeds ${first} to ${first + count - 1}`, async (t) => {
    t.timeout(600_000)
    const [two, nobody, healed]: number[][] = [[], [], []]
    let moves = 0
    for (let seed = first; seed < first + count; seed++) {
      const outcome = await play(storyOf(seed))
      if (outcome.violation !== undefined) return t.fail(told(outcome))
      two?.push(...outcome.observed.twoMs)
      nobody?.push(...outcome.observed.nobodyMs)
      healed?.push(outcome.healedMs)
      moves += outcome.observed.moves
    }
    t.log(
      `${moves} moves; two answered ${spread(two ?? [])}; nobody ${spread(nobody ?? [])}; healed ${spread(healed ?? [])}`,
    )
    t.true(moves > count / 4, "addresses moved")
  })
}
