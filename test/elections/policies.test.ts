// Who leads by election policies, and why: the decision as a table.
import test from "ava"
import { decideLayer2, standingOf } from "../../actors/announcer/layer2-decision.ts"
import { describeLayer2, type Layer2Reason } from "../../actors/announcer/layer2-reasons.ts"
import { decideService } from "../../actors/announcer/service-decision.ts"
import { type ElectionFacts, factsFrom } from "../../actors/announcer/policies.ts"
import { noSpread, type Spread } from "../../actors/announcer/spread.ts"
import type { Surroundings } from "../../actors/announcer/surroundings.ts"
import { addressTag, interfaceTag, type SpeakerMark } from "../../cluster/speaker-mark.ts"
import type { ElectionPolicy } from "../../config/election-policy.ts"
import type { L2Advertisement } from "../../config/snapshot.ts"
import type { Ip } from "../../protocols/ip.ts"
import { endpoints, ip, l2, node, pool, service, snapshot, surroundings } from "../announcer/facts.ts"

/** By the hash: charlie, bravo, alpha. */
const web = ip("192.0.2.10")
const web6 = ip("2001:db8::5")

type Said = Partial<Pick<SpeakerMark, "subnets" | "claims">>
const on = (said: Readonly<Record<string, Said>>, spread: Spread = noSpread): ElectionFacts =>
  factsFrom(
    new Map(
      ["alpha", "bravo", "charlie"].map((name) => [name, { version: 2, macs: [], claims: [], ...said[name] }] as const),
    ),
    spread,
  )
const subnets = (...of: readonly (readonly [string, string])[]): Said => ({
  subnets: { complete: true, list: of.map(([name, prefix]) => ({ interface: interfaceTag(name), prefix })) },
})
const claims = (epoch: number, address = web): Said => ({ claims: [{ address: addressTag(address), epoch }] })
const spread = (...order: readonly string[]): Spread => ({
  orders: new Map([[web, order]]),
  shares: new Map([[order[0] ?? "", 3]]),
})
const asking = (...election: readonly ElectionPolicy[]) => l2({ election })

interface Case {
  readonly advertisements?: readonly L2Advertisement[]
  readonly facts?: ElectionFacts
  readonly around?: Partial<Surroundings>
  readonly ips?: readonly [Ip, ...Ip[]]
}

function leader({ advertisements = [l2()], facts, around = {}, ips = [web] }: Case) {
  const surround = surroundings({ ...(facts && { election: facts }), ...around })
  const { because } = decideLayer2(service(), ips, advertisements, endpoints("alpha"), surround)
  const election = because.find((reason) => reason.rule === "election")
  return { order: election?.candidates.map(({ node }) => node) ?? [], texts: because.map(describeLayer2), because }
}

