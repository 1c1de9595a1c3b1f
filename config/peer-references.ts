import type { BFDProfileSpec, BGPPeerSpec, ResourceFacts, SecretFacts } from "./facts.ts"
import type { ConfigurationFault } from "./fault.ts"
import { quote } from "./go-text.ts"

type PeerFacts = ResourceFacts<BGPPeerSpec>

export interface Referable {
  readonly namespace: string
  /** Absent: Secrets were not asked for, and are not checked. */
  readonly secrets?: readonly SecretFacts[]
  /** Absent: BFD profiles were not asked for, and are not checked. */
  readonly profiles?: ReadonlySet<string>
}

/** What a peer names: its password's Secret and its BFD profile. In MetalLB these are the last rules of a peer. */
export function peerReferenceFaults(peer: PeerFacts, at: Referable): ConfigurationFault[] {
  const object = { kind: "BGPPeer", name: peer.name } as const
  const faults: ConfigurationFault[] = []
  const secret = secretFault(peer, at)
  if (secret !== undefined) {
    const text = `parsing peer ${peer.name} ${secret.text}\nfailed to parse peer ${peer.name} password secret`
    faults.push({ object, field: "passwordSecret", text, ...(secret.transient && { transient: true }) })
  }
  const key = keyFault(peer, at)
  if (key !== undefined) {
    const text = `parsing peer ${peer.name} ${key.text}`
    faults.push({ object, field: "metadata.annotations", text, ...(key.transient && { transient: true }) })
  }
  const profile = peer.spec.bfdProfile ?? ""
  if (profile !== "" && at.profiles !== undefined && !at.profiles.has(profile)) {
    const text = `peer ${peer.name} referencing non existing bfd profile ${profile}`
    faults.push({ object, field: "bfdProfile", text, transient: true })
  }
  return faults
}

/** The same for the key of TCP-AO. */
function keyFault(
  { annotations }: PeerFacts,
  { namespace, secrets }: Referable,
): { readonly text: string; readonly transient?: true } | undefined {
  const wanted = annotations?.["troupe.dev/tcp-ao-secret"] ?? ""
  if (wanted === "" || secrets === undefined) return undefined
  const what = `troupe.dev/tcp-ao-secret ${quote(namespace)}/${quote(wanted)}`
  const secret = secrets.find((one) => one.name === wanted)
  if (secret === undefined) return { text: `${what}: there is no such Secret`, transient: true }
  if (secret.type !== "kubernetes.io/basic-auth")
    return { text: `${what}: its type must be "kubernetes.io/basic-auth"` }
  if (secret.password === undefined) return { text: `${what}: it has no key "password"` }
  return undefined
}

function secretFault(
  { name, spec }: PeerFacts,
  { namespace, secrets }: Referable,
): { readonly text: string; readonly transient?: true } | undefined {
  const wanted = spec.passwordSecret?.name ?? ""
  // Both of them is a fault of its own, and then it is not said which one is meant.
  if (wanted === "" || secrets === undefined || spec.password) return undefined
  const secret = secrets.find((one) => one.name === wanted)
  if (secret === undefined)
    return { text: `secret ref not found for peer config ${quote(namespace)}/${quote(name)}`, transient: true }
  const where = `${quote(namespace)}/${quote(wanted)}`
  if (secret.type !== "kubernetes.io/basic-auth")
    return { text: `secret type mismatch on ${where}, type "kubernetes.io/basic-auth" is expected ` }
  if (secret.password === undefined) return { text: `password not specified in the secret ${where}` }
  return undefined
}

/** No BFD echo where IPv6 routes go: echo packets cannot be sent over IPv6 there. */
export function echoFaults(
  pools: Iterable<{
    readonly name: string
    readonly blocks: readonly { readonly family: string }[]
    readonly bgpAdvertisements: readonly { readonly name: string; readonly peers: readonly string[] }[]
  }>,
  peers: readonly PeerFacts[],
  profiles: ReadonlyMap<string, BFDProfileSpec>,
): ConfigurationFault[] {
  const echoing = peers.filter(({ spec }) => profiles.get(spec.bfdProfile ?? "")?.echoMode === true)
  const faults: ConfigurationFault[] = []
  for (const pool of pools) {
    if (!pool.blocks.some(({ family }) => family === "ipv6")) continue
    for (const { name, peers: named } of pool.bgpAdvertisements)
      for (const peer of echoing) {
        if (named.length > 0 && !named.includes(peer.name)) continue
        const text = `pool ${pool.name} has bgpadvertisement ${name} which references peer ${peer.name} which has bfd echo enabled, which is not possible`
        faults.push({ object: { kind: "BGPPeer", name: peer.name }, field: "bfdProfile", text })
      }
  }
  return faults
}
