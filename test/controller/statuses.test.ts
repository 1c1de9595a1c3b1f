import test from "ava"
import { stage } from "./processes.ts"

test.serial("without its Deployment the memberlist Secret is not made, and the controller ends", async (t) => {
  const { controller, close } = await stage()
  t.teardown(close)
  for (const deployment of ["nowhere", ""]) {
    const daemon = controller("one", "--ml-secret-name=memberlist", `--deployment=${deployment}`)
    t.is(await daemon.ended, 1)
  }
})
