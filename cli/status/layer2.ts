import type { PoliciesStatus, ServiceStatus, SpeakerStatus, WitnessStatus } from "../../actors/announcer/messages.ts"
import { describeNodeFault } from "../../actors/announcer/surroundings.ts"
import { table } from "./table.ts"

/** A line for each address that layer 2 has to do with, as one speaker sees it. */
export function describeLayer2(statuses: readonly SpeakerStatus[]): string {
  const head = ["NODE", "SERVICE", "ADDRESS", "ANSWERS", "INTERFACES", "LEADER", "ORDER", "WHY NOT"]
  return table([head, ...statuses.flatMap((status) => status.services.flatMap((service) => rows(status, service)))])
}

function rows({ node }: SpeakerStatus, { key, ips, layer2, verdict }: ServiceStatus): string[][] {
  const { announced, interfaces, leader = "-", withheld } = layer2
  const on = interfaces === "all" || interfaces === undefined ? "all" : interfaces.join()
  return ips.map((ip) => [
    node,
    key,
    ip,
    announced ? "yes" : "no",
    announced ? on : "-",
    leader,
    orderIn(verdict).join(" ") || "-",
    announced ? "" : (withheld ?? ""),
  ])
}

/** Who leads, who comes next when it dies, and so on. */
export function orderIn({ decision }: ServiceStatus["verdict"]): readonly string[] {
  if (decision.kind !== "considered") return []
  const election = decision.layer2.because.find((reason) => reason.rule === "election")
  return election?.candidates.map(({ node }) => node) ?? []
}

/** What a speaker is and does, in a few lines. */
export function describeSpeaker(status: SpeakerStatus): string {
  const { node, synced, connection, configuration, gossip, services, sessions, liveness, policies, witness } = status
  const configured = configuration.loaded ? (configuration.stale ? "an older one is in force" : "in force") : "none yet"
  const up = sessions.filter(({ state }) => state === "established").length
  const by = (protocol: "layer2" | "bgp"): number => services.filter((one) => one[protocol].announced).length
  const items = [
    ["API server", connectionText(synced, connection)],
    ...(status.fault === undefined ? [] : [["announces", `no: ${describeNodeFault(status.fault)}`]]),
    ["configuration", [configured, ...configuration.faults].join("; ")],
    ["gossip", gossipText(gossip)],
    [
      "liveness",
      liveness === undefined ? "not looked at" : [liveness.state, liveness.reason].filter(Boolean).join(": "),
    ],
    ...(policies === undefined ? [] : [["elections", policiesText(policies)]]),
    ...(witness === undefined ? [] : [["witness", witnessText(witness)]]),
    ["layer 2", `${by("layer2")} Services answered for, interfaces ${status.interfaces.join(", ") || "none"}`],
    ["BGP", `${by("bgp")} Services announced, ${up} of ${sessions.length} sessions established`],
    ["BFD", `${status.bfd.filter(({ state }) => state === "up").length} of ${status.bfd.length} paths up`],
  ]
  return `${node}\n${table(items.map(([what = "", text = ""]) => [`  ${what}`, text]))}`
}

function policiesText({ state, reason, claims }: PoliciesStatus): string {
  if (state === "off") return `policies are off: ${reason}`
  return `by policy, ${claims} addresses claimed`
}

function witnessText({ where, up, claims, conflicts, left }: WitnessStatus): string {
  if (up !== true) return `${where} ${up === undefined ? "has not answered yet" : "does not answer"}`
  const also = conflicts.map(({ ip, node }) => `${ip} announced by ${node} too`)
  return [`${claims} addresses claimed at ${where}`, ...also, ...left.map((ip) => `${ip} left to it`)].join("; ")
}

function connectionText(synced: boolean, connection: SpeakerStatus["connection"]): string {
  if (connection?.connected === false) return `away: ${connection.reason}`
  return synced ? "connected" : "has not told everything yet"
}

function gossipText(gossip: SpeakerStatus["gossip"]): string {
  if (typeof gossip === "string") return gossip
  const others = gossip.members.map(({ name, state }) => (state === "alive" ? name : `${name} (${state})`))
  return others.join(", ")
}
