import { readFileSync, writeFileSync } from "node:fs"

const file = new URL("../../docs/bgp.md", import.meta.url)
const [begin, end] = ["<!-- matrix -->\n", "<!-- end of matrix -->\n"]

/** `TROUPE_WRITE_DOCS=1`: what was measured becomes what the document says. */
export const writing = process.env["TROUPE_WRITE_DOCS"] === "1"

function parts(): readonly [before: string, table: string, after: string] {
  const text = readFileSync(file, "utf8")
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)]
  if (from < begin.length || to < from) throw new Error("docs/bgp.md has no place for the matrix")
  return [text.slice(0, from), text.slice(from, to), text.slice(to)]
}

export const documented = (): string => parts()[1].trim()

export function write(table: string): void {
  const [before, , after] = parts()
  writeFileSync(file, `${before}\n${table}\n\n${after}`)
}
