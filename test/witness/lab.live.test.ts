// A segment that is cut in two, with a real Redis which both halves reach: both nodes announce, and people are told.
import http from "node:http"
import fs from "node:fs"
import test from "ava"
import type { SpeakerStatus } from "../../actors/announcer/messages.ts"
import { addService, applyConfiguration } from "../../lab/actions.ts"
import { type Lab, startLab } from "../../lab/lab.ts"
import { debugSocket, layout } from "../../lab/layout.ts"
import { ipBatch } from "../../lab/run.ts"
import { until } from "../../lab/wait.ts"
import { labTest } from "../lab/support.ts"
import { RedisServer } from "./redis-server.ts"

const live = await labTest("redis-server", "redis-cli")
const minute = 60_000

let lab: Lab | undefined
const redis = new RedisServer("--requirepass", "for-this-test")
const password = `${redis.socket}.password`

test.after.always(async () => {
  await lab?.stop()
  await redis.remove()
})

function statusOf(of: Lab, node: string): Promise<SpeakerStatus | undefined> {
  return new Promise((resolve) => {
    const at = { socketPath: debugSocket(of.layout, node), path: "/debug/status", timeout: 2000, agent: false }
    const request = http.get(at, (response) => {
      let body = ""
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text
      })
      response.on("end", () => resolve(JSON.parse(body) as SpeakerStatus | undefined))
    })
    request.on("timeout", () => request.destroy(new Error("late")))
    request.on("error", () => resolve(undefined))
  })
}

live("cut in two, both nodes announce: Events name them, and when it is whole one is left", async (t) => {
  t.timeout(5 * minute)
  fs.writeFileSync(password, "for-this-test\n")
  await redis.start()
  const speakerFlags = [`--witness=${redis.url}`, `--witness-password-file=${password}`, "--witness-prefix=lab:"]
  const it = await startLab(layout(`witness-${process.pid}`, 3), { said: () => undefined }, { speakerFlags })
  lab = it
  await applyConfiguration(it)
  const address = await addService(it, "web")
  const nodes = it.layout.nodes.map(({ name }) => name)
  const witnesses = async () =>
    (await Promise.all(nodes.map(async (name) => ({ name, status: await statusOf(it, name) })))).map(
      ({ name, status }) => ({ name, ...status?.witness, alive: status?.gossip }),
    )
  const claiming = async () => (await witnesses()).filter(({ claims = 0 }) => claims > 0).map(({ name }) => name)
  const settled = () =>
    until("one node alone to claim the address", minute, async () => {
      const all = await witnesses()
      const [leader, ...others] = all.filter(({ claims = 0 }) => claims > 0)
      return others.length === 0 && all.every(({ conflicts }) => conflicts?.length === 0) ? leader?.name : undefined
    })
  await until("all to be members", minute, async () => {
    const all = await witnesses()
    const joined = all.every(({ alive }) => typeof alive === "object" && alive.speakers.length === nodes.length)
    return joined ? true : undefined
  })
  const leader = await settled()
  t.true((await witnesses()).every(({ up }) => up === true))

  const { namespace } = it.layout.switch
  await ipBatch(namespace, [
    "link add other type bridge stp_state 0",
    "link set other up",
    `link set ${leader} master other`,
  ])
  const both = await until("two nodes to claim the address", minute, async () => {
    const now = await claiming()
    return now.length === 2 ? now : undefined
  })
  const macOf = (node: string) => [...it.macs].find(([, name]) => name === node)?.[0] ?? "?"
  const events = await until("an Event from both", minute, async () => {
    const all = (await it.kube.list("/api/v1/events")) as unknown as { reason?: string; message?: string }[]
    const found = all.filter(({ reason, message }) => reason === "brainSplit" && message?.includes("by the witness"))
    return found.length === 2 ? found.map(({ message = "" }) => message) : undefined
  })
  for (const message of events) {
    for (const part of [address, ...both, ...both.map(macOf)]) t.true(message.includes(part), `${part}: ${message}`)
  }
  const split = (await witnesses()).filter(({ name }) => both.includes(name))
  t.deepEqual(
    split.map(({ conflicts, counts, left }) => [conflicts?.length, counts?.splits, left?.length]),
    [
      [1, 1, 0],
      [1, 1, 0],
    ],
    "each goes on serving its side",
  )

  await ipBatch(namespace, [`link set ${leader} master lan`])
  const after = await settled()
  t.is(await redis.cli("-a", "for-this-test", "--no-auth-warning", "HKEYS", `lab:claims:${address}`), after)

  // Without the witness everything goes on.
  await redis.kill()
  await until("all to miss it", minute, async () =>
    (await witnesses()).every(({ up }) => up === false) ? true : undefined,
  )
  t.is((await statusOf(it, after))?.services[0]?.layer2.announced, true)
  for (const name of [...nodes, "controller"]) {
    const log = fs.readFileSync(`${it.layout.directory}/${name}.log`, "utf8")
    t.false(log.includes("for-this-test"), `${name}: the password is in the log`)
    if (name !== "controller") t.is(log.split("the witness does not answer").length, 2, `${name}: said once`)
  }
})
