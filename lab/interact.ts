import { setTimeout } from "node:timers/promises"
import { Complaint } from "../cli/complaint.ts"
import { actorTree, killActor } from "../cli/debug-client.ts"
import type { TreeNode } from "../supervision/introspection.ts"
import * as actions from "./actions.ts"
import type { Lab } from "./lab.ts"
import { debugSocket } from "./layout.ts"
import { service } from "./objects.ts"
import { observe } from "./observe.ts"
import { hints, screen } from "./view.ts"

/** The live lab: a screen that follows what is, and keys that change it. On no terminal, lines instead. Gives the exit code. */
export async function interact(lab: Lab, said: string[], stopped: AbortSignal): Promise<number> {
  const terminal = process.stdout.isTTY && process.stdin.isTTY
  const quit = new AbortController()
  stopped.addEventListener("abort", () => quit.abort())
  await actions.applyConfiguration(lab)
  for (const [name, pool] of [["web"], ["shop", "routed"]] as const) await lab.kube.apply(service(name, pool, true))
  const added: string[] = []
  if (terminal) listenToKeys(lab, said, added, quit)
  else console.log(hints(lab))
  let lines = 0
  let seenBefore = ""
  while (!quit.signal.aborted) {
    const seen = await observe(lab).catch(() => undefined)
    if (seen && terminal) process.stdout.write(`\x1b[H\x1b[2J${screen(lab, seen, said)}\n`)
    if (seen && !terminal) {
      const services = seen.services.map(
        ({ name, ip, arp, answer, ok }) => `${name} ${ip ?? "pending"} ${arp ?? ""} ${ok ? answer : "no answer"}`,
      )
      const now = [
        ...services,
        ...seen.routes.map(({ prefix, nextHops }) => `route ${prefix} via ${nextHops.join(", ")}`),
      ].join("\n")
      if (now !== seenBefore) console.log(now)
      seenBefore = now
      for (; lines < said.length; lines++) console.log(said[lines])
    }
    await setTimeout(500, undefined, { signal: quit.signal }).catch(() => undefined)
  }
  if (terminal) process.stdin.setRawMode(false).pause()
  console.log("taking the lab down …")
  return 0
}

function listenToKeys(lab: Lab, said: string[], added: string[], quit: AbortController): void {
  const actionsByKey: Readonly<Record<string, () => Promise<string>>> = {
    k: async () => {
      const ip = await actions.addressOf(lab, "web")
      if (ip === undefined) return "Service web has no address yet"
      const leader = await actions.arpAnswerer(lab, ip, { limitMs: 2_000 })
      await lab.processes.kill(leader)
      return `killed the speaker on ${leader}: watch who answers for ${ip} next`
    },
    r: async () => {
      const down = lab.layout.nodes.filter(({ name }) => !lab.processes.isRunning(name))
      for (const { name } of down) lab.startSpeaker(name)
      return down.length > 0
        ? `started the speaker on ${down.map(({ name }) => name).join(", ")}`
        : "no speaker is down"
    },
    a: async () => {
      const nodes = lab.layout.nodes.filter(({ name }) => lab.processes.isRunning(name))
      const node = pick(nodes)
      if (!node) return "no speaker is running"
      const socket = debugSocket(lab.layout, node.name)
      const path = pick(pathsOf((await actorTree(socket)).tree)) ?? "/speaker"
      await killActor(socket, path)
      return `killed the actor ${path} on ${node.name}: its supervisor starts it again`
    },
    s: async () => {
      const name = `extra-${added.length + 1}`
      added.push(name)
      return `Service ${name} has ${await actions.addService(lab, name)}`
    },
    d: async () => {
      const name = added.pop()
      if (name === undefined) return "no Service was added with s"
      await lab.kube.remove(service(name))
      return `deleted Service ${name}`
    },
  }
  process.stdin.setRawMode(true).resume()
  process.stdin.on("data", (data) => {
    const key = String(data)
    if (key === "q" || key === "\x03") return quit.abort()
    const action = actionsByKey[key]
    if (!action) return
    action()
      .catch((error: unknown) => (error instanceof Complaint ? error.message : Promise.reject(error)))
      .then(
        (line) => said.push(line),
        () => said.push("that did not work"),
      )
  })
}

const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(Math.random() * from.length)]

/** Every path in the tree, parents before children. */
export function pathsOf(tree: TreeNode): string[] {
  return [...(tree.path === "/" ? [] : [tree.path]), ...tree.children.flatMap(pathsOf)]
}
