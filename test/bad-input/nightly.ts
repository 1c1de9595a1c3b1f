// Millions of bad inputs for each decoder: `node bin/with-node.mjs test/bad-input/nightly.ts [--inputs 5000000] [--seed N]`.
// Ends with 1 and the bytes at the first that does harm.
import { parseArgs } from "node:util"
import { fire, targets } from "./decoders.ts"
import { Mutator } from "./mutator.ts"

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "5000000" },
    seed: { type: "string", default: `${Date.now() % 2 ** 31}` },
  },
})
console.log(`seed ${values.seed}`)
for (const target of targets) {
  const beganMs = performance.now()
  const wrong = fire(target, new Mutator(Number(values.seed)), Number(values.inputs))
  if (wrong !== undefined) {
    console.log(wrong)
    process.exitCode = 1
  }
  const seconds = (performance.now() - beganMs) / 1000
  console.log(
    `${target.name}: ${values.inputs} inputs in ${seconds.toFixed(0)} s, ${wrong === undefined ? "no harm" : "HARM"}`,
  )
}
