import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import type { SpeakerStatus } from "../../actors/announcer/messages.ts"
import * as actions from "../../lab/actions.ts"
import { startLab } from "../../lab/lab.ts"
import { layout } from "../../lab/layout.ts"
import { unpacked } from "../cli/unpack.ts"
import { labTest, troupe } from "./support.ts"

const test = await labTest("bird", "birdc")

test("the archive of a lab: what its daemons say, their logs, and this host", async (t) => {
  t.timeout(240_000)
  const name = `collect${process.pid}`
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-collect-"))
  t.teardown(() => fs.rmSync(directory, { recursive: true }))
  const lab = await startLab(layout(name, 1), { said: (line) => t.log(line) })
  try {
    await actions.applyConfiguration(lab)
    const web = await actions.addService(lab, "web")
    t.is(await actions.arpAnswerer(lab, web), "node-1")
    const file = path.join(directory, "lab.tar.gz")
    const { code, out } = await troupe(["collect", "--lab", name, "--output", file, "--local"]).ended
    t.is(code, 0, out)
    const files = await unpacked(fs.readFileSync(file))
    const status = JSON.parse(files.get("daemons/node-1/status.json") ?? "") as SpeakerStatus
    t.true(status.services.some(({ key, layer2 }) => key === "default/web" && layer2.announced))
    const metrics = files.get("daemons/node-1/metrics.txt") ?? ""
    for (const line of [
      `metallb_speaker_announced{service="default/web",protocol="layer2",node="node-1",ip="${web}"} 1`,
      'workqueue_depth{name="service",controller="service"} 0',
      'controller_runtime_reconcile_total{controller="servicel2status",result="error"} 0',
    ])
      t.true(metrics.includes(`${line}\n`), line)
    t.regex(metrics, /^controller_runtime_reconcile_total\{controller="service",result="success"\} [1-9]/m)
    t.regex(metrics, /^controller_runtime_reconcile_total\{controller="bgppeer",result="success"\} [1-9]/m)
    t.true(files.get("daemons/controller/actors.json")?.includes("/controller/allocator/services/default/web"))
    t.regex(files.get("pods/node-1.log") ?? "", /"msg":"service has IP, announcing"/)
    t.regex(files.get("explain/default/web.txt") ?? "", /^who announces it by layer 2: node-1$/m)
    t.true(files.has("objects/servicel2statuses.yaml"))
    t.regex(files.get("local/neighbours.json") ?? "", /^\[/)
  } finally {
    await lab.stop()
  }
})
