// `npm test`: the static checks, then ava, then one closing line "N passed, N failed, N skipped".
// ava prints its counts on several lines and leaves some out; people and CI want one.
// `npm test -- test/config` runs only what matches, without the static checks.
import { createInterface } from "node:readline"
import { runOnNode } from "./with-node.mjs"

const args = process.argv.slice(2)
const done = (child) => new Promise((resolve) => child.on("close", (code) => resolve(code ?? 1)))

if (args.length === 0) {
  const code = await done(runOnNode(["bin/check.mjs"]))
  if (code !== 0) {
    console.log("0 passed, 1 failed, 0 skipped")
    process.exit(1)
  }
}

const count = { passed: 0, failed: 0, skipped: 0 }
const ava = runOnNode(["node_modules/ava/entrypoints/cli.js", "--no-color", ...args], {
  stdio: ["ignore", "pipe", "inherit"],
})
const closed = done(ava)
for await (const line of createInterface({ input: ava.stdout })) {
  console.log(line)
  if (/^\s+✔ /.test(line)) count.passed++
  else if (/^\s+- \[(skip|todo)\]/.test(line)) count.skipped++
  else {
    const found = /^\s+(\d+) (tests? failed|uncaught exceptions?|unhandled rejections?)/.exec(line)
    if (found) count.failed += Number(found[1])
  }
}
const code = await closed
if (code !== 0 && count.failed === 0) count.failed = 1
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exit(code)
