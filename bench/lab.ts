// From `kubectl apply` of a Service to the first `curl` that succeeds, in a lab: `node bin/with-node.mjs bench/lab.ts`.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { curl } from "../lab/client.ts"
import { addressOf, applyConfiguration } from "../lab/actions.ts"
import { preflight } from "../lab/claim.ts"
import { startLab } from "../lab/lab.ts"
import { kubeconfigPath, layout } from "../lab/layout.ts"
import { service } from "../lab/objects.ts"
import { run } from "../lab/run.ts"
import { until } from "../lab/wait.ts"
import { takeOptions } from "./support/arguments.ts"

takeOptions({})
const runs = 20
await preflight()
const lab = await startLab(layout("bench", 3), { said: () => undefined })
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-bench-"))
try {
  await applyConfiguration(lab)
  const rows: { apply: number; address: number; curl: number }[] = []
  // One more than counted: the first warms up.
  for (let i = 0; i <= runs; i++) {
    const object = service(`bench-${i}`, i % 2 === 0 ? undefined : "routed")
    const file = path.join(directory, "service.json")
    fs.writeFileSync(file, JSON.stringify(object))
    const began = performance.now()
    const applied = await run("kubectl", ["--kubeconfig", kubeconfigPath(lab.layout), "apply", "-f", file])
    if (applied.code !== 0) throw new Error(applied.error)
    const appliedMs = performance.now() - began
    const ip = await until("an address", 20_000, () => addressOf(lab, object.metadata.name), 2)
    const addressMs = performance.now() - began
    await until("an answer", 20_000, async () => ((await curl(lab.layout, ip, 0.3)).ok ? true : undefined), 2)
    if (i > 0) rows.push({ apply: appliedMs, address: addressMs, curl: performance.now() - began })
    await lab.kube.remove(object)
    await until("the end of the Service", 20_000, async () =>
      (await addressOf(lab, object.metadata.name)) === undefined ? true : undefined,
    )
  }
  const median = (pick: (row: (typeof rows)[number]) => number): string => {
    const sorted = rows.map(pick).sort((a, b) => a - b)
    return `${(sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(0)} ms (${sorted[0]?.toFixed(0)}–${sorted.at(-1)?.toFixed(0)})`
  }
  console.log(`${runs} Services, layer 2 and BGP in turn; from the start of kubectl apply; median (least–most)`)
  console.log(`kubectl apply returned   ${median(({ apply }) => apply)}`)
  console.log(`address in the status    ${median(({ address }) => address)}`)
  console.log(`first curl that succeeds ${median(({ curl }) => curl)}`)
} finally {
  await lab.stop()
  fs.rmSync(directory, { recursive: true })
}
