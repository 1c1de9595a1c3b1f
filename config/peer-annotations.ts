import { parsePrefixRange } from "../protocols/bgp/import-filter.ts"
import { parsePrefix } from "../protocols/prefix.ts"
import { readNumber } from "./annotations.ts"
import type { BGPPeerSpec, SecretFacts } from "./facts.ts"
import type { Complain } from "./fault.ts"
import { quote } from "./go-text.ts"
import type { PeerAuthentication, PeerImport, Peer } from "./snapshot.ts"

type Annotations = Readonly<Record<string, string>>

/** What a BGPPeer says by annotation. */
export type PeerExtras = Pick<
  Peer,
  "ttlSecurityHops" | "passive" | "listenPort" | "authentication" | "passwordUnread" | "import"
>

const field = "metadata.annotations"
/** RFC 4271 §4.2. */
const bgpPort = 179

export function readPeerAnnotations(
  annotations: Annotations = {},
  spec: BGPPeerSpec,
  secrets: readonly SecretFacts[] | undefined,
  complain: Complain,
): PeerExtras {
  const ttlSecurityHops = readNumber(annotations, "troupe.dev/ttl-security-hops", { from: 1, to: 254 }, complain)
  const imported = readImport(annotations, spec, complain)
  return {
    ...(ttlSecurityHops !== undefined && { ttlSecurityHops }),
    ...readListening(annotations, spec, complain),
    ...readAuthentication(annotations, spec, secrets, complain),
    ...(imported !== undefined && { import: imported }),
  }
}

function readListening(
  annotations: Annotations,
  { interface: device }: BGPPeerSpec,
  complain: Complain,
): Pick<Peer, "passive" | "listenPort"> {
  const passive = readBoolean(annotations, "troupe.dev/passive", complain)
  const port = readNumber(annotations, "troupe.dev/listen-port", { from: 1, to: 65_535 }, complain)
  const listens = passive || port !== undefined
  if (listens && device) {
    complain(field, "troupe.dev/passive and troupe.dev/listen-port need a peerAddress: nobody could tell who connects")
  }
  return { ...(passive && { passive }), ...(listens && { listenPort: port ?? bgpPort }) }
}

function readBoolean(annotations: Annotations, name: string, complain: Complain): boolean {
  const text = annotations[name]
  if (text !== undefined && text !== "true" && text !== "false") {
    complain(field, `invalid ${name} ${quote(text)}: must be "true" or "false"`)
  }
  return text === "true"
}

const algorithms: readonly [PeerAuthentication["algorithm"], PeerAuthentication["algorithm"]] = [
  "hmac-sha-1-96",
  "aes-128-cmac-96",
]

/** RFC 5925, with the algorithms of RFC 5926. */
function readAuthentication(
  annotations: Annotations,
  { password, passwordSecret }: BGPPeerSpec,
  secrets: readonly SecretFacts[] | undefined,
  complain: Complain,
): Pick<Peer, "authentication" | "passwordUnread"> {
  const secret = annotations["troupe.dev/tcp-ao-secret"]
  const range = { from: 0, to: 255 }
  const sendId = readNumber(annotations, "troupe.dev/tcp-ao-key-id", range, complain)
  const receiveId = readNumber(annotations, "troupe.dev/tcp-ao-receive-key-id", range, complain)
  const algorithm = oneOf(algorithms, annotations, "troupe.dev/tcp-ao-algorithm", complain)
  if (secret === undefined) {
    const stray = Object.keys(annotations).find((name) => name.startsWith("troupe.dev/tcp-ao-"))
    if (stray !== undefined) complain(field, `${stray} means nothing without troupe.dev/tcp-ao-secret`)
    return {}
  }
  if (secret === "") complain(field, `invalid troupe.dev/tcp-ao-secret "": must be the name of a Secret`)
  if (sendId === undefined && annotations["troupe.dev/tcp-ao-key-id"] === undefined) {
    complain(field, "troupe.dev/tcp-ao-secret needs troupe.dev/tcp-ao-key-id")
  }
  if (password || passwordSecret?.name) {
    complain(field, "troupe.dev/tcp-ao-secret and a password are both set: a connection is signed in one way")
  }
  const key = secrets?.find(({ name }) => name === secret)?.password
  if (key === undefined) return { passwordUnread: true }
  if (sendId === undefined) return {}
  return { authentication: { key, algorithm, sendId, receiveId: receiveId ?? sendId } }
}

