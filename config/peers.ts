import { type Ip, parseIp } from "../protocols/ip.ts"
import type { BFDProfileSpec, BGPPeerSpec, ResourceFacts, SecretFacts } from "./facts.ts"
import { type Complain, complaints, type ConfigurationFault } from "./fault.ts"
import { quote, selectorText } from "./go-text.ts"
import { readPeerAnnotations } from "./peer-annotations.ts"
import { readConnectSeconds, readTimers } from "./peer-timers.ts"
import type { SecretText } from "./secret-text.ts"
import { repeatedSelector, selectorFault } from "./selector.ts"
import type { Peer } from "./snapshot.ts"

type PeerFacts = ResourceFacts<BGPPeerSpec>

/** A Secret that is not what the peer needs, or not there, is a fault of `peer-references.ts`; so is a BFD profile. */
export function readPeers(
  peers: readonly PeerFacts[],
  namespace: string,
  faults: ConfigurationFault[],
  profiles: ReadonlyMap<string, BFDProfileSpec>,
  secrets?: readonly SecretFacts[],
): Peer[] {
  return peers.flatMap((facts) => {
    const { complain, clean } = complaints(faults, "BGPPeer", facts.name)
    const ofPeer: Complain = (field, text) => complain(field, `parsing peer ${facts.name} ${text}`)
    const peer = readPeer(facts, namespace, ofPeer, secrets)
    const { bfdProfile } = facts.spec
    if (!clean() || peer === undefined) return []
    const bfd = bfdProfile ? profiles.get(bfdProfile) : undefined
    return [bfd === undefined ? peer : { ...peer, bfd }]
  })
}

/** MetalLB's rules in its order. What only this session cannot do, such as a source of another family, is the session's to say. */
function readPeer(
  { name, spec, annotations }: PeerFacts,
  namespace: string,
  complain: Complain,
  secrets: readonly SecretFacts[] | undefined,
): Peer | undefined {
  const { myASN, peerASN = 0, dynamicASN = "", peerAddress = "", interface: device = "", nodeSelectors = [] } = spec
  if (myASN === 0) complain("myASN", "missing local ASN")
  if (peerASN === 0 && dynamicASN === "") complain("peerASN", "missing peer ASN and dynamicASN")
  if (peerASN !== 0 && dynamicASN !== "") complain("dynamicASN", "both peer ASN and dynamicASN specified")
  if (!isDynamic(dynamicASN) && dynamicASN !== "") complain("dynamicASN", `invalid dynamicASN ${dynamicASN}`)
  if (spec.ebgpMultiHop === true && peerASN === myASN)
    complain("ebgpMultiHop", "invalid ebgp-multihop parameter set for an ibgp peer")
  if (peerAddress === "" && device === "") complain("peerAddress", "peer has no Address or Interface specified")
  if (peerAddress !== "" && device !== "") complain("interface", "peer has both Address and Interface specified")
  const timers = readTimers(spec, (field, text) => complain(field, `invalid BGPPeer timers: ${text}`))
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

  const connectSeconds = readConnectSeconds(spec, complain)
  const extras = readPeerAnnotations(annotations, spec, secrets, complain)
  const password = passwordOf(spec, secrets)
  if (address === undefined && device === "") return undefined
  return {
    name,
    myASN,
    peerASN: isDynamic(dynamicASN) ? dynamicASN : peerASN,
    // The port's default comes from the CRD; an object read without it means the same.
    port: spec.peerPort || 179,
    ...timers,
    nodeSelectors,
    ...(spec.localASN && { localASN: spec.localASN }),
    ...(address !== undefined && { address }),
    ...(device !== "" && { interface: device }),
    ...(spec.vrf && { vrf: spec.vrf }),
    ...(connectSeconds !== undefined && { connectSeconds }),
    ...(sourceAddress && { sourceAddress }),
    ...(routerId && { routerId }),
    ...(password !== undefined && { password }),
    ...(password === undefined && spec.passwordSecret?.name && { passwordUnread: true }),
    ...(spec.dualStackAddressFamily === true && { bothFamilies: true }),
    ...(spec.enableGracefulRestart === true && { gracefulRestart: true }),
    ...(spec.ebgpMultiHop === true && { multihop: true }),
    ...extras,
  }
}

const isDynamic = (text: string): text is "internal" | "external" => text === "internal" || text === "external"

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

/** The Secret's own `namespace` is ignored, as in MetalLB: it is read from ours. */
function passwordOf(
  { password, passwordSecret }: BGPPeerSpec,
  secrets: readonly SecretFacts[] | undefined,
): string | SecretText | undefined {
  if (password) return password
  const named = passwordSecret?.name
  return named ? secrets?.find(({ name }) => name === named)?.password : undefined
}
