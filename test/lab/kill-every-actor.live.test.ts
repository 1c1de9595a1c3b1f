import { Complaint } from "../../cli/complaint.ts"
import { actorTree, killActor } from "../../cli/debug-client.ts"
import * as actions from "../../lab/actions.ts"
import { pathsOf } from "../../lab/interact.ts"
import { type Lab, startLab } from "../../lab/lab.ts"
import { debugSocket, layout } from "../../lab/layout.ts"
import { watchRouterLog } from "../../lab/router-log.ts"
import { until } from "../../lab/wait.ts"
import { labTest } from "./support.ts"

const test = await labTest("bird", "birdc")

test("killing any actor or thread leaves every address where it was and traffic working, and the router notices nothing", async (t) => {
  t.timeout(400_000)
  const lab = await startLab(layout(`kill${process.pid}`, 3), { said: (line) => t.log(line) })
  try {
    await actions.applyConfiguration(lab)
    await actions.speakersAgree(lab)
    const web = await actions.addService(lab, "web")
    const { ipv4: shop, ipv6: shop6 } = await actions.addDualStackService(lab, "shop", "routed")
    const prefixes = [`${shop}/32`, `${shop6}/128`]
    const names = lab.layout.nodes.map(({ name }) => name)
    const leader = await actions.arpAnswerer(lab, web)
    for (const prefix of prefixes) await actions.routedVia(lab, prefix, names)
    const atRouter = watchRouterLog(lab.layout, prefixes)
    const other = names.find((name) => name !== leader) ?? ""
    let killed = 0
    for (const process of ["controller", leader, other]) {
      for (const path of await paths(lab, process)) {
        // One that went down with its parent is back soon; a path that does not come back fails the test.
        await until(`${path} of ${process} to be there`, 15_000, () => kill(lab, process, path))
        killed++
        const what = `after ${path} of ${process} was killed`
        t.is(await actions.addressOf(lab, "web"), web, what)
        t.is(await actions.addressOf(lab, "shop"), shop, what)
        // While the leader's own thread is away a standby may answer; the address goes back as soon as it can.
        t.is(await actions.answersAgain(lab, web, leader), leader, what)
        for (const prefix of prefixes) await actions.routedVia(lab, prefix, names, 20_000)
        // Graceful restart: the router keeps the routes of a session that comes back.
        t.deepEqual(atRouter().changes, [], what)
        t.regex(await actions.answered(lab, shop, 10_000), /answers at/, what)
      }
    }
    t.log(`${killed} actors and threads were killed, one after the other`)
    t.true(killed > 25)
    t.true(atRouter().restarts >= 4, "session and thread, on two nodes")
    // And it still works: a Service that comes now gets the next address, and none that is taken.
    const late = await actions.addService(lab, "late")
    t.is(late, "192.0.2.201")
    t.regex(await actions.answered(lab, late), /answers at/)
    for (const process of ["controller", ...names])
      t.is(lab.processes.restarts(process), 0, `${process} was never restarted`)
  } finally {
    await lab.stop()
  }
})

async function kill(lab: Lab, process: string, path: string): Promise<true | undefined> {
  try {
    await killActor(debugSocket(lab.layout, process), path)
    return true
  } catch (error) {
    if (error instanceof Complaint && error.message.startsWith("no actor at")) return undefined
    throw error
  }
}

async function paths(lab: Lab, process: string): Promise<string[]> {
  return pathsOf((await actorTree(debugSocket(lab.layout, process))).tree)
}
