import { durationText, parseDurationMs } from "../../config/duration.ts"
import { quote } from "../../config/go-text.ts"
import type { JsonObject } from "../../kubernetes/client/json.ts"
import type { Names } from "./names.ts"
import { MigrationFault, type Section } from "./read.ts"

/** The old configuration as resources, in the order in which MetalLB's converter writes them. */
export function resourcesOf(config: Section, namespace: string, names: Names): readonly JsonObject[] {
  const make = (kind: string, name: string, spec: JsonObject, version = "v1beta1"): JsonObject => ({
    apiVersion: `metallb.io/${version}`,
    kind,
    metadata: { name, namespace },
    spec: present(spec),
    status: kind === "IPAddressPool" ? { assignedIPv4: 0, assignedIPv6: 0, availableIPv4: 0, availableIPv6: 0 } : {},
  })
  const pools = config.sections("address-pools").map((pool) => ({ pool, name: names.of("IpAddressPool", pool) }))
  const profiles = config
    .sections("bfd-profiles")
    .map((profile) => ({ profile, name: names.of("BFDProfile", profile) }))
  const bgp = pools.flatMap(({ pool, name }) => {
    const advertisements = pool.sections("bgp-advertisements").map((one) => bgpSpec(one, name))
    const none = advertisements.length === 0 && pool.text("protocol") === "bgp"
    return none ? [{ ipAddressPools: [name] }] : advertisements
  })
  const layer2 = pools.filter(({ pool }) => pool.text("protocol") === "layer2")
  const communities = Object.entries(config.labels("bgp-communities")).sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    ...config.sections("peers").map((peer, i) => make("BGPPeer", `peer${i + 1}`, peerSpec(peer, names), "v1beta2")),
    ...pools.map(({ pool, name }) => make("IPAddressPool", name, poolSpec(pool))),
    ...bgp.map((spec, i) => make("BGPAdvertisement", `bgpadvertisement${i + 1}`, spec)),
    ...layer2.map(({ name }, i) => make("L2Advertisement", `l2advertisement${i + 1}`, { ipAddressPools: [name] })),
    ...profiles.map(({ profile, name }) => make("BFDProfile", name, profileSpec(profile))),
    ...(communities.length === 0
      ? []
      : [
          make("Community", "communities", {
            communities: communities.map(([name, value]) => ({ name, value })),
          }),
        ]),
  ]
}

/** Without what is absent. */
const present = (spec: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined))

const orAbsent = (text: string): string | undefined => (text === "" ? undefined : text)
const unlessZero = (number: number | undefined): number | undefined => number || undefined
const unlessEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list)

function peerSpec(peer: Section, names: Names): JsonObject {
  const profile = peer.text("bfd-profile")
  return {
    myASN: peer.number("my-asn") ?? 0,
    peerASN: unlessZero(peer.number("peer-asn")),
    peerAddress: orAbsent(peer.text("peer-address")),
    sourceAddress: orAbsent(peer.text("source-address")),
    peerPort: unlessZero(peer.number("peer-port")),
    holdTime: holdTime(peer.text("hold-time")),
    keepaliveTime: keepaliveTime(peer.text("keepalive-time")),
    routerID: orAbsent(peer.text("router-id")),
    nodeSelectors: unlessEmpty(peer.sections("node-selectors").map(selector)),
    password: orAbsent(peer.text("password")),
    passwordSecret: {},
    bfdProfile: profile === "" ? undefined : names.fixed("BFDProfile", profile),
    ebgpMultiHop: peer.flag("ebgp-multihop") || undefined,
  }
}

/** RFC 4271 §4.2: 0, or at least three seconds. */
function holdTime(text: string): string {
  if (text === "") return "1m30s"
  const seconds = wholeSeconds("hold", text)
  if (seconds !== 0 && seconds < 3) throw new MigrationFault(`invalid hold time ${quote(text)}: must be 0 or >=3s`)
  return durationText(seconds * 1000)
}

const keepaliveTime = (text: string): string | undefined =>
  text === "" ? undefined : durationText(wholeSeconds("keepalive", text) * 1000)

function wholeSeconds(what: string, text: string): number {
  const ms = parseDurationMs(text)
  if (ms === undefined) {
    const inner = `time: invalid duration ${quote(text)}`
    throw new MigrationFault(`invalid ${what} time ${quote(text)}: ${inner}`)
  }
  return Math.trunc(ms / 1000)
}

function selector(section: Section): JsonObject {
  const labels = section.labels("match-labels")
  const expressions = section.sections("match-expressions").map((expression) => ({
    key: expression.text("key"),
    operator: expression.text("operator"),
    ...present({ values: unlessEmpty(expression.texts("values")) }),
  }))
  return present({
    matchLabels: Object.keys(labels).length === 0 ? undefined : labels,
    matchExpressions: unlessEmpty(expressions),
  })
}

const poolSpec = (pool: Section): JsonObject => ({
  addresses: pool.texts("addresses"),
  autoAssign: pool.flag("auto-assign"),
  avoidBuggyIPs: pool.flag("avoid-buggy-ips") || undefined,
})

const bgpSpec = (advertisement: Section, pool: string): JsonObject => ({
  aggregationLength: advertisement.number("aggregation-length"),
  aggregationLengthV6: advertisement.number("aggregation-length-v6"),
  localPref: unlessZero(advertisement.number("localpref")),
  communities: unlessEmpty(advertisement.texts("communities")),
  ipAddressPools: [pool],
})

const profileSpec = (profile: Section): JsonObject => ({
  receiveInterval: profile.number("receive-interval"),
  transmitInterval: profile.number("transmit-interval"),
  detectMultiplier: profile.number("detect-multiplier"),
  echoInterval: profile.number("echo-interval"),
  echoMode: profile.flag("echo-mode") ?? false,
  passiveMode: profile.flag("passive-mode") ?? false,
  minimumTtl: profile.number("minimum-ttl"),
})
