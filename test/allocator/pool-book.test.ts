import test from "ava"
import { type Claim, PoolBook } from "../../actors/allocator/pool-book.ts"
import { describeRefusal } from "../../actors/allocator/reasons.ts"
import type { IPAddressPoolSpec } from "../../config/facts.ts"
import type { Family, Ip } from "../../protocols/ip.ts"
import { poolsOf } from "../support/pools.ts"

const bookOf = (spec: IPAddressPoolSpec): PoolBook => {
  const pool = poolsOf({ p: spec }).get("p")
  if (pool === undefined) throw new Error("no pool")
  return new PoolBook(pool)
}
const claim = (key: string, more: Partial<Claim> = {}): Claim => ({
  key,
  ports: ["TCP/80"],
  sharing: "",
  backend: "",
  ...more,
})
const take = (book: PoolBook, c: Claim, ...families: Family[]): string => {
  const answer = book.take(c, families.length > 0 ? families : ["ipv4"])
  return answer.ok ? answer.value.join(" ") : describeRefusal(answer.error)
}
const assign = (book: PoolBook, c: Claim, ...addresses: string[]): string => {
  const answer = book.assign(c, addresses as Ip[])
  return answer.ok ? answer.value.join(" ") : describeRefusal(answer.error)
}

test("the lowest free address of the first block, then the next block", (t) => {
  const book = bookOf({ addresses: ["10.0.1.0/31", "10.0.0.7/32"] })
  t.is(take(book, claim("a")), "10.0.1.0")
  t.is(take(book, claim("b")), "10.0.1.1")
  t.is(take(book, claim("c")), "10.0.0.7")
  t.is(take(book, claim("d")), "no available IPs in pool p")
  book.release("b")
  book.release("a")
  t.is(take(book, claim("d")), "10.0.1.0")
  t.is(take(book, claim("e")), "10.0.1.1")
})

test("an address taken by name is stepped over, and is lowest again when it comes back", (t) => {
  const book = bookOf({ addresses: ["10.0.0.0/29"] })
  t.is(assign(book, claim("named"), "10.0.0.1"), "10.0.0.1")
  t.is(take(book, claim("a")), "10.0.0.0")
  t.is(take(book, claim("b")), "10.0.0.2")
  t.true(book.release("named"))
  t.false(book.release("named"))
  t.is(take(book, claim("c")), "10.0.0.1")
})

test("avoidBuggyIPs leaves out .0 and .255", (t) => {
  const book = bookOf({ addresses: ["10.0.0.254-10.0.1.1"], avoidBuggyIPs: true })
  t.is(take(book, claim("a")), "10.0.0.254")
  t.is(take(book, claim("b")), "10.0.1.1")
  t.is(take(book, claim("c")), "no available IPs in pool p")
  t.is(assign(book, claim("c"), "10.0.0.255"), '["10.0.0.255"] is not allowed in config')
})

test("both families or none", (t) => {
  const book = bookOf({ addresses: ["10.0.0.0/31", "fc00::/128"] })
  t.is(take(book, claim("a"), "ipv4", "ipv6"), "10.0.0.0 fc00::")
  t.is(take(book, claim("b"), "ipv4", "ipv6"), "no available IPs in pool p for dual IPFamily")
  t.is(take(book, claim("b"), "ipv6"), "no available IPs in pool p for IPv6 IPFamily")
  t.is(take(book, claim("b")), "10.0.0.1")
  t.is(take(book, claim("c"), "ipv6"), "no available IPs in pool p")
})

test("a second family beside the address to keep", (t) => {
  const book = bookOf({ addresses: ["10.0.0.0/31", "fc00::/128"] })
  take(book, claim("a"))
  t.deepEqual(book.take(claim("a"), ["ipv6"], ["10.0.0.0" as Ip]), { ok: true, value: ["10.0.0.0", "fc00::"] as Ip[] })
  take(book, claim("b"))
  t.false(book.take(claim("b"), ["ipv6"], ["10.0.0.1" as Ip]).ok)
  t.deepEqual(book.holdings.get("b")?.addresses, ["10.0.0.1" as Ip], "a refusal takes nothing away")
})

const k = { sharing: "k" }
for (const [name, first, second, expected] of [
  ["same key, other port", k, { ...k, ports: ["TCP/81"] }, "10.0.0.1"],
  ["same port, other protocol", k, { ...k, ports: ["UDP/80"] }, "10.0.0.1"],
  ["same port", k, k, 'port TCP/80 is already in use on "10.0.0.1"'],
  ["no key", {}, {}, 'can\'t change sharing key for "10.0.0.1", address also in use by first'],
  ["key on one only", k, {}, 'can\'t change sharing key for "10.0.0.1", address also in use by first'],
  ["other key", k, { sharing: "q" }, 'can\'t change sharing key for "10.0.0.1", address also in use by first'],
  [
    "other backend",
    { ...k, backend: "a=b" },
    { ...k, ports: ["TCP/81"] },
    'can\'t change sharing key for "10.0.0.1", address also in use by first',
  ],
  ["same backend", { ...k, backend: "a=b" }, { ...k, backend: "a=b", ports: ["TCP/81"] }, "10.0.0.1"],
] as const)
  test(`sharing: ${name}`, (t) => {
    const book = bookOf({ addresses: ["10.0.0.0/24"] })
    assign(book, claim("first", first), "10.0.0.1")
    t.is(assign(book, claim("second", second), "10.0.0.1"), expected)
  })

test("a sole holder changes its terms in place; with company it may not", (t) => {
  const book = bookOf({ addresses: ["10.0.0.0/24"] })
  assign(book, claim("a"), "10.0.0.1")
  t.is(assign(book, claim("a", k), "10.0.0.1"), "10.0.0.1")
  t.is(assign(book, claim("b", { ...k, ports: ["TCP/81"] }), "10.0.0.1"), "10.0.0.1")
  t.is(assign(book, claim("a"), "10.0.0.1"), 'can\'t change sharing key for "10.0.0.1", address also in use by b')
  book.release("b")
  t.is(assign(book, claim("a"), "10.0.0.1"), "10.0.0.1")
})

test("a shared address is offered when it is lower than any free one", (t) => {
  const book = bookOf({ addresses: ["10.0.0.0/30"] })
  take(book, claim("a", k))
  t.is(take(book, claim("b", { ...k, ports: ["TCP/81"] })), "10.0.0.0")
  t.is(take(book, claim("c", k)), "10.0.0.1")
  t.is(book.counters().assigned.ipv4, 2n)
  book.release("a")
  t.is(take(book, claim("d", k)), "10.0.0.0", "the port is free again")
})

for (const [addresses, avoidBuggyIPs, ipv4, ipv6] of [
  [["10.0.0.0/24"], false, 256n, 0n],
  [["10.0.0.0/23"], true, 508n, 0n],
  [["10.0.0.0/25"], true, 127n, 0n],
  [["10.0.0.255/32", "10.0.1.0/31"], true, 1n, 0n],
  [["10.0.0.1/32", "fc00::/120"], true, 1n, 256n],
  [["fc00::/64", "fc01::/64"], false, 0n, 9223372036854775807n],
] as const)
  test(`capacity of ${addresses.join(" ")}${avoidBuggyIPs ? " without buggy ones" : ""}`, (t) =>
    t.deepEqual(bookOf({ addresses, avoidBuggyIPs }).counters().available, { ipv4, ipv6 }))
