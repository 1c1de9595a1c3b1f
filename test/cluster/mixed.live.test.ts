import test, { type ExecutionContext } from "ava"
import { networkInterfaces } from "node:os"
import { markVersion } from "../../cluster/speaker-mark.ts"
import { metallbKey } from "../../protocols/memberlist/encryption.ts"
import { hex } from "../memberlist/vectors.ts"
import { buildReal, endAll, hasGo, type OurPeer, type Peer, startOurs, startReal, until } from "./processes.ts"

/** Rings of our nodes and real ones, on loopback. Needs Go to build the real one. */
const live = hasGo ? test.serial : test.skip
const title = (what: string) => (hasGo ? what : `${what} [needs go]`)

let real = { binary: "", remove: () => {} }
test.before((t) => {
  t.timeout(300_000, "a first build compiles the library")
  if (hasGo) real = buildReal()
})
test.afterEach.always(() => endAll())
test.after.always(() => {
  endAll()
  real.remove()
})

const secret = "MDEyMzQ1Njc4OWFiY2RlZg"
/** Syncs come often, so that a test sees many. */
const profile = { pushPullIntervalMs: 3000 }

/** What our speakers say of themselves; real nodes carry it on without a word. */
const mark = { version: markVersion, macs: ["02:00:00:00:00:0a", "02:00:00:00:00:0b"] }

let hosts = 1
const nextAddress = () => `127.0.0.${++hosts}`

async function ours(name: string, encrypted: boolean, thread = false): Promise<OurPeer> {
  const security = encrypted ? { secretKey: secret } : {}
  return startOurs({ name, bindAddress: nextAddress(), bindPort: 0, profile, mark, ...security }, thread)
}
async function theirs(name: string, encrypted: boolean): Promise<Peer> {
  const flags = ["-push-pull", "3s", ...(encrypted ? ["-key", hex(metallbKey(Buffer.from(secret)))] : [])]
  return startReal(real.binary, name, nextAddress(), flags)
}

async function agree(peers: readonly Peer[]): Promise<void> {
  const names = peers.map(({ name }) => name).sort()
  const views = () => peers.map((peer) => `${peer.name}: ${peer.members().sort().join(" ")}`).join("; ")
  await until(() => peers.every((peer) => peer.members().sort().join() === names.join()), views)
}

/**
 * What a real node complains about, but for the one that was killed, and for what a machine too busy to run a process
 * for half a second brings about.
 */
function complaints(peers: readonly Peer[], about?: Peer): string[] {
  const expected = about && new RegExp(`${about.name}\\b|${about.address.replaceAll(".", "\\.")}:${about.port}\\b`)
  return peers.flatMap(({ name, log }) =>
    log
      .filter((line) => /\[(ERR|WARN)\]/.test(line) && !ownTrouble.test(line) && !expected?.test(line))
      .map((line) => `${name}: ${line}`),
  )
}

/** Of a machine with too much to do; and of memberlist that closes its own socket while it gossips its good-bye. */
const ownTrouble = /Refuting a|UDP probes failed|use of closed network connection/

async function mixed(encrypted: boolean): Promise<{ us: OurPeer[]; them: Peer[]; all: Peer[] }> {
  const us = [await ours("ours-a", encrypted), await ours("ours-b", encrypted, true)]
  const them = [await theirs("real-a", encrypted), await theirs("real-b", encrypted), await theirs("real-c", encrypted)]
  const [oursA, oursB] = us
  const [realA, realB, realC] = them
  if (!oursA || !oursB || !realA || !realB || !realC) throw new Error("five nodes")
  oursA.join(realA)
  realB.join(oursA)
  realC.join(oursB)
  oursB.join(realB)
  const all = [...us, ...them]
  await agree(all)
  await until(
    () => us.every(({ seen }) => seen.every(({ state }) => state === "alive")),
    () => "no suspicion",
  )
  return { us, them, all }
}

