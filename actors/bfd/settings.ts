import type { Settings } from "../../protocols/bfd/session.ts"
import { familyOf, type Ip, parseIp } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { BfdProfile, DesiredBfdSession } from "./messages.ts"

/** One thread holds no more: its ports are dealt out by it. */
export const mostSessions = 512

/** RFC 5881 §4: source ports come from here, and no two sessions share one. */
const firstSourcePort = 49_152
const sourcePorts = 65_536 - firstSourcePort

/** The ports that belong to one slot alone, in an order that begins by chance. `random` is uniform in 0 … 2³²−1. */
export function portsOf(slot: number, random: number): readonly number[] {
  const rounds = sourcePorts / mostSessions
  return Array.from(
    { length: rounds },
    (_, round) => firstSourcePort + slot + ((round + (random % rounds)) % rounds) * mostSessions,
  )
}

export interface Plan {
  readonly peer: Ip
  readonly local?: Ip
  readonly settings: Settings
  /** Why the echo function is not used although it is wanted. */
  readonly withoutEcho?: string
}

const defaults = { receiveInterval: 300, transmitInterval: 300, detectMultiplier: 3, echoInterval: 50, minimumTtl: 254 }
const bounds = {
  receiveInterval: [10, 60_000],
  transmitInterval: [10, 60_000],
  detectMultiplier: [2, 255],
  echoInterval: [10, 60_000],
  minimumTtl: [1, 254],
} as const
type Field = keyof typeof bounds

const valueOf = (profile: BfdProfile, field: Field): number => profile[field] ?? defaults[field]

export const minimumTtlOf = (profile: BfdProfile): number => valueOf(profile, "minimumTtl")

/** What is wanted means this; or why it cannot be. */
export function planOf(desired: DesiredBfdSession): Result<Plan, string> {
  const { profile, multihop } = desired
  for (const field of Object.keys(bounds) as Field[]) {
    const [low, high] = bounds[field]
    const value = valueOf(profile, field)
    if (!Number.isInteger(value) || value < low || value > high) {
      return err(`${field} ${value} of the BFD profile is not within ${low} to ${high}`)
    }
  }
  const peer = parseIp(desired.peer)
  if (peer === undefined) return err(`BFD peer ${JSON.stringify(desired.peer)} is not an IP address`)
  const local = desired.local === undefined ? undefined : parseIp(desired.local)
  if (desired.local !== undefined && (local === undefined || familyOf(local) !== familyOf(peer))) {
    return err(`local address ${JSON.stringify(desired.local)} of the BFD session does not fit the peer ${peer}`)
  }
  if (isLinkLocal(peer) && desired.interface === undefined) return err(`link-local BFD peer ${peer} needs an interface`)
  const withoutEcho = echoObstacle(profile, multihop, peer)
  const echo = profile.echoMode === true && withoutEcho === undefined
  return ok({
    peer,
    ...(local === undefined ? {} : { local }),
    settings: {
      desiredMinTxUs: valueOf(profile, "transmitInterval") * 1000,
      requiredMinRxUs: valueOf(profile, "receiveInterval") * 1000,
      detectMultiplier: valueOf(profile, "detectMultiplier"),
      passive: profile.passiveMode === true,
      ...(echo ? { echoIntervalUs: valueOf(profile, "echoInterval") * 1000 } : {}),
    },
    ...(withoutEcho === undefined ? {} : { withoutEcho }),
  })
}

function echoObstacle({ echoMode }: BfdProfile, multihop: boolean, peer: Ip): string | undefined {
  if (echoMode !== true) return undefined
  if (multihop) return "echo mode does not exist on multihop sessions (RFC 5883)"
  return familyOf(peer) === "ipv6" ? "echo mode is for IPv4 only" : undefined
}

const isLinkLocal = (ip: Ip): boolean => /^fe[89ab]/.test(ip)
