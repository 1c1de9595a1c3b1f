import type { Answers } from "../../../protocols/ethernet/answers.ts"
import { type Ip, parseIp } from "../../../protocols/ip.ts"
import type { Layer2Entry } from "./messages.ts"

export interface Table {
  /** For each address the interfaces on which it is announced. Several entries for one address count together. */
  readonly entries: ReadonlyMap<Ip, "all" | ReadonlySet<string>>
  /** Members that would come before this node if they were alive. */
  readonly before: ReadonlyMap<Ip, readonly string[]>
  /** Members that would if nothing had been said in gossip. */
  readonly rivals: ReadonlyMap<Ip, readonly string[]>
  /** What was no address. */
  readonly refused: readonly string[]
}

export function tableOf(entries: readonly Layer2Entry[]): Table {
  const table = new Map<Ip, "all" | ReadonlySet<string>>()
  const before = new Map<Ip, readonly string[]>()
  const rivals = new Map<Ip, readonly string[]>()
  const refused: string[] = []
  for (const { ip: text, interfaces, before: members, rivals: others } of entries) {
    const ip = parseIp(text)
    if (ip === undefined) refused.push(text)
    else {
      table.set(ip, union(table.get(ip), interfaces))
      if (members !== undefined) before.set(ip, members)
      if (others !== undefined) rivals.set(ip, others)
    }
  }
  return { entries: table, before, rivals, refused }
}

function union(
  before: "all" | ReadonlySet<string> | undefined,
  more: "all" | readonly string[],
): "all" | ReadonlySet<string> {
  if (before === "all" || more === "all") return "all"
  return new Set([...(before ?? []), ...more])
}

/** The table as one interface sees it. */
export function answersOf(table: Table, interfaceName: string): Answers {
  const answers = new Map<Ip, "here" | "elsewhere">()
  for (const [ip, interfaces] of table.entries) {
    answers.set(ip, interfaces === "all" || interfaces.has(interfaceName) ? "here" : "elsewhere")
  }
  return answers
}
