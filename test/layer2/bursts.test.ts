import test from "ava"
import { type Bursts, heard, nextInMs, takeDue } from "../../actors/announcer/layer2/bursts.ts"
import { Ledger, noCounts, reported, sum } from "../../actors/announcer/layer2/counts.ts"
import type { Ip } from "../../protocols/ip.ts"
import { ip } from "../arp/frames.ts"

const [a, b] = [ip("192.0.2.1"), ip("192.0.2.2")]
const set = (...ips: readonly Ip[]): ReadonlySet<Ip> => new Set(ips)

/** When each address was announced, in virtual time. */
function play(bursts: Bursts, fromMs: number, untilMs: number, repeatMs?: number): [string[], Bursts] {
  const said: string[] = []
  let [now, rest] = [fromMs, bursts]
  for (;;) {
    const waitMs = nextInMs(rest, now)
    if (waitMs === undefined || now + waitMs > untilMs) return [said, rest]
    now += waitMs
    const taken = takeDue(rest, now, repeatMs)
    rest = taken.bursts
    for (const ip of taken.due) said.push(`${now} ${ip}`)
  }
}

test("a new address is announced five times, 1.1 seconds apart", (t) => {
  const [said, rest] = play(heard(new Map(), set(), set(a), 1000), 1000, 60_000)
  t.deepEqual(said, [`1000 ${a}`, `2100 ${a}`, `3200 ${a}`, `4300 ${a}`, `5400 ${a}`])
  t.is(rest.size, 0)
})

test("one that is told again goes on, and when it was done it stays quiet", (t) => {
  const [, halfway] = play(heard(new Map(), set(), set(a), 0), 0, 2500)
  const [said, rest] = play(heard(halfway, set(a), set(a), 2500), 2500, 60_000)
  t.deepEqual(said, [`3300 ${a}`, `4400 ${a}`])
  t.is(heard(rest, set(a), set(a), 9000).size, 0)
})

test("one that goes is not announced any more; when it comes back it begins again", (t) => {
  const [, running] = play(heard(new Map(), set(), set(a, b), 0), 0, 1500)
  const without = heard(running, set(a, b), set(b), 1500)
  t.deepEqual(play(without, 1500, 2300)[0], [`2200 ${b}`])
  const back = heard(without, set(b), set(a, b), 2000)
  t.deepEqual(play(back, 2000, 2300)[0], [`2000 ${a}`, `2200 ${b}`])
})

test("a thousand at once are announced in pieces, each of them five times", (t) => {
  const many = new Set(Array.from({ length: 1000 }, (_, i) => ip(`198.51.${i >> 8}.${i & 255}`)))
  const bursts = heard(new Map(), set(), many, 0)
  t.is(takeDue(bursts, 0).due.length, 64)
  t.is(play(bursts, 0, 60_000)[0].length, 5000)
})

test("on request an address is announced again for ever, until it goes", (t) => {
  const [said, running] = play(heard(new Map(), set(), set(a), 0), 0, 30_000, 10_000)
  t.deepEqual(said.slice(4), [`4400 ${a}`, `14400 ${a}`, `24400 ${a}`])
  t.is(heard(running, set(a), set(), 30_000).size, 0)
})

test("a pause of the whole machine does not end in a volley", (t) => {
  const [, bursts] = play(heard(new Map(), set(), set(a), 0), 0, 0)
  t.deepEqual(play(bursts, 30_000, 31_000)[0], [`30000 ${a}`])
})

test("counts are taken once, and the first after that is told", (t) => {
  let begun = 0
  const ledger = new Ledger(() => begun++)
  t.is(ledger.take(), undefined)
  ledger.add("requestsReceived", a)
  ledger.add("requestsReceived", a)
  ledger.add("responsesSent", a)
  t.is(begun, 1)
  const totals = sum(noCounts, ledger.take() ?? noCounts, new Map())
  t.is(ledger.take(), undefined)
  ledger.add("responsesSent", a)
  t.is(begun, 2)
  t.deepEqual(reported(sum(totals, ledger.take() ?? noCounts, new Map())), {
    requestsReceived: { [a]: 2 },
    responsesSent: { [a]: 2 },
    gratuitousSent: {},
  })
})

test("addresses long gone are forgotten when there are too many; those announced never are", (t) => {
  let totals = noCounts
  for (let i = 0; i < 5000; i++) {
    const ledger = new Ledger(() => {})
    ledger.add("gratuitousSent", ip(`10.0.${i >> 8}.${i & 255}`))
    totals = sum(totals, ledger.take() ?? noCounts, new Map([[ip("10.0.0.0"), "all"]]))
  }
  t.is(totals.gratuitousSent.size, 4097)
  t.true(totals.gratuitousSent.has(ip("10.0.0.0")))
  t.false(totals.gratuitousSent.has(ip("10.0.0.1")))
})
