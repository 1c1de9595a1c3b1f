import test from "ava"
import { hear, type Membership, nothingHeard, settle, unsettled } from "../../actors/announcer/membership.ts"
import type { Member } from "../../cluster/messages.ts"

const addresses = { a: "10.0.0.1", b: "10.0.0.2", c: "10.0.0.3" }
const pods = Object.values(addresses)
const ring = (states: Partial<Record<keyof typeof addresses, Member["state"]>>): Member[] =>
  Object.entries(states).map(([name, state]) => ({
    name,
    address: addresses[name as keyof typeof addresses],
    port: 7946,
    state,
  }))
const inForce = ({ speakers }: Membership) => (speakers === "unknown" ? speakers : [...speakers].join(""))

test("alive and suspect members count, dead and departed ones do not", (t) => {
  t.is(inForce(hear(nothingHeard, ring({ a: "alive", b: "suspect", c: "dead" }), pods)), "ab")
  t.is(inForce(hear(nothingHeard, ring({ a: "alive", b: "left" }), [])), "a")
})

test("who knows fewer than there are Pods is not believed, until waited for long enough", (t) => {
  const alone = hear(nothingHeard, ring({ a: "alive" }), pods)
  t.is(inForce(alone), "unknown")
  t.is(inForce(settle(alone)), "a")
  t.is(inForce(hear(alone, ring({ a: "alive", b: "alive", c: "alive" }), pods)), "abc")
})

test("before the Pods are known nobody is believed", (t) => {
  t.is(inForce(hear(nothingHeard, ring({ a: "alive", b: "alive" }), undefined)), "unknown")
})

test("once settled, everything is believed", (t) => {
  const settled = hear(nothingHeard, ring({ a: "alive", b: "alive", c: "alive" }), pods)
  t.is(inForce(hear(settled, ring({ a: "alive" }), pods)), "a")
})

test("gossip that began anew must know those that counted, whatever became of them", (t) => {
  const before = unsettled(hear(nothingHeard, ring({ a: "alive", b: "alive" }), []))
  const alone = hear(before, ring({ a: "alive" }), [])
  t.is(inForce(alone), "ab")
  t.is(inForce(hear(alone, ring({ a: "alive", b: "dead" }), [])), "a")
})

test("waiting for gossip that says nothing ends in nothing", (t) => {
  t.is(inForce(settle(nothingHeard)), "unknown")
  t.false(settle(nothingHeard).settled)
})
