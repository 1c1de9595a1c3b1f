/** memberlist's knobs, by their names, units added. */
export interface Settings {
  /** One member is probed every so often. */
  readonly probeIntervalMs: number
  /** How long the direct ping may take before others are asked to try. */
  readonly probeTimeoutMs: number
  /** How many others are asked. */
  readonly indirectChecks: number
  readonly disableTcpPings: boolean
  /** Suspicion lasts suspicionMult · max(1, log₁₀ N) · probeInterval, or up to suspicionMaxTimeoutMult times that. */
  readonly suspicionMult: number
  readonly suspicionMaxTimeoutMult: number
  /** The health score is below this; probes take (score + 1) intervals. */
  readonly awarenessMaxMultiplier: number
  readonly gossipIntervalMs: number
  readonly gossipNodes: number
  /** Dead nodes are told of their death for so long, and forgotten after it. */
  readonly gossipToTheDeadMs: number
  /** A message is sent retransmitMult · ⌈log₁₀(N + 1)⌉ times. */
  readonly retransmitMult: number
  /** 0: never. */
  readonly pushPullIntervalMs: number
  readonly tcpTimeoutMs: number
  /** The size a sender plans its packets for. */
  readonly udpBufferBytes: number
  readonly enableCompression: boolean
  /** With a key: refuse what is not encrypted. */
  readonly gossipVerifyIncoming: boolean
  /** With a key: encrypt. */
  readonly gossipVerifyOutgoing: boolean
}

export type ProfileName = "lan" | "wan" | "local"

const lan: Settings = {
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  disableTcpPings: false,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  awarenessMaxMultiplier: 8,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  retransmitMult: 4,
  pushPullIntervalMs: 30_000,
  tcpTimeoutMs: 10_000,
  udpBufferBytes: 1400,
  enableCompression: true,
  gossipVerifyIncoming: true,
  gossipVerifyOutgoing: true,
}

/** MetalLB uses `lan`, or `wan` with `--ml-wan-config`. `local` is memberlist's own for one machine. */
export const profiles: Readonly<Record<ProfileName, Settings>> = {
  lan,
  wan: {
    ...lan,
    probeIntervalMs: 5000,
    probeTimeoutMs: 3000,
    suspicionMult: 6,
    gossipIntervalMs: 500,
    gossipNodes: 4,
    gossipToTheDeadMs: 60_000,
    pushPullIntervalMs: 60_000,
    tcpTimeoutMs: 30_000,
  },
  local: {
    ...lan,
    probeTimeoutMs: 200,
    indirectChecks: 1,
    suspicionMult: 3,
    gossipIntervalMs: 100,
    gossipToTheDeadMs: 15_000,
    retransmitMult: 2,
    pushPullIntervalMs: 15_000,
    tcpTimeoutMs: 1000,
  },
}

/** Overrides stand over the LAN profile, as those of MetalLB's configuration file do. */
export function settingsOf(profile: ProfileName | Partial<Settings>): Settings {
  return typeof profile === "string" ? profiles[profile] : { ...lan, ...profile }
}
