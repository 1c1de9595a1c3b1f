import test from "ava"
import { suspicionSpan } from "../../cluster/machine/formulas.ts"
import { profiles } from "../../cluster/machine/settings.ts"
import { Ring } from "./ring.ts"

const seeds = Array.from({ length: 12 }, (_, i) => i + 1)
const nameOf = (i: number) => `node-${String(i).padStart(3, "0")}`

/** All know the address of the first, as speakers know their pods' addresses. */
function formed(seed: number, size: number): Ring {
  const ring = new Ring(seed)
  for (let i = 0; i < size; i++) ring.start(nameOf(i), i + 1, i === 0 ? [] : [nameOf(0)])
  return ring
}

const faults = (ring: Ring) =>
  [...ring.stations.values()].flatMap(({ name, events }) =>
    events.filter(({ what }) => /^(leave|conflict)/.test(what)).map(({ atMs, what }) => `${name} at ${atMs}: ${what}`),
  )

for (const size of [2, 3, 5, 10, 40]) {
  test(`${size} nodes find each other within 2 s and nobody is ever thought dead`, (t) => {
    for (const seed of seeds.slice(0, size > 20 ? 3 : seeds.length)) {
      const ring = formed(seed, size)
      t.true(
        ring.run(2000, () => ring.agreed()),
        `seed ${seed}`,
      )
      ring.run(120_000)
      t.deepEqual(faults(ring), [], `seed ${seed}`)
      t.true(ring.agreed(), `seed ${seed}`)
    }
  })

  test(`${size} nodes: a silent death is seen by all within memberlist's bounds, and by nobody before`, (t) => {
    const { minMs } = suspicionSpan(profiles.lan, size)
    for (const seed of seeds.slice(0, size > 20 ? 3 : seeds.length)) {
      const ring = formed(seed, size)
      ring.run(10_000 + seed * 137)
      const victim = nameOf(seed % size)
      const killedMs = ring.nowMs
      ring.kill(victim)
      const gone = () => [...ring.stations.values()].every(({ name, up }) => !up || ring.view(name, victim) === "dead")
      // Someone's ring reaches the victim: on average soon, at worst after two rounds. Then the probe, then suspicion.
      t.true(ring.run(minMs + 10_000, gone), `seed ${seed}: not within ${minMs + 10_000} ms`)
      t.true(ring.nowMs - killedMs >= minMs, `seed ${seed}: after ${ring.nowMs - killedMs} ms already`)
      t.deepEqual(
        faults(ring).filter((fault) => !fault.endsWith(`leave ${victim}`)),
        [],
        `seed ${seed}`,
      )
    }
  })

  test(`${size} nodes: a good-bye is heard within a second, and nothing is suspected`, (t) => {
    for (const seed of seeds.slice(0, size > 20 ? 3 : seeds.length)) {
      const ring = formed(seed, size)
      ring.run(5000)
      const leaver = nameOf(seed % size)
      ring.leave(leaver)
      const heard = () => [...ring.stations.keys()].every((name) => ring.view(name, leaver) === "left")
      t.true(ring.run(size > 20 ? 1500 : 1000, heard), `seed ${seed}`)
      ring.kill(leaver)
      ring.run(60_000)
      t.true(ring.agreed(), `seed ${seed}`)
    }
  })
}

test("a restarted node is a member again, whatever it was thought to be", (t) => {
  for (const seed of seeds) {
    for (const awayMs of [500, 2000, 10_000, 50_000]) {
      const ring = formed(seed, 4)
      ring.run(5000)
      ring.kill(nameOf(2))
      ring.run(awayMs)
      ring.start(nameOf(2), 3, [nameOf(0)])
      t.true(
        ring.run(3000, () => ring.agreed()),
        `seed ${seed}, away for ${awayMs} ms`,
      )
    }
  }
})

test("a node that said good-bye and comes back is a member again", (t) => {
  for (const seed of seeds) {
    const ring = formed(seed, 4)
    ring.run(5000)
    ring.leave(nameOf(2))
    ring.run(1500)
    ring.kill(nameOf(2))
    ring.run(3000)
    ring.start(nameOf(2), 3, [nameOf(0)])
    t.true(
      ring.run(3000, () => ring.agreed()),
      `seed ${seed}`,
    )
  }
})

test("a fifth of all datagrams lost: nobody is thought dead, as TCP still passes", (t) => {
  for (const seed of seeds) {
    const ring = formed(seed, 6)
    ring.loss = 0.2
    ring.run(300_000)
    t.deepEqual(faults(ring), [], `seed ${seed}`)
    ring.loss = 0
    t.true(
      ring.run(10_000, () => ring.agreed()),
      `seed ${seed}`,
    )
  }
})

test("no datagrams between two nodes: others relay, nobody is thought dead", (t) => {
  for (const seed of seeds) {
    const ring = formed(seed, 5)
    ring.run(5000)
    const pair = new Set([nameOf(1), nameOf(2)])
    ring.deaf = (from, to) => pair.has(from) && pair.has(to)
    ring.run(120_000)
    t.deepEqual(faults(ring), [], `seed ${seed}`)
    t.true(ring.agreed(), `seed ${seed}`)
  }
})

test("no datagrams to a node at all: TCP alone keeps it", (t) => {
  const ring = formed(3, 3)
  ring.run(5000)
  ring.deaf = (_, to) => to === nameOf(1)
  ring.run(120_000)
  t.deepEqual(faults(ring), [])
})

for (const partedMs of [2000, 15_000, 120_000]) {
  test(`parted for ${partedMs / 1000} s: each side keeps its own, and healing brings all together`, (t) => {
    for (const seed of seeds) {
      const ring = new Ring(seed)
      const size = 6
      for (let i = 0; i < size; i++) ring.start(nameOf(i), i + 1, i === 0 ? [] : [nameOf(0)])
      ring.run(3000)
      t.true(ring.agreed(), `seed ${seed}`)
      const left = new Set([nameOf(0), nameOf(1), nameOf(2)])
      ring.parted = (from, to) => left.has(from) !== left.has(to)
      ring.run(partedMs)
      for (const { name } of ring.stations.values())
        for (const other of ring.stations.keys())
          if (left.has(name) === left.has(other)) t.is(ring.view(name, other), "alive", `seed ${seed}`)
      ring.parted = () => false
      // Those that know the first one's address look for it at least once a minute.
      t.true(
        ring.run(75_000, () => ring.agreed()),
        `seed ${seed}`,
      )
    }
  })
}

test("same seed, same run", (t) => {
  const run = () => {
    const ring = formed(5, 7)
    ring.loss = 0.1
    ring.run(20_000)
    ring.kill(nameOf(3))
    ring.run(20_000)
    return [ring.datagrams, [...ring.stations.values()].map(({ events }) => events)]
  }
  t.deepEqual(run(), run())
})

test("100 nodes settle, drop a dead one, and stay quiet", (t) => {
  const ring = formed(1, 100)
  t.true(ring.run(5000, () => ring.agreed()))
  ring.run(10_000)
  ring.kill(nameOf(50))
  const gone = () => [...ring.stations.values()].every(({ name, up }) => !up || ring.view(name, nameOf(50)) === "dead")
  t.true(ring.run(20_000, gone))
  ring.run(10_000)
  const before = ring.datagrams
  ring.run(60_000)
  const eachPerSecond = (ring.datagrams - before) / 60 / 99
  t.true(eachPerSecond < 3, `${eachPerSecond} datagrams a second and node`)
})
