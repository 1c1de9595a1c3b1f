import test from "ava"
import { answersOf, tableOf } from "../../actors/announcer/layer2/answers.ts"
import { compilePattern, judgeInterface } from "../../actors/announcer/layer2/selection.ts"
import type { NetworkInterface } from "../../supervision/world.ts"

const linkLocal = { address: "fe80::1", prefixLength: 64, tentative: false }
const ethernet: NetworkInterface = {
  name: "eth0",
  index: 2,
  mac: Uint8Array.of(2, 0, 0, 0, 0, 10),
  up: true,
  broadcast: true,
  noArp: false,
  loopback: false,
  hasMaster: false,
  addresses: [linkLocal],
}

/** MetalLB's shipped list, joined as its configuration file is. */
const shipped = [
  "^docker.*",
  "^cbr.*",
  "^dummy.*",
  "^virbr.*",
  "^lxcbr.*",
  "^veth.*",
  "^lo$",
  "^cali.*",
  "^tunl.*",
  "^flannel.*",
  "^kube-ipvs.*",
  "^cni.*",
  "^nodelocaldns.*",
  "^lxc.*",
]
  .map((pattern) => `(${pattern})`)
  .join("|")

function judge(change: Partial<NetworkInterface>, pattern?: string) {
  const exclude = compilePattern("excludeInterfaces", pattern)
  if (!exclude.ok) throw new Error(exclude.error.message)
  const { decision, because } = judgeInterface({ ...ethernet, ...change }, exclude.value)
  return { ...decision, because: because.map(({ rule }) => rule).join() }
}

const rules: readonly [name: string, change: Partial<NetworkInterface>, expected: ReturnType<typeof judge>][] = [
  ["an ordinary one", {}, { present: true, arp: true, ndp: true, because: "" }],
  ["without carrier", { up: false }, { present: true, arp: false, ndp: false, because: "down" }],
  ["a bridge port", { hasMaster: true }, { present: true, arp: false, ndp: false, because: "has-master" }],
  ["without ARP", { noArp: true }, { present: true, arp: false, ndp: false, because: "no-arp" }],
  ["a VLAN without addresses", { addresses: [] }, { present: true, arp: true, ndp: false, because: "no-link-local" }],
  [
    "a tentative link-local address",
    { addresses: [{ ...linkLocal, tentative: true }] },
    { present: true, arp: true, ndp: false, because: "no-link-local" },
  ],
  [
    "only a global IPv6 address",
    { addresses: [{ ...linkLocal, address: "2001:db8::1" }] },
    { present: true, arp: true, ndp: false, because: "no-link-local" },
  ],
  [
    "the far end of fe80::/10",
    { addresses: [{ ...linkLocal, address: "febf::1" }] },
    { present: true, arp: true, ndp: true, because: "" },
  ],
  ["without broadcast", { broadcast: false }, { present: true, arp: false, ndp: true, because: "no-broadcast" }],
  [
    "a tunnel",
    { broadcast: false, mac: new Uint8Array(0), addresses: [] },
    { present: true, arp: false, ndp: false, because: "no-broadcast,no-link-local" },
  ],
]
for (const [name, change, expected] of rules) {
  test(`which interface answers: ${name}`, (t) => t.deepEqual(judge(change), expected))
}

test("an excluded interface is as if it were not there, whatever else it is", (t) => {
  const excluded = { present: false, arp: false, ndp: false, because: "excluded" }
  for (const name of ["docker0", "veth12ab", "lo", "cali9", "lxc1"]) t.deepEqual(judge({ name }, shipped), excluded)
  for (const name of ["eth0", "lo1", "ens5.100", "mydocker"]) t.true(judge({ name }, shipped).arp, name)
})

test("the pattern is searched for anywhere in the name; Go's flags at its start count", (t) => {
  t.false(judge({ name: "myveth0" }, "veth").present)
  t.false(judge({ name: "ETH0" }, "(?i)^eth").present)
  t.true(judge({ name: "eth0" }, "").present)
})

test("a pattern that is none names the field and itself", (t) => {
  const compiled = compilePattern("excludeInterfaces", "^(eth")
  if (compiled.ok) return t.fail()
  t.is(compiled.error.field, "excludeInterfaces")
  t.is(compiled.error.pattern, "^(eth")
})

test("entries for one address count together; what is no address is told", (t) => {
  const table = tableOf([
    { ip: "192.0.2.1", interfaces: ["eth0"] },
    { ip: "192.0.2.1", interfaces: ["eth1"] },
    { ip: "192.0.2.2", interfaces: ["eth1"] },
    { ip: "2001:DB8:0::1", interfaces: "all" },
    { ip: "192.0.2.2", interfaces: "all" },
    { ip: "192.0.2.300", interfaces: "all" },
  ])
  t.deepEqual(table.refused, ["192.0.2.300"])
  const seen = (name: string) => Object.fromEntries(answersOf(table, name))
  t.deepEqual(seen("eth0"), { "192.0.2.1": "here", "192.0.2.2": "here", "2001:db8::1": "here" })
  t.deepEqual(seen("eth2"), { "192.0.2.1": "elsewhere", "192.0.2.2": "here", "2001:db8::1": "here" })
})
