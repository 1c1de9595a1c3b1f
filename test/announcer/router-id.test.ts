import test from "ava"
import { routerIdOf } from "../../actors/announcer/router-id.ts"

for (const [node, id] of [
  ["worker-1", "160.112.56.60"],
  ["kind-worker", "192.61.154.117"],
  ["alpha", "106.57.224.208"],
] as const) {
  test(`${node}: the router id that MetalLB gives it`, (t) => {
    t.is<string, string>(routerIdOf(node), id)
  })
}
