import anyTest from "ava"
import { documented, write, writing } from "./document.ts"
import { features } from "./features.ts"
import { cellsOf, type Cells, markdown } from "./matrix.ts"
import { cleanUp, obstacle } from "./network.ts"
import { World } from "./world.ts"

const test = obstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string): string => (obstacle === undefined ? title : `${title} (${obstacle})`)
anyTest.after.always(async () => {
  try {
    await world?.stop()
  } finally {
    cleanUp()
  }
})

const measured = new Map<string, Cells>()
let world: World | undefined

anyTest.before("routers and speakers", async () => {
  if (obstacle !== undefined) return
  world = new World()
  await world.start()
})

for (const feature of features)
  test(name(`${feature.title}: BIRD, FRR and GoBGP, external and internal`), async (t) => {
    if (world === undefined) return t.fail("there are no routers")
    const cells = await cellsOf(feature, world)
    measured.set(feature.title, cells)
    t.deepEqual(
      Object.entries(cells).flatMap(([at, cell]) => ("failed" in cell ? [`${at}: ${cell.failed}`] : [])),
      [],
    )
  })

test(name("the matrix in docs/bgp.md is what was measured"), (t) => {
  const table = markdown(features, measured)
  t.log(table)
  if (writing) write(table)
  t.is(documented(), table, "TROUPE_WRITE_DOCS=1 npm test -- test/interop writes it")
})
