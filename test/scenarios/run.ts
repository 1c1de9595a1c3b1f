import type { ExecutionContext } from "ava"
import ava from "ava"
import { addressScenarios } from "./addresses.ts"
import { commandScenarios } from "./commands.ts"
import { conditionScenarios } from "./conditions.ts"
import { electionScenarios } from "./election.ts"
import { familyScenarios } from "./families.ts"
import { operatorScenarios } from "./operators.ts"
import { missing } from "../io/namespaces.ts"
import { poolScenarios } from "./pools.ts"
import { resourceScenarios } from "./resources.ts"
import type { Scenario } from "./scenario.ts"
import type { Server } from "./servers.ts"
import { speakerScenarios } from "./speaker.ts"
import { webhookScenarios } from "./webhooks.ts"
import { World } from "./world.ts"

const scenarios: readonly Scenario[] = [
  ...resourceScenarios,
  ...addressScenarios,
  ...familyScenarios,
  ...poolScenarios,
  ...electionScenarios,
  ...conditionScenarios,
  ...operatorScenarios,
  ...commandScenarios,
  ...webhookScenarios,
  ...speakerScenarios,
]

/** Also what a server needs that must be built first. */
const startWithinMs = 1_800_000
const scenarioWithinMs = 300_000

/** All scenarios that this server allows, one after the other, against one cluster. */
export function runScenarios(allowed: (scenario: Scenario) => boolean, start: () => Promise<Server>): void {
  let world: World | undefined
  ava.before("the cluster starts", async (t) => {
    t.timeout(startWithinMs)
    world = await World.begin(await start())
  })
  ava.after.always("the cluster ends", () => world?.end())
  const noWire = missing("arping")
  for (const scenario of scenarios.filter(allowed)) {
    if (scenario.needs === "wire" && noWire !== undefined) {
      ava.skip(`${scenario.name} (${noWire})`, () => undefined)
      continue
    }
    ava.serial(scenario.name, async (t: ExecutionContext) => {
      t.timeout(scenarioWithinMs)
      if (world === undefined) throw new Error("there is no cluster")
      const there = world
      t.teardown(() => there.clean())
      await scenario.run(t, there)
      t.deepEqual(there.daemons.forbidden(), [], "the roles lack a right")
    })
  }
}
