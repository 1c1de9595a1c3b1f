import { readFileSync } from "node:fs"

/** The kernel's counters of what it dropped or refused on TCP connections, of this whole network namespace. */
export type TcpCounters = ReadonlyMap<string, number>

/** `TcpExt` of the thread's network namespace; empty where it cannot be read. */
export function tcpCounters(): TcpCounters {
  try {
    return tcpExtension(readFileSync("/proc/thread-self/net/netstat", "utf8"))
  } catch {
    return new Map()
  }
}

/** proc_pid_net(5): a line of names and a line of values, both behind the name of the group. */
export function tcpExtension(netstat: string): TcpCounters {
  const [names = [], values = []] = netstat
    .split("\n")
    .filter((line) => line.startsWith("TcpExt: "))
    .map((line) => line.split(" ").slice(1))
  return new Map(names.map((name, i) => [name, Number(values[i] ?? 0)]))
}

interface Asked {
  readonly signed: "md5" | "ao" | undefined
  readonly minimumTtl: number | undefined
}

/** Each with what it means when it grows while we wait for an answer. */
const meanings = {
  md5: [
    ["TCPMD5Failure", "arrived with a wrong signature: the passwords differ"],
    ["TCPMD5NotFound", "arrived unsigned: the peer has no password for us, or refuses connections"],
    ["TCPMD5Unexpected", "arrived signed on connections without a password"],
  ],
  ao: [
    ["TCPAOBad", "arrived with a wrong signature: the keys differ"],
    ["TCPAOKeyNotFound", "arrived with a KeyID that is not ours"],
    ["TCPAORequired", "arrived unsigned: the peer has no key for us, or refuses connections"],
  ],
  ttl: [["TCPMinTTLDrop", "arrived from farther away than TTL security allows, or not sent with TTL 255"]],
} as const

/**
 * Why nobody answered, as far as what was asked of the socket and the counters since then tell. A segment with a wrong
 * signature, or none, is dropped in silence on either side (RFC 2385 §2, RFC 5925 §7.3), so silence is the symptom.
 */
export function explainSilence(
  { signed, minimumTtl }: Asked,
  before: TcpCounters,
  now: TcpCounters,
): string | undefined {
  const asked = [...(signed === undefined ? [] : meanings[signed]), ...(minimumTtl === undefined ? [] : meanings.ttl)]
  const seen = asked.flatMap(([name, meaning]) => {
    const more = (now.get(name) ?? 0) - (before.get(name) ?? 0)
    return more > 0 ? [`${more} ${more === 1 ? "segment" : "segments"} ${meaning} (${name} of this host)`] : []
  })
  if (seen.length > 0) return seen.join("; ")
  const hints = [
    ...(signed === undefined ? [] : [`a wrong or missing ${signed === "md5" ? "password" : "key"} on either side`]),
    ...(minimumTtl === undefined ? [] : ["TTL security on one side only"]),
  ]
  if (hints.length === 0) return undefined
  const names = asked.map(([name]) => name).join(", ")
  return `${hints.join(", or ")} looks like this; no segment was dropped here, the peer's counters ${names} may tell`
}