const lan = subnets(["eth0", "192.0.2.0/24"])
const elsewhere = subnets(["eth0", "10.0.0.0/8"], ["eth1", "198.51.100.0/24"])
const table: readonly (readonly [string, Case, readonly string[], string | undefined])[] = [
  [
    "no policy: claims and spread play no part",
    { facts: on({ alpha: claims(9) }, spread("alpha")) },
    ["charlie", "bravo", "alpha"],
    undefined,
  ],
  [
    "sticky: whoever has claimed it",
    { advertisements: [asking("sticky")], facts: on({ alpha: claims(1) }) },
    ["alpha", "charlie", "bravo"],
    "kept: sticky, alpha has claimed 192.0.2.10 in epoch 1",
  ],
  [
    "sticky: nobody has claimed it",
    { advertisements: [asking("sticky")], facts: on({ alpha: claims(1, web6) }) },
    ["charlie", "bravo", "alpha"],
    undefined,
  ],
  [
    "sticky: of two claims the newer",
    { advertisements: [asking("sticky")], facts: on({ alpha: claims(2), bravo: claims(3) }) },
    ["bravo", "alpha", "charlie"],
    "kept: sticky, bravo has claimed 192.0.2.10 in epoch 3",
  ],
  [
    "sticky: of two of the same epoch the first by the hash",
    { advertisements: [asking("sticky")], facts: on({ alpha: claims(2), bravo: claims(2) }) },
    ["bravo", "alpha", "charlie"],
    "kept: sticky, bravo has claimed 192.0.2.10 in epoch 2",
  ],
  [
    "sticky goes before a preference",
    {
      advertisements: [l2({ election: ["sticky"], scores: new Map([["bravo", 50]]) })],
      facts: on({ alpha: claims(1) }),
    },
    ["alpha", "bravo", "charlie"],
    "kept: sticky, alpha has claimed 192.0.2.10 in epoch 1",
  ],
  [
    "sticky: the claim of a node that is no candidate",
    {
      advertisements: [asking("sticky")],
      facts: on({ alpha: claims(1) }),
      around: { speakers: new Set(["bravo", "charlie"]) },
    },
    ["charlie", "bravo"],
    "alpha is no candidate: its speaker is not a living member of the gossip ring",
  ],
  [
    "spread: its place",
    { advertisements: [asking("spread")], facts: on({ alpha: claims(1) }, spread("bravo", "alpha")) },
    ["bravo", "alpha", "charlie"],
    "spread: bravo has 3 of 1 addresses with this policy",
  ],
  [
    "both: a claim goes before the place",
    { advertisements: [asking("spread", "sticky")], facts: on({ charlie: claims(1) }, spread("bravo", "alpha")) },
    ["charlie", "bravo", "alpha"],
    "kept: sticky, charlie has claimed 192.0.2.10 in epoch 1",
  ],
  [
    "subnet-aware: who is in the subnet",
    { advertisements: [asking("subnet-aware")], facts: on({ alpha: lan, bravo: elsewhere, charlie: elsewhere }) },
    ["alpha"],
    "charlie is no candidate: no interface has an address in the subnet of 192.0.2.10",
  ],
  [
    "subnet-aware: nobody is",
    { advertisements: [asking("subnet-aware")], facts: on({ alpha: elsewhere, bravo: elsewhere, charlie: subnets() }) },
    [],
    "no node is a candidate",
  ],
  [
    "subnet-aware: a node that has not said its subnets yet",
    { advertisements: [asking("subnet-aware")], facts: on({ alpha: lan, bravo: lan }) },
    ["bravo", "alpha"],
    "charlie is no candidate: its speaker has not said yet which subnets its interfaces are in",
  ],
  [
    "subnet-aware: a node with more subnets than it can say is never left out",
    {
      advertisements: [asking("subnet-aware")],
      facts: on({ alpha: lan, charlie: { subnets: { list: [], complete: false } } }),
    },
    ["charlie", "alpha"],
    undefined,
  ],
  [
    "subnet-aware: among the advertisement's interfaces",
    {
      advertisements: [l2({ election: ["subnet-aware"], interfaces: ["eth0", "eth7"] })],
      facts: on({ alpha: lan, bravo: subnets(["eth1", "192.0.2.0/24"]), charlie: elsewhere }),
    },
    ["alpha"],
    "bravo is no candidate: none of the interfaces eth0, eth7 has an address in the subnet of 192.0.2.10",
  ],
  [
    "subnet-aware: a pair needs both",
    {
      ips: [web, web6],
      advertisements: [asking("subnet-aware")],
      facts: on({ alpha: subnets(["eth0", "192.0.2.0/24"], ["eth1", "2001:db8::/64"]), bravo: lan, charlie: lan }),
    },
    ["alpha"],
    "bravo is no candidate: no interface has an address in the subnet of 2001:db8::5",
  ],
  [
    "subnet-aware narrows its own advertisement alone",
    {
      advertisements: [asking("subnet-aware"), l2({ name: "other", nodes: new Set(["bravo"]) })],
      facts: on({ alpha: elsewhere, bravo: elsewhere, charlie: lan }),
    },
    ["charlie", "bravo"],
    "alpha is no candidate: no interface has an address in the subnet of 192.0.2.10",
  ],
  [
    "two advertisements, one without sticky: it does not count",
    { advertisements: [asking("sticky"), l2({ name: "other" })], facts: on({ alpha: claims(1) }) },
    ["charlie", "bravo", "alpha"],
    "election policy sticky does not count: other also selects the Service and does not ask for it",
  ],
  [
    "two that both ask for it",
    {
      advertisements: [asking("sticky"), l2({ name: "other", election: ["sticky", "subnet-aware"] })],
      facts: on({ alpha: claims(1) }),
    },
    ["alpha", "charlie", "bravo"],
    "kept: sticky, alpha has claimed 192.0.2.10 in epoch 1",
  ],
  [
    "off: a speaker that is not ours",
    { advertisements: [asking("spread", "subnet-aware")], facts: { kind: "off", why: "bravo is not ours" } },
    ["charlie", "bravo", "alpha"],
    "election policy spread, subnet-aware is off: bravo is not ours",
  ],
  [
    "off where nothing is known of the others",
    { advertisements: [asking("sticky")] },
    ["charlie", "bravo", "alpha"],
    "election policy sticky is left out here, since only the speakers know what it goes by: `troupe status layer2` has the leader",
  ],
]
for (const [name, given, order, text] of table) {
  test(name, (t) => {
    const found = leader(given)
    t.deepEqual(found.order, order)
    if (text === undefined)
      t.false(
        found.texts.some((each) => /sticky|spread|policy/.test(each)),
        found.texts.join("\n"),
      )
    else t.true(found.texts.includes(text), found.texts.join("\n"))
  })
}

