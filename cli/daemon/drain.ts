import type { DrainStatus } from "../../actors/announcer/drain-messages.ts"
import { type Answer, type Handler, json, text } from "./serve.ts"

export interface Drainable {
  readonly status: () => Promise<DrainStatus | undefined>
  readonly drain: (drained: boolean) => void
}

/**
 * `/debug/drain`: GET says how it stands, POST drains this node, DELETE takes that back; each answers with the status. POST
 * refuses what would leave an address to nobody, unless `force=true`. Only on the debug socket: it moves addresses.
 */
export const drainHandler =
  ({ status, drain }: Drainable): Handler =>
  async ({ method, path, query }) => {
    if (path !== "/debug/drain") return undefined
    if (method !== "GET" && method !== "POST" && method !== "DELETE") return text("use GET, POST or DELETE", 405)
    const before = await status()
    if (before === undefined) return late
    if (method === "GET") return json(before)
    const alone = before.services.filter(({ alone, state }) => alone && state === "announced")
    if (method === "POST" && alone.length > 0 && query.get("force") !== "true") return text(refusal(alone), 409)
    drain(method === "POST")
    const after = await status()
    return after === undefined ? late : json(after)
  }

const late: Answer = text("the speaker did not answer in time", 503)

const mostNamed = 5

function refusal(alone: DrainStatus["services"]): string {
  const names = alone.slice(0, mostNamed).map(({ service, protocol }) => `${service} (${protocol})`)
  const more = alone.length > mostNamed ? ` and ${alone.length - mostNamed} more` : ""
  return `nobody else would announce ${names.join(", ")}${more}; --force drains all the same`
}