/** memberlist's own bounds for a ring of up to ten: up to two rounds of probing, the probe, suspicion of 4 to 24 s. */
function within(t: ExecutionContext, what: string, peers: readonly Peer[], gone: Peer, since: number): void {
  const seconds = peers.map((peer) => ((peer.sawGo(gone.name) ?? Infinity) - since) / 1000)
  t.log(`${what}: ${seconds.map((value) => value.toFixed(2)).join(", ")} s`)
  for (const value of seconds) {
    t.true(value >= 4, `${what}: ${value} s is sooner than suspicion allows`)
    t.true(value <= 36, `${what}: ${value} s`)
  }
}

for (const encrypted of [true, false]) {
  const how = encrypted ? "encrypted" : "plain"

  live(
    title(`${how}: two of ours, one of them in a thread, and three real nodes form a ring and none complains`),
    async (t) => {
      t.timeout(120_000)
      const { us, them, all } = await mixed(encrypted)
      // Through several syncs and each node's probes of each other.
      const endMs = performance.now() + 10_000
      await until(
        () => performance.now() > endMs,
        () => "time passes",
      )
      await agree(all)
      t.deepEqual(complaints(them), [])
      for (const peer of us) {
        for (const { name } of us) t.deepEqual(peer.seen.find((member) => member.name === name)?.mark, mark, name)
        for (const { name } of them) t.is(peer.seen.find((member) => member.name === name)?.mark, undefined, name)
        const { faults, healthScore, packetsReceived, streamsAccepted, streamsOpened } = await peer.counters()
        t.deepEqual(faults, {})
        t.is(healthScore, 0)
        t.true(packetsReceived > 10 && streamsAccepted + streamsOpened > 2)
      }
    },
  )

  live(title(`${how}: a killed node of ours is dropped by all, and is a member again when it returns`), async (t) => {
    t.timeout(120_000)
    const { them, all, us } = await mixed(encrypted)
    const [victim, witness] = us
    if (!victim || !witness) throw new Error("two of ours")
    const killedAt = Date.now()
    victim.kill()
    const rest = all.filter((peer) => peer !== victim)
    await until(
      () => rest.every((peer) => !peer.members().includes(victim.name)),
      () => JSON.stringify(witness.states()),
      40_000,
    )
    within(t, `kill -9 of ours, ${how}`, rest, victim, killedAt)
    t.deepEqual(complaints(them, victim), [])

    const again = await startOurs({
      name: victim.name,
      bindAddress: victim.address,
      bindPort: victim.port,
      profile,
      ...(encrypted ? { secretKey: secret } : {}),
    })
    again.join(witness)
    await agree([again, ...rest])
  })

  live(title(`${how}: a killed real node is dropped by all`), async (t) => {
    t.timeout(120_000)
    const { them, all, us } = await mixed(encrypted)
    const victim = them[1]
    if (!victim) throw new Error("three real nodes")
    const killedAt = Date.now()
    victim.kill()
    const rest = all.filter((peer) => peer !== victim)
    await until(
      () => rest.every((peer) => !peer.members().includes(victim.name)),
      () => JSON.stringify(us[0]?.states()),
      40_000,
    )
    within(t, `kill -9 of a real one, ${how}`, rest, victim, killedAt)
    t.deepEqual(
      us.map((peer) => peer.states()[victim.name]),
      ["dead", "dead"],
    )
    t.deepEqual(complaints(them, victim), [])
  })

  live(title(`${how}: a good-bye of either kind is heard at once, without suspicion`), async (t) => {
    t.timeout(120_000)
    const { them, all, us } = await mixed(encrypted)
    for (const leaver of [us[1], them[2]]) {
      if (!leaver) throw new Error("five nodes")
      const leftAt = Date.now()
      leaver.leave()
      const rest = all.filter((peer) => peer !== us[1] && peer !== leaver)
      await until(
        () => rest.every((peer) => !peer.members().includes(leaver.name)),
        () => leaver.name,
      )
      const seconds = rest.map((peer) => ((peer.sawGo(leaver.name) ?? Infinity) - leftAt) / 1000)
      t.log(`leave of ${leaver.name}, ${how}: ${seconds.map((value) => value.toFixed(2)).join(", ")} s`)
      for (const value of seconds) t.true(value < 4, `${value} s: sooner than any suspicion`)
      t.is(us[0]?.states()[leaver.name], "left")
      await leaver.end()
    }
    t.deepEqual(complaints(them), [])
  })
}

