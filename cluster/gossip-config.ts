import { type Ip, parseIp } from "../protocols/ip.ts"
import { encryptionOverheadBytes, metallbKey } from "../protocols/memberlist/encryption.ts"
import { err, ok, type Result } from "../protocols/result.ts"
import { type ProfileName, type Settings, settingsOf } from "./machine/settings.ts"
import type { Endpoint } from "./machine/state.ts"
import type { SpeakerMark } from "./speaker-mark.ts"

/** Plain data: it is sent to a worker thread. */
export interface GossipConfig {
  /** Name in the ring; with MetalLB's speakers about, the Kubernetes node name. */
  readonly name: string
  readonly bindAddress: string
  /** UDP and TCP. 0: any port that is free for both. */
  readonly bindPort: number
  /** Where the others reach us, if not where we listen. Required with `0.0.0.0` or `::`. */
  readonly advertise?: { readonly address?: string; readonly port?: number }
  /**
   * MetalLB's secret, byte for byte as its file has it; text counts as UTF-8. AES-256's key is made of it the way
   * MetalLB makes it. Absent or empty: no encryption.
   */
  readonly secretKey?: Uint8Array | string
  /** Overrides stand over the LAN profile. */
  readonly profile: ProfileName | Partial<Settings>
  /**
   * Nobody hears us and we hear nobody before the first `peers`: a speaker that knows of no Service yet, since the API
   * server is away, must not be a living member that leads. Absent: we listen at once.
   */
  readonly silentUntilPeers?: boolean
  /** What we say of ourselves until told otherwise. Absent: nothing, as MetalLB. */
  readonly mark?: SpeakerMark
  /** Rings with different labels do not mix. At most 255 bytes of UTF-8. */
  readonly label?: string
}

export interface Resolved {
  readonly name: string
  readonly bind: Endpoint
  /** The port is 0 where the bound one is meant. */
  readonly advertise: { readonly address: Ip; readonly port: number }
  readonly keys: readonly Uint8Array[]
  readonly label: Uint8Array
  readonly settings: Settings
  readonly overheadBytes: number
  readonly mark: SpeakerMark | undefined
  readonly silentUntilPeers: boolean
}

/** The text names field and rule, never the key. */
export function resolveConfig(config: GossipConfig): Result<Resolved, string> {
  const { name, bindAddress, bindPort, advertise, secretKey, profile } = config
  if (name === "") return err("gossip: name must not be empty")
  const bind = parseIp(bindAddress)
  if (!bind) return err(`gossip: bindAddress "${bindAddress}" is not an IP address`)
  const port = advertise?.port ?? bindPort
  for (const [field, value] of [
    ["bindPort", bindPort],
    ["advertise.port", port],
  ] as const)
    if (!Number.isInteger(value) || value < 0 || value > 65_535)
      return err(`gossip: ${field} ${value} is not a port (0 to 65535)`)
  const address = parseIp(advertise?.address ?? bind)
  if (!address) return err(`gossip: advertise.address "${advertise?.address}" is not an IP address`)
  if (address === "0.0.0.0" || address === "::")
    return err(`gossip: advertise.address is required, as nobody can be reached at ${address}`)

  const secret = typeof secretKey === "string" ? Buffer.from(secretKey) : secretKey
  const key = secret && secret.length > 0 ? metallbKey(secret) : undefined
  const label = Uint8Array.from(Buffer.from(config.label ?? ""))
  if (label.length > 255) return err(`gossip: label has ${label.length} bytes; 255 is the most`)

  const settings = settingsOf(profile)
  const fault = faultIn(settings)
  if (fault) return err(`gossip: ${fault}`)
  const encrypts = key !== undefined && settings.gossipVerifyOutgoing
  const overheadBytes = (encrypts ? encryptionOverheadBytes : 0) + (label.length > 0 ? 2 + label.length : 0)
  return ok({
    name,
    bind: { address: bind, port: bindPort },
    advertise: { address, port },
    keys: key ? [key] : [],
    label,
    settings,
    overheadBytes,
    mark: config.mark,
    silentUntilPeers: config.silentUntilPeers ?? false,
  })
}

function faultIn(settings: Settings): string | undefined {
  for (const [field, value] of Object.entries(settings)) {
    if (typeof value === "boolean") continue
    if (!Number.isFinite(value) || value < 0) return `${field} must be a number of at least 0, not ${value}`
  }
  for (const field of ["probeIntervalMs", "gossipIntervalMs", "tcpTimeoutMs", "awarenessMaxMultiplier"] as const)
    if (settings[field] <= 0) return `${field} must be above 0`
  return undefined
}

/** `192.0.2.1`, `192.0.2.1:7946`, `2001:db8::1`, `[2001:db8::1]:7946`. */
export function parsePeer(text: string, defaultPort: number): Endpoint | undefined {
  const bare = parseIp(text)
  if (bare) return { address: bare, port: defaultPort }
  const parts = /^(?:\[(?<six>[^\]]+)\]|(?<four>[\d.]+)):(?<port>\d{1,5})$/.exec(text)?.groups
  const address = parseIp(parts?.["six"] ?? parts?.["four"] ?? "")
  const port = Number(parts?.["port"])
  return address && port > 0 && port <= 65_535 ? { address, port } : undefined
}
