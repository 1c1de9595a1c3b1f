import { type Settings, settingsOf } from "../../cluster/machine/settings.ts"
import { parseDurationMs } from "../../config/duration.ts"
import type { Result } from "../../protocols/result.ts"
import { err, ok } from "../../protocols/result.ts"

export const memberlistFile = "/etc/metallb/memberlist/config.json"

/** MetalLB's key → ours. `HandoffQueueDepth` and `QueueCheckInterval` are about queues that we do not have. */
const keys: Readonly<Record<string, { readonly field: keyof Settings | undefined; readonly kind: Kind }>> = {
  TCPTimeout: { field: "tcpTimeoutMs", kind: "duration" },
  PushPullInterval: { field: "pushPullIntervalMs", kind: "duration" },
  ProbeTimeout: { field: "probeTimeoutMs", kind: "duration" },
  ProbeInterval: { field: "probeIntervalMs", kind: "duration" },
  GossipInterval: { field: "gossipIntervalMs", kind: "duration" },
  GossipToTheDeadTime: { field: "gossipToTheDeadMs", kind: "duration" },
  QueueCheckInterval: { field: undefined, kind: "duration" },
  IndirectChecks: { field: "indirectChecks", kind: "number" },
  RetransmitMult: { field: "retransmitMult", kind: "number" },
  SuspicionMult: { field: "suspicionMult", kind: "number" },
  SuspicionMaxTimeoutMult: { field: "suspicionMaxTimeoutMult", kind: "number" },
  AwarenessMaxMultiplier: { field: "awarenessMaxMultiplier", kind: "number" },
  GossipNodes: { field: "gossipNodes", kind: "number" },
  HandoffQueueDepth: { field: undefined, kind: "number" },
  UDPBufferSize: { field: "udpBufferBytes", kind: "number" },
  DisableTcpPings: { field: "disableTcpPings", kind: "boolean" },
  GossipVerifyIncoming: { field: "gossipVerifyIncoming", kind: "boolean" },
  GossipVerifyOutgoing: { field: "gossipVerifyOutgoing", kind: "boolean" },
  EnableCompression: { field: "enableCompression", kind: "boolean" },
}
type Kind = "duration" | "number" | "boolean"

/**
 * MetalLB's memberlist configuration: its keys, in any case, over the LAN profile. Every key is meant to be there. A
 * missing duration is an error as with MetalLB; so are a missing number or boolean, which MetalLB takes for 0 and false,
 * and a gossip of nobody is not what anyone wanted. The error names the key.
 */
export function memberlistSettings(text: string): Result<Settings, string> {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    return err("this is no JSON")
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return err("this is no JSON object")
  const byName = new Map(Object.entries(given).map(([key, value]) => [key.toLowerCase(), value as unknown]))
  const settings: Record<string, number | boolean> = { ...settingsOf("lan") }
  for (const [key, { field, kind }] of Object.entries(keys)) {
    const value = byName.get(key.toLowerCase())
    if (value === undefined) return err(`${key} is missing`)
    const read = readers[kind](value)
    if (read === undefined) return err(`${key}: ${JSON.stringify(value)} is ${wanted[kind]}`)
    if (field !== undefined) settings[field] = read
  }
  return ok(settings as unknown as Settings)
}

const wanted: Readonly<Record<Kind, string>> = {
  duration: 'no duration such as "500ms"',
  number: "no whole number",
  boolean: "neither true nor false",
}

const readers: Readonly<Record<Kind, (value: unknown) => number | boolean | undefined>> = {
  duration(value) {
    const ms = typeof value === "string" ? parseDurationMs(value) : undefined
    return ms === undefined || ms < 0 ? undefined : ms
  },
  number: (value) => (Number.isInteger(value) && Number(value) >= 0 ? Number(value) : undefined),
  boolean: (value) => (typeof value === "boolean" ? value : undefined),
}