test("what each policy has done is data: the reasons of one decision", (t) => {
  const { because } = leader({ advertisements: [asking("sticky")], facts: on({ bravo: claims(4) }) })
  const rules = because.map(({ rule }): Layer2Reason["rule"] => rule)
  t.deepEqual(rules, ["kept", "election"])
})

function standing(
  election: ElectionFacts,
  speakers: readonly string[],
  nodeName: string,
  around: Partial<Surroundings> = {},
  policy: ElectionPolicy = "sticky",
) {
  const facts = service()
  const advertisements = [asking(policy)]
  const surround = surroundings({
    nodeName,
    snapshot: snapshot(pool({ l2Advertisements: advertisements })),
    nodes: new Map(["alpha", "bravo", "charlie"].map((name) => [name, node(name)])),
    speakers: new Set(speakers),
    standings: true,
    election,
    ...around,
  })
  const { decision } = decideService(facts, endpoints("alpha"), surround)
  if (decision.kind !== "considered") throw new Error(decision.kind)
  return standingOf(facts, decision, advertisements, endpoints("alpha"), surround)
}

test("on the wire the order is that of the election", (t) => {
  const all = ["alpha", "bravo", "charlie"]
  const claimed = on({ alpha: claims(2), bravo: claims(1) })
  t.deepEqual(standing(claimed, all, "charlie")?.before, ["alpha", "bravo"])
  t.deepEqual(standing(claimed, all, "bravo")?.before, ["alpha"])
  t.like(standing(claimed, all, "alpha"), { before: [], sticky: { usual: false } })
  t.like(standing(on({}), all, "charlie"), { before: [], sticky: { usual: true } })
})

test("who is called dead does not know of a claim made since: heard on the wire, it comes first", (t) => {
  const claimed = on({ charlie: claims(1), alpha: claims(2) })
  t.deepEqual(standing(claimed, ["alpha", "bravo"], "alpha")?.before, ["charlie"])
  t.deepEqual(standing(claimed, ["alpha", "bravo", "charlie"], "alpha")?.before, [])
})

test("rivals: who would come first if nothing had been said in gossip", (t) => {
  const all = ["alpha", "bravo", "charlie"]
  const claimed = on({ charlie: claims(1), alpha: claims(2) })
  t.deepEqual(standing(claimed, all, "alpha")?.rivals, ["charlie", "bravo"])
  t.deepEqual(standing(claimed, ["alpha", "bravo"], "alpha")?.rivals, ["bravo"], "the dead come first anyway")
  t.is(standing(claimed, all, "charlie")?.rivals, undefined)
  const drained = { drained: new Set(["charlie"]) }
  t.like(standing(on({}), all, "bravo", drained), { before: [], rivals: ["charlie"] })
  t.is(standing(on({}), all, "bravo")?.rivals, undefined)
})

test("who is called dead has laid out addresses over others: heard on the wire, the place of all counts, then the hash", (t) => {
  const seenBy = (me: string, speakers: readonly string[], ...order: readonly string[]) =>
    standing(on({}, spread(...order)), speakers, me, {}, "spread")
  t.deepEqual(seenBy("alpha", ["alpha"], "charlie", "alpha")?.before, ["charlie", "bravo"])
  t.deepEqual(seenBy("bravo", ["bravo"], "charlie", "bravo")?.before, ["charlie"])
  const both = ["alpha", "bravo"]
  t.like(seenBy("alpha", both, "charlie", "alpha", "bravo"), { before: ["charlie"], rivals: ["bravo"] })
  t.deepEqual(seenBy("bravo", both, "charlie", "alpha", "bravo")?.before, ["charlie", "alpha"])
  t.is(seenBy("bravo", both, "charlie", "alpha", "bravo")?.rivals, undefined)
})
