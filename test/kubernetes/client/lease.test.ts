import test from "ava"
import fc from "fast-check"
import { objectAt } from "../../../kubernetes/client/json.ts"
import { type Election, elect, type ElectionOptions } from "../../../kubernetes/client/lease.ts"
import { embeddedCluster, ours } from "./embedded-cluster.ts"
import { memoryLog, until } from "./fake-api.ts"
import { LeaseWorld, type Machine } from "./lease-world.ts"

const lease = { namespace: ours, name: "troupe-controller" }

interface Candidate {
  readonly id: string
  readonly machine: Machine
  readonly election: Election
  /** By what it was told. */
  atWork: boolean
  crashed: boolean
  readonly terms: number[]
  readonly reasons: string[]
}

function candidate(world: LeaseWorld, id: string, drainMs = 0): Candidate {
  const machine = world.machine()
  const log = memoryLog()
  const options = { ...lease, identity: id }
  const made = elect(
    machine.cluster,
    options,
    {
      started(term) {
        one.atWork = true
        one.terms.push(term)
      },
      stopped(reason) {
        one.reasons.push(reason)
        const over = () => {
          one.atWork = false
        }
        if (drainMs === 0 || reason !== "stopped") return over()
        return new Promise<void>((resolve) => machine.after(drainMs, resolve)).then(over)
      },
    },
    log,
    machine,
  )
  if (!made.ok) throw new Error(made.error)
  const one: Candidate = {
    id,
    machine,
    election: made.value,
    atWork: false,
    crashed: false,
    terms: [],
    reasons: [],
  }
  return one
}

const leaders = (all: readonly Candidate[]) =>
  all.filter(({ machine, election, crashed }) => !crashed && !machine.paused && election.leading())
const working = (all: readonly Candidate[]) =>
  all.filter(({ machine, atWork, crashed }) => !crashed && !machine.paused && atWork)

test("never two at work, whatever happens to requests, clocks and processes; one leads once the trouble is over", async (t) => {
  let starts = 0
  let losses = 0
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 2, max: 5 }), async (seed, count) => {
      const world = new LeaseWorld(seed)
      const all = Array.from({ length: count }, (_, i) => candidate(world, `c${i}`))
      const check = () => {
        const [first, second] = leaders(all).length > 1 ? leaders(all) : working(all)
        if (second) throw new Error(`at ${world.nowMs} ms both ${first?.id} and ${second.id} lead`)
      }
      const any = () => all[Math.floor(world.random() * count)]
      let trouble = true
      const mischief = () => {
        if (!trouble) return
        const one = any()
        const what = world.random()
        if (one === undefined) return
        if (what < 0.3) one.machine.pauseFor(40_000 * world.random() ** 2)
        else if (what < 0.6) one.machine.cutOffUntilMs = world.nowMs + 30_000 * world.random()
        else if (what < 0.8) one.machine.jump()
        // Calm and storm.
        else world.troubles = world.random() < 0.5 ? 0.05 : 1.5 * world.random()
        world.at(8_000 * world.random(), mischief)
      }
      mischief()
      await world.runUntil(200_000, check)
      trouble = false
      world.troubles = 0
      for (const { terms, reasons } of all) {
        t.deepEqual(
          terms,
          [...new Set(terms)].sort((a, b) => a - b),
          "terms grow",
        )
        starts += terms.length
        losses += reasons.length
      }
      await world.runUntil(300_000, check)
      t.is(working(all).length, 1, `nobody leads in the end, seed ${seed}`)
    }),
    { numRuns: 200 },
  )
  // Or else nothing was tried.
  t.true(starts > 500, `${starts} starts`)
  t.true(losses > 200, `${losses} losses`)
})

test("a leader that crashes is followed after the lease has run out, one that stops in order at once", async (t) => {
  const world = new LeaseWorld(7)
  world.troubles = 0
  const all = ["a", "b", "c"].map((id) => candidate(world, id))
  const check = () => t.true(leaders(all).length <= 1 && working(all).length <= 1)
  const someone = () => working(all).length === 1
  await world.runUntil(60_000, check, someone)
  const [first] = working(all)
  t.truthy(first)
  if (first === undefined) return
  first.machine.crash()
  first.crashed = true
  const crashedMs = world.nowMs
  await world.runUntil(120_000, check, someone)
  const [second] = working(all)
  t.true(world.nowMs - crashedMs > 12_000 && world.nowMs - crashedMs < 22_000, `${world.nowMs - crashedMs} ms`)
  t.true((second?.terms[0] ?? 0) > (first.terms[0] ?? 0))

  const stoppedMs = world.nowMs
  let stopped = false
  void second?.election.stop().then(() => (stopped = true))
  t.false(second?.election.leading())
  await world.runUntil(120_000, check, () => working(all).some((one) => one !== second))
  t.true(stopped)
  t.true(world.nowMs - stoppedMs < 5_500, `${world.nowMs - stoppedMs} ms`)
  t.deepEqual(second?.reasons, ["stopped"])
})

