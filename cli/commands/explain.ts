import fs from "node:fs"
import type { SpeakerStatus } from "../../actors/announcer/messages.ts"
import { labDirectory } from "../../lab/layout.ts"
import { Complaint } from "../complaint.ts"
import { speakerStatus } from "../debug-client.ts"
import { explainService, type Explanation } from "../planning/explain.ts"
import type { Output } from "./options.ts"
import { presentObjects, type StateOptions } from "./plan.ts"

export interface ExplainCommandOptions extends StateOptions {
  readonly lbClass?: string
  readonly lab?: string | true
  readonly socket?: readonly string[]
  readonly output: Output
}

/** What one speaker says of itself. */
interface Live {
  readonly node: string
  readonly layer2: boolean
  readonly bgp: boolean
  readonly because: readonly string[]
  readonly sessions: readonly string[]
}

/** Gives the exit code. */
export async function explainServiceCommand(key: string, options: ExplainCommandOptions): Promise<number> {
  if (!/^[^/]+\/[^/]+$/.test(key)) throw new Complaint(`${key}: give a Service as NAMESPACE/NAME`)
  const lab = options.lab === undefined ? undefined : labDirectory(options.lab === true ? "lab" : options.lab)
  const asked = lab === undefined ? options : { ...options, kubeconfig: `${lab}/kubeconfig` }
  const { objects, warnings } = await presentObjects(asked)
  const explanation = explainService(objects, key, {
    home: options.namespace,
    loadBalancerClass: options.lbClass ?? "",
  })
  if (explanation === undefined) throw new Complaint(`there is no Service ${key}`)
  const live = await Promise.all([...(options.socket ?? []), ...socketsOf(lab)].map((socket) => ask(socket, key)))
  const whole = { ...explanation, notes: [...warnings, ...explanation.notes], ...(live.length > 0 && { live }) }
  console.log(options.output === "json" ? JSON.stringify(whole, null, 2) : describeExplanation(whole))
  return 0
}

const socketsOf = (lab: string | undefined): readonly string[] =>
  lab === undefined
    ? []
    : fs
        .readdirSync(lab)
        .filter((file) => file.endsWith(".debug.sock") && !file.startsWith("controller"))
        .sort()
        .map((file) => `${lab}/${file}`)

/** A speaker that does not answer is part of the explanation. */
async function ask(socket: string, key: string): Promise<Live | { readonly socket: string; readonly failure: string }> {
  let status: SpeakerStatus | null
  try {
    status = await speakerStatus(socket)
  } catch (thrown) {
    return { socket, failure: thrown instanceof Error ? thrown.message : String(thrown) }
  }
  if (status === null) return { socket, failure: "it does not answer in time" }
  const service = status.services.find((one) => one.key === key)
  return {
    node: status.node,
    layer2: service?.layer2.announced ?? false,
    bgp: service?.bgp.announced ?? false,
    because: service === undefined ? ["it knows no such Service"] : service.reasons,
    sessions: status.sessions.map(({ name, state }) => `${name} ${state}`),
  }
}

type Whole = Explanation & { readonly live?: readonly Awaited<ReturnType<typeof ask>>[] }

export function describeExplanation(whole: Whole): string {
  const { service, addresses, pool, asks, allocation, sharesWith, announcements, notes, live = [] } = whole
  const has = addresses.length === 0 ? "has no address" : `has ${addresses.join(", ")}`
  const lines = [`Service ${service} ${has}${pool === undefined ? "" : ` from pool ${pool}`}`, "", "it asks for"]
  const item = (text: string) => lines.push(`  ${text.replaceAll("\n", "\n    ")}`)
  asks.forEach(item)
  lines.push("", addresses.length === 0 ? "why it has no address" : "why it has this address")
  allocation.because.forEach(item)
  if (allocation.rule !== undefined) item(allocation.rule)
  allocation.due?.forEach(item)
  if (sharesWith.length > 0) item(`shares it with ${sharesWith.join(", ")}`)
  if (allocation.pools.length > 0) lines.push("", "what each pool says to it, as if it had nothing")
  for (const { pool, says } of allocation.pools) item(`${pool}: ${says}`)
  const { layer2, election, nodes } = announcements
  lines.push("", `who announces it by layer 2: ${layer2 ?? "nobody"}`)
  election.forEach(item)
  for (const { node, layer2 } of nodes)
    item(`${node} ${layer2.announces ? "answers" : "does not"}: ${layer2.because.join("; ")}`)
  lines.push(
    "",
    `who announces it by BGP: ${nodes.flatMap(({ node, bgp }) => (bgp.announces ? [node] : [])).join(", ") || "nobody"}`,
  )
  for (const { node, bgp } of nodes)
    item(`${node} ${bgp.announces ? "announces" : "does not"}: ${bgp.because.join("; ")}`)
  if (live.length > 0) lines.push("", "what the speakers say themselves")
  for (const one of live) {
    if ("failure" in one) item(`${one.socket}: ${one.failure}`)
    else {
      const does = [...(one.layer2 ? ["answers ARP and NDP"] : []), ...(one.bgp ? ["announces by BGP"] : [])]
      const sessions = one.sessions.length === 0 ? "" : `; sessions: ${one.sessions.join(", ")}`
      item(`${one.node}: ${does.join(", ") || "announces nothing"} (${one.because.join("; ")})${sessions}`)
    }
  }
  if (notes.length > 0) lines.push("")
  for (const note of notes) lines.push(`note: ${note}`)
  return lines.join("\n")
}
