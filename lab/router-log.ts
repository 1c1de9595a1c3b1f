import fs from "node:fs"
import type { Layout } from "./layout.ts"
import { routerLog } from "./router.ts"

/** What BIRD wrote into its log about routes and the sessions that carry them. */
export interface RouterEvents {
  /** Lines about the prefixes that say that something has changed, in BIRD's words. */
  readonly changes: readonly string[]
  /** Sessions that were lost and came back while their routes stayed (RFC 4724). */
  readonly restarts: number
}

/** Reads what BIRD will write from now on; each call gives all since the beginning. */
export function watchRouterLog(lab: Layout, prefixes: readonly string[]): () => RouterEvents {
  const file = routerLog(lab)
  const from = fs.statSync(file).size
  return () => routerEvents(fs.readFileSync(file).subarray(from).toString("utf8"), prefixes)
}

/**
 * `node1.ipv4 > added [best] 198.51.100.1/32 …` is about a route that comes in, `kernel4.ipv4 < replaced …` about one that
 * goes on to the kernel. `ignored` is the same route again; all other words mean that it is not as it was.
 */
export function routerEvents(text: string, prefixes: readonly string[]): RouterEvents {
  const changes: string[] = []
  let restarts = 0
  for (const line of text.split("\n")) {
    if (line.includes(": Neighbor graceful restart done")) restarts++
    const [, about, word, prefix] = /<TRACE> (\S+ [<>]) (\w+) (?:\[\w+\] )?(\S+\/\d+) /.exec(line) ?? []
    if (prefix === undefined || word === "ignored" || !prefixes.includes(prefix)) continue
    changes.push(`${about} ${word} ${prefix}`)
  }
  return { changes, restarts }
}
