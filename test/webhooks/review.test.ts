import test from "ava"
import type { ConfigurationFacts, ResourceFacts } from "../../config/facts.ts"
import { begin, type ReviewRequest, review } from "../../kubernetes/webhooks/review.ts"
import type { Operation, ReviewedKind } from "../../kubernetes/webhooks/rules.ts"
import { bgpNamed, communityNamed, l2Named, node, peerNamed, poolNamed } from "../support/configuration.ts"

const home = "metallb-system"
const operations: readonly Operation[] = ["CREATE", "UPDATE", "DELETE"]
const kinds: readonly ReviewedKind[] = [
  "IPAddressPool",
  "L2Advertisement",
  "BGPAdvertisement",
  "Community",
  "BGPPeer",
  "BFDProfile",
]

const request = (
  kind: ReviewedKind,
  operation: Operation,
  object: ResourceFacts<unknown>,
  namespace = home,
): ReviewRequest => ({ kind, operation, namespace, object: object as ResourceFacts })
const plain = (name = "x") => poolNamed(name, { addresses: [] })

const needed: Readonly<Record<ReviewedKind, Readonly<Record<Operation, readonly string[]>>>> = {
  IPAddressPool: { CREATE: ["pools"], UPDATE: ["pools"], DELETE: [] },
  L2Advertisement: { CREATE: ["l2Advertisements", "pools"], UPDATE: ["l2Advertisements", "pools"], DELETE: [] },
  BGPAdvertisement: {
    CREATE: ["bgpAdvertisements", "pools", "nodes"],
    UPDATE: ["bgpAdvertisements", "pools", "nodes"],
    DELETE: [],
  },
  Community: { CREATE: ["communities"], UPDATE: ["communities"], DELETE: [] },
  BGPPeer: { CREATE: ["peers", "nodes"], UPDATE: ["peers", "nodes"], DELETE: [] },
  BFDProfile: { CREATE: [], UPDATE: [], DELETE: ["peers"] },
}

for (const kind of kinds) {
  for (const operation of operations) {
    test(`${operation} ${kind}: what is read first, and what another namespace comes to`, (t) => {
      const wanted = needed[kind][operation]
      const here = begin(request(kind, operation, plain()), home)
      if (wanted.length > 0) t.deepEqual(here, { needed: [...wanted] } as typeof here)
      else t.deepEqual(here, { review: { decision: "allowed", warnings: [] } })
      const elsewhere = begin(request(kind, operation, plain(), "default"), home)
      if (operation === "CREATE") {
        const text = "resource must be created in metallb-system namespace"
        t.deepEqual(elsewhere, { review: { decision: "denied", text } })
      } else t.deepEqual(elsewhere, here, "only creation looks at the namespace")
    })
  }
}

const peer = { myASN: 64512, peerASN: 64513, peerAddress: "192.0.2.1" }
const pool = poolNamed("pool", { addresses: ["192.0.2.0/24"] })
const v6pool = poolNamed("pool", { addresses: ["192.0.2.0/28"] })
const deprecated = "disable mp is deprecated and has no effect since it's the default behavior now"

