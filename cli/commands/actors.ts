import type { TreeNode } from "../../supervision/introspection.ts"
import { Complaint } from "../complaint.ts"
import { type ActorsAnswer, actorTree, killActor } from "../debug-client.ts"
import { daemons } from "./daemons.ts"

export async function actorsCommand(options: {
  readonly socket?: string
  readonly address?: string
  readonly output: string
}): Promise<void> {
  if (options.output !== "text" && options.output !== "json")
    throw new Complaint(`--output ${options.output}: text or json`)
  const answers: Record<string, ActorsAnswer> = {}
  for (const daemon of await daemons(options)) answers[daemon.name] = await actorTree(daemon.at)
  if (options.output === "json") return console.log(JSON.stringify(answers, null, 2))
  for (const [name, { tree, counters }] of Object.entries(answers)) {
    if (name !== "") console.log(`${name}:`)
    console.log(renderTree(tree))
    const { actors, messages, restarts, deadLetters } = counters
    console.log(`${actors} actors, ${messages} messages, ${restarts} restarts, ${deadLetters} dead letters\n`)
  }
}

/** `PATH`, or `PROCESS:PATH` where several daemons are at hand. */
export async function killCommand(target: string, options: { readonly socket?: string }): Promise<void> {
  const [process, path] = target.startsWith("/") ? ["", target] : target.split(":", 2)
  const all = await daemons(options)
  const chosen = all.length === 1 ? all[0] : all.find(({ name }) => name === process)
  if (!chosen || path === undefined) {
    const names = all.map(({ name }) => name).join(", ")
    throw new Complaint(`which process? Give PROCESS:PATH with one of ${names}`)
  }
  await killActor(chosen.at, path)
  console.log(`killed ${target}`)
}

/** Indented as a tree; restarts, waiting messages and the last error only where there are any. */
export function renderTree(node: TreeNode, parent = "", depth = 0): string {
  const name = node.path.slice(parent.length).replace(/^\/(?=.)/, "")
  const notes = [
    node.status === "running" ? "" : node.status,
    node.mailbox.length > 0 ? `${node.mailbox.length} waiting` : "",
    node.mailbox.refused > 0 ? `${node.mailbox.refused} refused` : "",
    node.restarts > 0 ? `${node.restarts} restart${node.restarts > 1 ? "s" : ""}` : "",
    node.lastError === undefined ? "" : `last error: ${node.lastError}`,
  ].filter((note) => note !== "")
  const label = `${"  ".repeat(depth)}${name}`.padEnd(36)
  const line = `${label} ${node.kind.padEnd(18)} ${node.thread.padEnd(10)} ${notes.join(", ")}`.trimEnd()
  return [line, ...node.children.map((child) => renderTree(child, node.path, depth + 1))].join("\n")
}
