import type { System } from "../../supervision/system.ts"
import { type Handler, json, text } from "./serve.ts"

/** The live tree as JSON; what `troupe actors` prints. */
export const actorsHandler =
  (system: System): Handler =>
  async ({ path }) =>
    path === "/debug/actors" ? json({ counters: system.counters(), tree: await system.snapshot() }) : undefined

/** Ends one actor as if it had crashed. Only on the debug socket, and only where the process was told to allow it. */
export const killHandler =
  (system: System, allowed: boolean): Handler =>
  async ({ method, path, query }) => {
    if (path !== "/debug/actors/kill") return undefined
    if (method !== "POST") return text("use POST", 405)
    if (!allowed) return text("killing actors is not allowed here: it is for tests and the lab", 403)
    const target = query.get("path") ?? ""
    const killed = await system.kill(target, "killed by request")
    return killed ? text(`killed ${target}`) : text(`no actor at ${JSON.stringify(target)}`, 404)
  }