type Row = readonly [
  what: string,
  kind: ReviewedKind,
  object: ResourceFacts<unknown>,
  existing: Partial<ConfigurationFacts>,
  denied: string | undefined,
]
const rows: readonly Row[] = [
  ["a pool", "IPAddressPool", pool, { pools: [] }, undefined],
  ["a pool in place of its old self", "IPAddressPool", pool, { pools: [pool] }, undefined],
  [
    "a pool with nothing in it",
    "IPAddressPool",
    plain("p"),
    { pools: [pool] },
    "parsing address pool p: pool has no prefixes defined",
  ],
  [
    "a pool over another one",
    "IPAddressPool",
    poolNamed("zone", { addresses: ["192.0.2.128-192.0.2.129"] }),
    { pools: [pool] },
    'CIDR "192.0.2.128/31" in pool "zone" overlaps with already defined CIDR "192.0.2.0/24"',
  ],
  [
    "an advertisement for pools to come",
    "L2Advertisement",
    l2Named("l2", { ipAddressPools: ["later"] }),
    {},
    undefined,
  ],
  [
    "an advertisement that names a pool twice",
    "L2Advertisement",
    l2Named("l2", { ipAddressPools: ["a", "a"] }),
    { pools: [pool] },
    'duplicate definition of ipAddressPools "a"',
  ],
  [
    "a literal community",
    "BGPAdvertisement",
    bgpNamed("bgp", { communities: ["64512:1"] }),
    { pools: [pool], nodes: [node("n")] },
    undefined,
  ],
  [
    "an alias to come",
    "BGPAdvertisement",
    bgpNamed("bgp", { communities: ["later"] }),
    { pools: [pool], nodes: [node("n")] },
    undefined,
  ],
  [
    "an alias with a colon is no literal",
    "BGPAdvertisement",
    bgpNamed("bgp", { communities: ["a:b"] }),
    { pools: [pool] },
    'invalid community value: invalid section "a" of community "a:b", err: "strconv.ParseUint: parsing \\"a\\": invalid syntax"\ninvalid community "a:b" in BGP advertisement',
  ],
  [
    "an aggregation shorter than the pool",
    "BGPAdvertisement",
    bgpNamed("bgp", { aggregationLength: 26 }),
    { pools: [v6pool] },
    "invalid aggregation length 26: prefix 28 in this pool is more specific than the aggregation length for addresses 192.0.2.0/28",
  ],
  [
    "an advertisement against another one",
    "BGPAdvertisement",
    bgpNamed("b", { localPref: 200 }),
    { pools: [pool], nodes: [node("n")], bgpAdvertisements: [bgpNamed("a", { localPref: 100 })] },
    "invalid local preference 200: local preferernce 100 was already set for the same type of BGP update. Check existing BGP advertisements with common pools and aggregation lengths",
  ],
  ["a community", "Community", communityNamed("c", { communities: [{ name: "a", value: "1:2" }] }), {}, undefined],
  [
    "an alias that is taken",
    "Community",
    communityNamed("d", { communities: [{ name: "a", value: "1:3" }] }),
    { communities: [communityNamed("c", { communities: [{ name: "a", value: "1:2" }] })] },
    'duplicate definition of community "a"',
  ],
  ["a peer", "BGPPeer", peerNamed("p", peer), { nodes: [node("n")] }, undefined],
  ["a peer without an AS", "BGPPeer", peerNamed("p", { ...peer, myASN: 0 }), {}, "parsing peer p missing local ASN"],
  [
    "a peer whose profile and Secret come later",
    "BGPPeer",
    peerNamed("p", { ...peer, bfdProfile: "later", passwordSecret: { name: "later" } }),
    {},
    undefined,
  ],
  [
    "a peer with two passwords: one of them is not looked at",
    "BGPPeer",
    peerNamed("p", { ...peer, password: "a", passwordSecret: { name: "b" } }),
    {},
    undefined,
  ],
  [
    "a peer beside one that is wrong already",
    "BGPPeer",
    peerNamed("p", peer),
    { peers: [peerNamed("old", { ...peer, peerAddress: "nowhere" })] },
    'parsing peer old invalid BGPPeer address "nowhere"',
  ],
  [
    "a peer that mends the wrong one",
    "BGPPeer",
    peerNamed("old", peer),
    { peers: [peerNamed("old", { ...peer, peerAddress: "nowhere" })] },
    undefined,
  ],
]

for (const [what, kind, object, existing, text] of rows) {
  for (const operation of ["CREATE", "UPDATE"] as const) {
    test(`${operation} ${kind}, ${what}: ${text === undefined ? "allowed" : "denied"}`, (t) => {
      const expected = text === undefined ? { decision: "allowed", warnings: [] } : { decision: "denied", text }
      t.deepEqual(review(request(kind, operation, object), existing, home) as unknown, expected)
    })
  }
}

test("all faults are told, the one MetalLB stops at first; ten at most", (t) => {
  const wrong = poolNamed("p", { addresses: Array.from({ length: 12 }, (_, i) => `bad${i}`) })
  const denied = review(request("IPAddressPool", "CREATE", wrong), { pools: [] }, home)
  if (denied.decision !== "denied") return t.fail("allowed")
  const lines = denied.text.split("\n")
  t.is(lines.length, 11)
  t.is(lines[0], 'parsing address pool p: invalid CIDR "bad0" in pool "p": invalid CIDR "bad0"')
  t.is(lines.at(-1), "… and 2 more")
})

test("disableMP: a warning on creation, none later, and never a way past the checks", (t) => {
  const marked = peerNamed("p", { ...peer, disableMP: true })
  const answer = (operation: Operation, object: ResourceFacts<unknown>) =>
    review(request("BGPPeer", operation, object), {}, home)
  t.deepEqual(answer("CREATE", marked), { decision: "allowed", warnings: [deprecated] })
  t.deepEqual(answer("UPDATE", marked), { decision: "allowed", warnings: [] })
  t.is(answer("CREATE", peerNamed("p", { ...peer, myASN: 0, disableMP: true })).decision, "denied")
  t.like(begin(request("BGPPeer", "CREATE", marked, "default"), home), { review: { decision: "denied" } })
})

test("a BFD profile in use cannot go; one that nobody names can", (t) => {
  const existing = { peers: [peerNamed("p", peer), peerNamed("q", { ...peer, bfdProfile: "fast" })] }
  const gone = (name: string) => review(request("BFDProfile", "DELETE", plain(name)), existing, home)
  t.deepEqual(gone("fast"), { decision: "denied", text: "failed to delete BFDProfile fast, used by BGPPeer q" })
  t.deepEqual(gone("slow"), { decision: "allowed", warnings: [] })
})
