import * as actions from "../../lab/actions.ts"
import { type Lab, startLab } from "../../lab/lab.ts"
import { layout } from "../../lab/layout.ts"
import { run } from "../../lab/run.ts"
import { until } from "../../lab/wait.ts"
import { labTest } from "./support.ts"

const test = await labTest("arping")

test("arping gets exactly one MAC for each address; after kill -9 of the leader's speaker it gets the successor's", async (t) => {
  t.timeout(180_000)
  const lab = await startLab(layout(`arping${process.pid}`, 3), { said: () => undefined })
  try {
    await actions.applyConfiguration(lab)
    await actions.speakersAgree(lab)
    const leaders = new Map<string, string>()
    for (const name of ["web", "mail", "files"]) {
      const ip = await actions.addService(lab, name)
      const leader = await actions.arpAnswerer(lab, ip)
      // Three broadcasts, one answer each, all from one node.
      t.deepEqual(await arping(lab, ip, 3), [leader, leader, leader], ip)
      leaders.set(ip, leader)
    }
    const victim = [...leaders.values()][0] ?? ""
    await lab.processes.kill(victim)
    for (const [ip, leader] of leaders) {
      const answers = await until(`one answer for ${ip}`, 30_000, async () => {
        const got = await arping(lab, ip, 3)
        return got.length === 3 ? got : undefined
      })
      t.is(new Set(answers).size, 1, `${ip}: ${answers.join(", ")}`)
      if (leader === victim) t.not(answers[0], victim, `${ip} moved`)
      else t.is(answers[0], leader, `${ip} stayed`)
    }
  } finally {
    await lab.stop()
  }
})

/** Which node gave each answer to that many broadcast requests. */
async function arping(lab: Lab, ip: string, count: number): Promise<string[]> {
  const command = [
    "netns",
    "exec",
    lab.layout.client.namespace,
    "arping",
    "-i",
    "eth0",
    "-c",
    `${count}`,
    "-W",
    "0.2",
    ip,
  ]
  const { out } = await run("ip", command)
  return [...out.matchAll(/from ([0-9a-f:]{17})/g)].map(([, mac = ""]) => lab.macs.get(mac) ?? mac)
}