live(title("three nodes: who is killed, of either kind, is dropped after the shortest suspicion"), async (t) => {
  t.timeout(120_000)
  const trio = [await ours("ours-a", true), await ours("ours-b", true), await theirs("real-a", true)] as const
  trio[0].join(trio[2])
  trio[1].join(trio[2])
  await agree(trio)
  const killedAt = Date.now()
  trio[2].kill()
  const rest = [trio[0], trio[1]]
  await until(
    () => rest.every((peer) => !peer.members().includes("real-a")),
    () => "",
    40_000,
  )
  within(t, "kill -9 of a real one, three nodes", rest, trio[2], killedAt)
})

live(title("a labelled ring, where only ours compresses"), async (t) => {
  t.timeout(120_000)
  const flags = ["-label", "blue", "-compress=false", "-push-pull", "3s", "-key", hex(metallbKey(Buffer.from(secret)))]
  const config = { bindPort: 0, profile, secretKey: secret, label: "blue" }
  const us = await startOurs({ name: "ours-a", bindAddress: nextAddress(), ...config })
  const them = [
    await startReal(real.binary, "real-a", nextAddress(), flags),
    await startReal(real.binary, "real-b", nextAddress(), flags),
  ] as const
  us.join(them[0])
  them[1].join(us)
  await agree([us, ...them])
  const streams = async () => (await us.counters()).streamsAccepted
  const before = await streams()
  const endMs = performance.now() + 30_000
  while ((await streams()) === before && performance.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, 100))
  t.true((await streams()) > before, "a sync that a real node began")
  t.deepEqual(complaints(them), [])
  await agree([us, ...them])
})

const hasIpv6 = networkInterfaces()["lo"]?.some(({ address }) => address === "::1") === true
const ipv6 = hasGo && hasIpv6 ? test.serial : test.skip
ipv6(hasIpv6 ? title("IPv6") : "IPv6 [needs ::1 on lo]", async (t) => {
  t.timeout(120_000)
  const us = await startOurs({ name: "ours-a", bindAddress: "::1", bindPort: 0, profile, secretKey: secret })
  const flags = ["-push-pull", "3s", "-key", hex(metallbKey(Buffer.from(secret)))]
  const them = await startReal(real.binary, "real-a", "::1", flags)
  us.join(them)
  await agree([us, them])
  them.leave()
  await until(
    () => us.states()["real-a"] === "left",
    () => JSON.stringify(us.states()),
  )
  t.deepEqual(complaints([them]), [])
})

live(title("another key: neither lets the other in, both say why, and a plain node is refused as well"), async (t) => {
  t.timeout(120_000)
  const host = await theirs("real-a", true)
  const stranger = await startOurs({
    name: "stranger",
    bindAddress: nextAddress(),
    bindPort: 0,
    profile,
    secretKey: "other",
  })
  const plain = await ours("plain", false)
  for (const peer of [stranger, plain]) peer.join(host)
  const failed = (peer: OurPeer) => peer.log.some((line) => line.includes("partial join"))
  await until(
    () => failed(stranger) && failed(plain),
    () => stranger.log.join("\n"),
  )
  host.join(stranger)
  await until(
    () => host.log.length > 0,
    () => "no word",
  )
  t.deepEqual(
    [host, stranger, plain].map((peer) => peer.members()),
    [["real-a"], ["stranger"], ["plain"]],
  )
  t.false([...stranger.log, ...plain.log, ...host.log].some((line) => line.includes(secret)))
})