test("the lease is kept for as long as the work takes to end", async (t) => {
  const world = new LeaseWorld(3)
  world.troubles = 0
  const a = candidate(world, "a", 60_000)
  await world.runUntil(
    10_000,
    () => {},
    () => a.atWork,
  )
  const b = candidate(world, "b")
  const check = () => t.true(working([a, b]).length <= 1)
  await world.runUntil(20_000, check)
  void a.election.stop()
  t.false(a.election.leading())
  await world.runUntil(75_000, check)
  t.true(a.atWork)
  await world.runUntil(95_000, check, () => b.atWork)
  t.true(b.atWork)
  t.false(a.atWork)
})

test("a leader that wakes from a long pause knows at once that it leads no more", async (t) => {
  const world = new LeaseWorld(11)
  world.troubles = 0
  const a = candidate(world, "a")
  await world.runUntil(
    10_000,
    () => {},
    () => a.atWork,
  )
  const b = candidate(world, "b")
  await world.runUntil(15_000, () => {})
  a.machine.pauseFor(60_000)
  await world.runUntil(
    40_000,
    () => {},
    () => b.atWork,
  )
  t.true(b.atWork)
  t.false(a.election.leading())
  await world.runUntil(80_000, () => t.true(leaders([a, b]).length <= 1))
  t.false(a.atWork)
  t.regex(a.reasons[0] ?? "", /^could not renew the lease .* for 10 s$|is held by b$/)
})

test("a Lease that somebody else wrote, or deleted, ends it with a reason", async (t) => {
  const world = new LeaseWorld(5)
  world.troubles = 0
  const a = candidate(world, "a")
  await world.runUntil(
    10_000,
    () => {},
    () => a.atWork,
  )
  const spec = { ...objectAt(world.lease, "spec"), holderIdentity: "intruder" }
  world.serve({ verb: "update", path: "", resource: "", body: { ...world.lease, spec } })
  await world.runUntil(
    20_000,
    () => {},
    () => !a.atWork,
  )
  t.regex(a.reasons[0] ?? "", /is held by intruder$/)
  t.is(a.election.holder(), "intruder")
  // The intruder does nothing more, so its lease runs out.
  await world.runUntil(
    60_000,
    () => {},
    () => a.atWork,
  )
  t.deepEqual(a.terms, [0, 1])
  world.lease = undefined
  await world.runUntil(90_000, () => {})
  t.true(a.atWork)
  t.deepEqual(a.terms, [0, 1])
  t.is(objectAt(world.lease, "spec")["holderIdentity"], "a")
})

test("options that cannot work are refused in words", (t) => {
  const world = new LeaseWorld(1)
  const fault = (more: Partial<ElectionOptions>) => {
    const options = { ...lease, identity: "a", ...more }
    const made = elect(world.machine().cluster, options, { started() {}, stopped() {} }, memoryLog(), world.machine())
    return made.ok ? undefined : made.error
  }
  t.is(fault({ identity: "" }), "leader election: the identity is empty")
  t.is(fault({ name: "" }), "leader election: the Lease needs a namespace and a name")
  t.is(fault({ leaseDurationMs: 10_000 }), "leader election: leaseDuration must exceed renewDeadline")
  t.is(fault({ renewDeadlineMs: 2_000 }), "leader election: renewDeadline must exceed retryPeriod × 1.2")
  t.is(fault({ retryPeriodMs: 0 }), "leader election: retryPeriod must be greater than zero")
})

test("against the lab's API server: two clients, one leads, and hands over", async (t) => {
  const { server, log, client } = await embeddedCluster(t)
  const at = new Map<string, number>()
  const one = async (identity: string) => {
    const { cluster } = await client()
    const on = { started: (term: number) => void at.set(identity, term), stopped: () => void at.delete(identity) }
    const election = elect(cluster, { ...lease, identity, retryPeriodMs: 200 }, on, log)
    if (!election.ok) throw new Error(election.error)
    t.teardown(() => election.value.stop())
    return election.value
  }
  const a = await one("a")
  await until(() => at.has("a"), "the first leads")
  const b = await one("b")
  await until(() => b.holder() === "a", "the second knows")
  t.true(a.leading())
  await a.stop()
  await until(() => at.has("b"), "the second leads")
  t.deepEqual([...at], [["b", 1]])
  const stored = server.objects.get("coordination.k8s.io/v1", "Lease", lease.name, ours)
  t.like(objectAt(stored, "spec"), { holderIdentity: "b", leaseDurationSeconds: 15, leaseTransitions: 1 })
  t.regex(String(objectAt(stored, "spec")["renewTime"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
})
