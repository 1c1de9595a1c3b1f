import type { Feature } from "./features.ts"
import type { Outcome } from "./checks.ts"
import type { RouterName } from "./router.ts"
import type { World } from "./world.ts"

const routers: readonly RouterName[] = ["BIRD", "FRR", "GoBGP"]

export type Cells = Readonly<Record<string, Outcome | { readonly failed: string }>>
const columns = routers.flatMap((router) => [false, true].map((internal) => ({ router, internal })))
const columnName = ({ router, internal }: (typeof columns)[number]): string =>
  `${router} ${internal ? "internal" : "external"}`

/** One feature with every router, both ways, all at the same time. */
export async function cellsOf({ variant, check }: Feature, world: World): Promise<Cells> {
  const cells = await Promise.all(
    columns.map(async (column) => {
      const session = world.session(column.router, variant, column.internal)
      const outcome =
        typeof session === "string"
          ? { lacks: session }
          : await check(session, world).catch((error: unknown) => ({ failed: String(error) }))
      return [columnName(column), outcome] as const
    }),
  )
  return Object.fromEntries(cells)
}

/** The table, with a note for each thing that a peer lacks. */
export function markdown(features: readonly Feature[], measured: ReadonlyMap<string, Cells>): string {
  const notes: string[] = []
  const note = (text: string): number => {
    if (!notes.includes(text)) notes.push(text)
    return notes.indexOf(text) + 1
  }
  const rows = features.map(({ title, source }) => {
    const cells = columns.map((column) => {
      const cell = measured.get(title)?.[columnName(column)]
      if (cell === undefined) return "not run"
      if ("failed" in cell) return "FAILS"
      return "works" in cell ? "yes" : `– (${note(cell.lacks)})`
    })
    return `| ${[title, source, ...cells].join(" | ")} |`
  })
  const head = ["feature", "source", ...columns.map(columnName)]
  return [
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---|").join("")}`,
    ...rows,
    "",
    ...notes.map((text, i) => `${i + 1}. ${text}`),
  ].join("\n")
}
