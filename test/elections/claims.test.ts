// What a node claims by the policy `sticky`, step by step in time.
import test from "ava"
import { type Claiming, type Held, nextClaims } from "../../actors/announcer/claims.ts"
import { addressTag } from "../../cluster/speaker-mark.ts"
import type { Ip } from "../../protocols/ip.ts"
import { ip } from "../announcer/facts.ts"

const web = ip("192.0.2.10")
const db = ip("192.0.2.11")
const nothing: Claiming = { claims: [], sinceMs: new Map(), dueMs: Number.POSITIVE_INFINITY }
const held = (...of: readonly (readonly [Ip, Partial<Held>])[]): ReadonlyMap<Ip, Held> =>
  new Map(of.map(([address, over]) => [address, { usual: true, taken: false, ...over }]))
const none = () => undefined
const claim = (address: Ip, epoch: number) => ({ address: addressTag(address), epoch })

test("what is answered for is claimed after two seconds without a break", (t) => {
  let now = nextClaims(nothing, held([web, {}]), none, 1000)
  t.deepEqual([now.claims, now.dueMs], [[], 3000])
  now = nextClaims(now, held([web, {}]), none, 2999)
  t.deepEqual([now.claims, now.dueMs], [[], 3000])
  t.deepEqual(nextClaims(now, held([web, {}]), none, 3000).claims, [claim(web, 1)])
  const broken = nextClaims(now, held(), none, 2999)
  t.deepEqual([broken.claims, broken.dueMs], [[], Number.POSITIVE_INFINITY])
  t.is(nextClaims(broken, held([web, {}]), none, 3000).dueMs, 5000)
})

test("what was taken on the wire is claimed at once, beyond what others have", (t) => {
  const epochs = new Map([[addressTag(web), 7]])
  const now = nextClaims(nothing, held([web, { taken: true }], [db, {}]), (address) => epochs.get(address), 0)
  t.deepEqual([now.claims, now.dueMs], [[claim(web, 8)], 2000])
})

test("a claim keeps its epoch, and ends when the address is not answered for", (t) => {
  const before = { ...nothing, claims: [claim(web, 3), claim(db, 1)] }
  const now = nextClaims(before, held([web, {}]), () => 9, 0)
  t.deepEqual(now.claims, [claim(web, 3)])
})

test("those that the hash would give to others come first: the last ones may find no room", (t) => {
  const addresses = Array.from({ length: 20 }, (_, i) => ip(`192.0.2.${i}`))
  const now = nextClaims(
    nothing,
    held(...addresses.map((address, i) => [address, { usual: i % 2 === 0, taken: true }] as const)),
    none,
    0,
  )
  const unusual = new Set(addresses.filter((_, i) => i % 2 === 1).map(addressTag))
  t.true(now.claims.slice(0, 10).every(({ address }) => unusual.has(address)))
  t.is(now.claims.length, 20)
})

test("a claim that has room is not pushed out by later ones", (t) => {
  const addresses = Array.from({ length: 20 }, (_, i) => ip(`192.0.2.${i}`))
  const taken = (from: readonly Ip[]) =>
    held(...from.map((address) => [address, { usual: false, taken: true }] as const))
  const first = nextClaims(nothing, taken(addresses.slice(10)), none, 0)
  const then = nextClaims(first, taken(addresses), none, 0)
  t.deepEqual(then.claims.slice(0, 10), first.claims)
})

test("the epoch ends at what two bytes hold", (t) => {
  t.deepEqual(nextClaims(nothing, held([web, { taken: true }]), () => 65_535, 0).claims, [claim(web, 65_535)])
})