/** The first one where nothing else is said. */
function oneOf<T extends string>(
  values: readonly [T, ...T[]],
  annotations: Annotations,
  name: string,
  complain: Complain,
): T {
  const text = annotations[name]
  const found = values.find((value) => value === text)
  if (text !== undefined && found === undefined) {
    complain(field, `invalid ${name} ${quote(text)}: must be ${values.join(" or ")}`)
  }
  return found ?? values[0]
}

const actions: readonly [PeerImport["beyondMaximum"], PeerImport["beyondMaximum"]] = ["warn", "shutdown"]
/** A peer's prefixes are kept in memory and in the kernel. */
const largestMaximum = 100_000
const defaultMaximum = 1_000
/** Two are usual: a default and what is inside. */
const mostPrefixes = 64
/** A network of Pods, of each family. */
const mostSources = 16
const defaultTable = 1790
/** default, main, local (rt_tables): the routes in there are the host's. */
const hostTables: ReadonlySet<number> = new Set([253, 254, 255])

function readImport(annotations: Annotations, { vrf }: BGPPeerSpec, complain: Complain): PeerImport | undefined {
  const text = annotations["troupe.dev/import-prefixes"]
  const maximum = readNumber(annotations, "troupe.dev/import-maximum", { from: 1, to: largestMaximum }, complain)
  const beyondMaximum = oneOf(actions, annotations, "troupe.dev/import-maximum-action", complain)
  const table = readNumber(annotations, "troupe.dev/import-table", { from: 1, to: 4_294_967_295 }, complain)
  if (table !== undefined && hostTables.has(table)) {
    complain(field, `invalid troupe.dev/import-table "${table}": that table is the host's`)
  }
  const sources = readSources(annotations["troupe.dev/import-sources"], complain)
  if (text === undefined) {
    const stray = Object.keys(annotations).find((name) => name.startsWith("troupe.dev/import-"))
    if (stray !== undefined) complain(field, `${stray} means nothing without troupe.dev/import-prefixes`)
    return undefined
  }
  if (vrf) complain(field, "troupe.dev/import-prefixes and vrf are both set, which is not supported")
  const prefixes = text.split(/[\s,]+(?![^{]*\})/).filter((part) => part !== "")
  if (prefixes.length === 0 || prefixes.length > mostPrefixes) {
    complain(field, `invalid troupe.dev/import-prefixes ${quote(text)}: must be 1 to ${mostPrefixes} prefixes`)
  }
  for (const prefix of prefixes) {
    const parsed = parsePrefixRange(prefix)
    if (!parsed.ok) complain(field, `invalid troupe.dev/import-prefixes: ${parsed.error}`)
  }
  return {
    prefixes,
    maximum: maximum ?? defaultMaximum,
    beyondMaximum,
    table: table ?? defaultTable,
    ...(sources.length > 0 && { sources }),
  }
}

/** In canonical form. */
function readSources(text: string | undefined, complain: Complain): readonly string[] {
  if (text === undefined) return []
  const parts = text.split(/[\s,]+/).filter((part) => part !== "")
  if (parts.length === 0 || parts.length > mostSources) {
    complain(field, `invalid troupe.dev/import-sources ${quote(text)}: must be 1 to ${mostSources} prefixes`)
  }
  return parts.flatMap((part) => {
    const prefix = parsePrefix(part)
    if (prefix?.text === part) return [part]
    const meant = prefix === undefined ? "is no prefix" : `has host bits set: ${prefix.text} is meant`
    complain(field, `invalid troupe.dev/import-sources: "${part}" ${meant}`)
    return []
  })
}
