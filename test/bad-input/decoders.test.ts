// A hundred thousand bad inputs for each decoder that reads what others on the network send; `nightly.ts` fires millions.
import test from "ava"
import { fire, targets } from "./decoders.ts"
import { Mutator } from "./mutator.ts"

for (const target of targets) {
  test.serial(`any bytes: ${target.name}`, (t) => {
    for (const bytes of target.good) t.is(target.try(bytes), undefined)
    t.is(fire(target, new Mutator(1), 100_000), undefined)
  })
}
