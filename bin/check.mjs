// The static checks, all of them even when one fails: types, lint, format, dead code, import direction.
// `npm run check -- types lint` runs only those named.
import { spawnSync } from "node:child_process"

const checks = {
  types: ["node_modules/typescript/bin/tsc", "--noEmit"],
  lint: ["node_modules/oxlint/bin/oxlint", "--type-aware", "--deny-warnings"],
  format: ["node_modules/@biomejs/biome/bin/biome", "format", "."],
  "dead-code": ["node_modules/knip/bin/knip.js"],
  imports: [
    "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs",
    "--config",
    ".dependency-cruiser.cjs",
    "--output-type",
    "err",
    ".",
  ],
}

const wanted = process.argv.slice(2)
let failed = 0
for (const [name, command] of Object.entries(checks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const run = spawnSync(process.execPath, command, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } })
  const ok = run.status === 0
  console.log(`${ok ? "ok    " : "FAILED"} ${name}`)
  if (!ok) {
    failed++
    console.log(`${run.stdout}${run.stderr}`.trimEnd())
  }
}
process.exit(failed === 0 ? 0 : 1)
