import { type Ip, parseIp } from "../protocols/ip.ts"
import { durationText, parseDurationMs } from "./duration.ts"
import type { BGPPeerSpec, ResourceFacts } from "./facts.ts"
import { type Complain, complaints, type ConfigurationFault } from "./fault.ts"
import { quote, selectorText } from "./go-text.ts"
import { repeatedSelector, selectorFault } from "./selector.ts"
import type { Peer } from "./snapshot.ts"

type PeerFacts = ResourceFacts<BGPPeerSpec>

/** What BGPPeer can say and this session cannot do yet. Saying so is better than a session that ignores it. */
const notYet = [
  "interface",
  "dynamicASN",
  "localASN",
  "vrf",
  "passwordSecret",
  "bfdProfile",
  "keepaliveTime",
  "connectTime",
  "enableGracefulRestart",
  "dualStackAddressFamily",
] as const satisfies readonly (keyof BGPPeerSpec)[]

export function readPeers(peers: readonly PeerFacts[], namespace: string, faults: ConfigurationFault[]): Peer[] {
  return peers.flatMap((facts) => {
    const { complain, clean } = complaints(faults, "BGPPeer", facts.name)
    const peer = readPeer(facts, namespace, (field, text) => complain(field, `parsing peer ${facts.name} ${text}`))
    for (const field of notYet)
      if (isSet(facts.spec, field)) complain(field, `peer ${facts.name} has ${field} set, which is not supported yet`)
    return clean() && peer !== undefined ? [peer] : []
  })
}

const isSet = (spec: BGPPeerSpec, field: (typeof notYet)[number]): boolean => {
  if (field === "passwordSecret") return Boolean(spec.passwordSecret?.name)
  if (field === "keepaliveTime") return spec.keepaliveTime !== undefined && parseDurationMs(spec.keepaliveTime) !== 0
  return Boolean(spec[field])
}

function readPeer({ name, spec }: PeerFacts, namespace: string, complain: Complain): Peer | undefined {
  const { myASN, peerASN = 0, dynamicASN = "", peerAddress = "", interface: device = "", nodeSelectors = [] } = spec
  if (myASN === 0) complain("myASN", "missing local ASN")
  if (peerASN === 0 && dynamicASN === "") complain("peerASN", "missing peer ASN and dynamicASN")
  if (peerASN !== 0 && dynamicASN !== "") complain("dynamicASN", "both peer ASN and dynamicASN specified")
  if (!["", "internal", "external"].includes(dynamicASN)) complain("dynamicASN", `invalid dynamicASN ${dynamicASN}`)
  if (spec.ebgpMultiHop === true && peerASN === myASN)
    complain("ebgpMultiHop", "invalid ebgp-multihop parameter set for an ibgp peer")
  if (peerAddress === "" && device === "") complain("peerAddress", "peer has no Address or Interface specified")
  if (peerAddress !== "" && device !== "") complain("interface", "peer has both Address and Interface specified")
  const holdSeconds = readHoldSeconds(spec, (field, text) => complain(field, `invalid BGPPeer timers: ${text}`))
  const ip = (field: "peerAddress" | "routerID" | "sourceAddress", what: string): Ip | undefined => {
    const text = spec[field] ?? ""
    const parsed = parseIp(text)
    if (text !== "" && parsed === undefined) complain(field, `invalid ${what} ${quote(text)}`)
    return parsed
  }
  const address = ip("peerAddress", "BGPPeer address")
  const routerId = ip("routerID", "router ID")
  const sourceAddress = ip("sourceAddress", "source IP")
  checkNodeSelectors(name, nodeSelectors, complain)
  if (spec.password && spec.passwordSecret?.name)
    complain(
      "passwordSecret",
      `can not have both password and secret ref set in peer config ${quote(namespace)}/${quote(name)}`,
    )
  if (address === undefined) return undefined
  return {
    name,
    myASN,
    peerASN,
    address,
    // The port's default comes from the CRD; an object read without it means the same.
    port: spec.peerPort || 179,
    holdSeconds,
    nodeSelectors,
    ...(sourceAddress && { sourceAddress }),
    ...(routerId && { routerId }),
    ...(spec.password && { password: spec.password }),
  }
}

function checkNodeSelectors(name: string, selectors: NonNullable<BGPPeerSpec["nodeSelectors"]>, complain: Complain) {
  const repeat = repeatedSelector(selectors, "nodeSelectors")
  if (repeat !== undefined) complain("nodeSelectors", repeat)
  for (const selector of selectors) {
    const fault = selectorFault(selector)
    if (fault === undefined) continue
    const inner = `${fault}\ninvalid label selector ${selectorText(selector)}`
    complain("nodeSelectors", `${inner}\nfailed to convert peer ${name} node selector`)
  }
}

/** RFC 4271 §4.2: the hold time is 0 or at least three seconds. Without either timer it is 90 seconds (§10). */
function readHoldSeconds({ holdTime, keepaliveTime }: BGPPeerSpec, complain: Complain): number {
  const read = (field: string, text: string | undefined): number | undefined => {
    if (text === undefined) return undefined
    const ms = parseDurationMs(text)
    if (ms === undefined) complain(field, `time: invalid duration ${quote(text)}`)
    return ms
  }
  let holdMs = read("holdTime", holdTime)
  let keepaliveMs = read("keepaliveTime", keepaliveTime)
  if (holdMs === undefined && keepaliveMs === undefined) return 90
  holdMs ??= 3 * (keepaliveMs ?? 0)
  keepaliveMs ??= holdMs / 3
  const seconds = Math.trunc(holdMs / 1000)
  if (seconds !== 0 && seconds < 3)
    complain("holdTime", `invalid hold time ${quote(durationText(seconds * 1000))}: must be 0 or >=3s`)
  if (keepaliveMs > holdMs)
    complain(
      "keepaliveTime",
      `invalid keepaliveTime ${quote(durationText(keepaliveMs))}, must be lower than holdTime ${quote(durationText(holdMs))}`,
    )
  return seconds
}
