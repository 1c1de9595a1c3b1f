import anyTest from "ava"
import { execFileSync, spawnSync } from "node:child_process"
import { networkInterfaces } from "node:os"
import type { DesiredPeer, SessionSettings } from "../../actors/session/messages.ts"
import { network } from "./network.ts"
import { addLink, Bird, type BirdOptions, cleanUp, obstacle } from "./routers.ts"
import { type Speaker, startSpeaker, until } from "./system.ts"

anyTest.after.always(cleanUp)

const test = obstacle === undefined ? anyTest.serial : anyTest.skip
const name = (title: string, why = obstacle): string => (why === undefined ? title : `${title} (${why})`)

const ip = (...args: string[]): void => void execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] })
const deviceOf = (address: string): string =>
  Object.entries(networkInterfaces()).find(([, all]) => all?.some((one) => one.address === address))?.[0] ?? ""

const routes = [{ localPref: 250, communities: [], prefixes: ["198.51.100.7/32"] }]
const peer = (title: string, address: string, settings: Partial<SessionSettings> = {}): DesiredPeer => ({
  name: title,
  session: { myASN: 64512, peerASN: 64513, address, port: 179, holdSeconds: 90, families: ["ipv4"], ...settings },
  routes,
})
const start = (): Speaker => startSpeaker({ parts: { network } })
const lastError = (speaker: Speaker): string => speaker.session("router")?.lastError ?? ""

const password = "correct horse"
const external = { asn: 64513, peerAsn: 64512 } as const

for (const [title, extra, settings] of [
  [
    "multihop with TTL security and a password",
    `multihop 2; ttl security on; password "${password}";`,
    { ttlSecurityHops: 2, password },
  ],
  ["multihop", "multihop;", {}],
] as const)
  test(name(`BIRD, ${title}: the session comes up`), async (t) => {
    const link = addLink()
    const bird = new Bird(link, { ...external, extra })
    await bird.start()
    const speaker = start()
    speaker.want(peer("router", link.theirs, settings))
    await speaker.reached("router", "established")
    await until("routes written", () => speaker.session("router")?.prefixesSent === 1)
    t.is(speaker.session("router")?.state, "established")
    await speaker.system.stop()
    await bird.stop()
  })

for (const [title, extra, settings, hint] of [
  ["wrong password", `password "${password}";`, { password: "hunter2" }, /a wrong or missing password on either side/],
  ["a password that the peer does not have", "", { password: "hunter2" }, /a wrong or missing password on either side/],
  ["no password", `password "${password}";`, {}, /^failed to connect to [\d.]+ port 179: no answer .* within 2000 ms/],
] as const)
  test(name(`BIRD, ${title}: silence, and a reason for it; right settings bring it up`), async (t) => {
    const link = addLink()
    const bird = new Bird(link, { ...external, extra })
    await bird.start()
    const speaker = start()
    speaker.want(peer("router", link.theirs, settings))
    await until(
      "reason",
      () => hint.test(lastError(speaker)),
      20_000,
      () => lastError(speaker),
    )
    t.not(speaker.session("router")?.state, "established")
    speaker.want(peer("router", link.theirs, extra === "" ? {} : { password }))
    await speaker.reached("router", "established")
    const told = JSON.stringify([speaker.lines, speaker.reports])
    t.false(told.includes("hunter2") || told.includes(password), "no password in logs and reports")
    await speaker.system.stop()
    await bird.stop()
  })

for (const [title, extra, settings, hint] of [
  ["we ask for, and BIRD does not", "", { ttlSecurityHops: 1 }, /sent no OPEN \(TTL security on one side only/],
  // BIRD asks for it once it has the connection, so what we send at once may still be heard, but no more after it.
  [
    "BIRD asks for, and we do not",
    "ttl security on;",
    {},
    /no answer to ours \(TTL security on one side only|peer sent NOTIFICATION Hold Timer Expired/,
  ],
] as const)
  test(name(`TTL security that ${title}: it does not last, and we say what it looks like`), async (t) => {
    const link = addLink()
    const bird = new Bird(link, { ...external, extra })
    await bird.start()
    const speaker = start()
    speaker.want(peer("router", link.theirs, { holdSeconds: 3, ...settings }))
    await until(
      "reason",
      () => hint.test(lastError(speaker)),
      30_000,
      () => lastError(speaker),
    )
    t.not(speaker.session("router")?.state, "established")
    // The other way round BIRD does not hear our goodbye either, and keeps the old connection for minutes.
    if (extra === "") {
      speaker.want(peer("router", link.theirs))
      await speaker.reached("router", "established")
    }
    await speaker.system.stop()
    await bird.stop()
  })

test(name("another password restarts that session and no other"), async (t) => {
  const [first, second] = [addLink(), addLink()]
  const birds = [new Bird(first, { ...external, extra: `password "one";` }), new Bird(second, external)] as const
  for (const bird of birds) await bird.start()
  const speaker = start()
  const other = peer("other", second.theirs)
  speaker.want(peer("router", first.theirs, { password: "one" }), other)
  await speaker.reached("router", "established")
  const since = (await speaker.reached("other", "established")).sinceMs
  await birds[0].stop()
  const changed = new Bird(first, { ...external, extra: `password "two";` })
  await changed.start()
  speaker.want(peer("router", first.theirs, { password: "two" }), other)
  await until("up with the new one", () => changed.count() === 1)
  t.is((await speaker.reached("other", "established")).sinceMs, since)
  await speaker.system.stop()
  await changed.stop()
  await birds[1].stop()
})

test(name("in a worker thread, as the daemon has it: password and TTL security"), async (t) => {
  const link = addLink()
  const bird = new Bird(link, { ...external, extra: `password "${password}"; ttl security on;` })
  await bird.start()
  const speaker = startSpeaker({ thread: true })
  speaker.want(peer("router", link.theirs, { password, ttlSecurityHops: 1 }))
  await speaker.reached("router", "established")
  await until("route", () => bird.count() === 1)
  t.true(await speaker.shutDown())
  await speaker.system.stop()
  await bird.stop()
})

test(name("the source address is the one that is asked for, and the next hop with it"), async (t) => {
  const link = addLink()
  const source = `100.127.${process.pid & 255}.1`
  ip("addr", "add", `${source}/32`, "dev", deviceOf(link.ours))
  ip("-n", link.namespace, "route", "add", `${source}/32`, "dev", "up0")
  const bird = new Bird({ ...link, ours: source }, { ...external, extra: "multihop 2;" })
  await bird.start()
  const speaker = start()
  speaker.want(peer("router", link.theirs, { sourceAddress: source }))
  await until("route", () => bird.count() === 1)
  t.regex(bird.route("198.51.100.7/32"), new RegExp(`BGP\\.next_hop: ${source.replaceAll(".", "\\.")}\n`))
  speaker.want(peer("router", link.theirs, { sourceAddress: "192.0.2.77" }))
  await until("reason", () => lastError(speaker).includes(`address "192.0.2.77" doesn't exist on this host`))
  await speaker.system.stop()
  await bird.stop()
})

test(
  name("bound to an interface: the right one works, another one does not, and one that is not there says so"),
  async (t) => {
    const link = addLink()
    const bird = new Bird(link, external)
    await bird.start()
    const speaker = start()
    speaker.want(peer("router", link.theirs, { interface: deviceOf(link.ours) }))
    await speaker.reached("router", "established")
    speaker.want(peer("router", link.theirs, { interface: "nosuch0" }))
    await until("reason", () => lastError(speaker).includes(`network device "nosuch0" doesn't exist on this host`))
    speaker.want(peer("router", link.theirs, { vrf: "a-name-too-long-for-linux" }))
    await until("reason", () => lastError(speaker).includes(`"a-name-too-long-for-linux" doesn't exist on this host`))
    t.not(speaker.session("router")?.state, "established")
    await speaker.system.stop()
    await bird.stop()
  },
)

for (const [wanted, options, refusal] of [
  ["external", external, undefined],
  ["internal", { asn: 64512, peerAsn: 64512 }, undefined],
  ["external", { asn: 64512, peerAsn: 64512 }, "unexpected peer ASN 64512, want any but ours"],
  ["internal", external, "unexpected peer ASN 64513, want 64512, as ours"],
] as const satisfies readonly (readonly ["internal" | "external", BirdOptions, string | undefined])[])
  test(name(`peer ASN ${wanted}, and BIRD in AS ${options.asn}`), async (t) => {
    const link = addLink()
    const bird = new Bird(link, options)
    await bird.start()
    const speaker = start()
    speaker.want(peer("router", link.theirs, { peerASN: wanted }))
    if (refusal === undefined) {
      await until("route", () => bird.count() === 1)
      const internal = wanted === "internal"
      t.regex(bird.route("198.51.100.7/32"), internal ? /as_path: \n/ : /as_path: 64512\n/)
      t.regex(bird.route("198.51.100.7/32"), internal ? /local_pref: 250\n/ : /local_pref: 100\n/)
    } else {
      await until(
        "reason",
        () => lastError(speaker).includes(refusal),
        20_000,
        () => lastError(speaker),
      )
      t.pass()
    }
    await speaker.system.stop()
    await bird.stop()
  })

test(name("a keepalive time of its own: one a second, though the hold time is 90"), async (t) => {
  const link = addLink()
  const bird = new Bird(link, external)
  await bird.start()
  const speaker = start()
  speaker.want(peer("router", link.theirs, { keepaliveSeconds: 1 }))
  await speaker.reached("router", "established")
  const beats = (): number => speaker.session("router")?.messages.sent.keepalives ?? 0
  await until("KEEPALIVEs", () => beats() >= 5, 15_000)
  t.is(speaker.session("router")?.state, "established")
  await speaker.system.stop()
  await bird.stop()
})

test(name("connect time: tries in even distance, not ever farther apart"), async (t) => {
  const link = addLink()
  const speaker = start()
  const beganMs = performance.now()
  speaker.want(peer("router", link.theirs, { connectSeconds: 1 }))
  const tries = (): number => speaker.lines.filter(({ message }) => message === "failed to connect to peer").length
  // With waits of 0.05, 0.1 … 0.5 s as the tests have them these would be three times as many; with MetalLB's, fewer.
  await until("six tries", () => tries() >= 6)
  const tookMs = performance.now() - beganMs
  t.true(tookMs > 3_000, `${tookMs} ms`)
  await speaker.system.stop()
})

test(name("unnumbered: the router is found by its Router Advertisement; IPv4 and IPv6 routes go there"), async (t) => {
  const link = addLink()
  const device = deviceOf(link.ours)
  ip("addr", "add", "fe80::1/64", "dev", device, "nodad")
  ip("-n", link.namespace, "addr", "add", "fe80::2/64", "dev", "up0", "nodad")
  // So that one of two is ours, and it is the one that BIRD expects.
  execFileSync("ip", ["addr", "flush", "dev", device, "scope", "link", "-permanent"], { stdio: "ignore" })
  const speaker = start()
  const unnumbered = peer("router", device, { interface: device, families: ["ipv4", "ipv6"], routerId: "10.9.8.7" })
  speaker.want({
    ...unnumbered,
    routes: [{ localPref: 0, communities: [], prefixes: ["198.51.100.7/32", "2001:db8:7::1/128"] }],
  })
  const nobody = `no router has made itself known on interface "${device}" by a Router Advertisement`
  await until(
    "nobody there yet",
    () => lastError(speaker).includes(nobody),
    10_000,
    () => lastError(speaker),
  )
  const bird = new Bird(
    { ...link, ours6: "fe80::1", theirs6: "fe80::2" },
    {
      ...external,
      over: "ipv6",
      families: ["ipv4", "ipv6"],
      extra: `interface "up0";`,
      channel: "extended next hop on;",
      beside: `protocol radv { interface "up0" { min ra interval 3; max ra interval 4; }; }`,
    },
  )
  await bird.start()
  await speaker.reached("router", "established")
  await until("routes", () => bird.route("198.51.100.7/32") !== "" && bird.route("2001:db8:7::1/128") !== "")
  t.is(speaker.session("router")?.address, device)
  await speaker.system.stop()
  await bird.stop()
})

const vrfObstacle = obstacle ?? withoutVrf()
function withoutVrf(): string | undefined {
  const device = `tv${process.pid}`
  const made = spawnSync("ip", ["link", "add", device, "type", "vrf", "table", "1234"]).status === 0
  if (made) ip("link", "del", device)
  return made ? undefined : "this kernel has no VRF devices"
}
const withVrf = vrfObstacle === undefined ? anyTest.serial : anyTest.skip

withVrf(name("in a VRF: reached there, and nowhere else", vrfObstacle), async (t) => {
  const link = addLink()
  const vrf = `tv${process.pid}`
  ip("link", "add", vrf, "type", "vrf", "table", "1234")
  try {
    ip("link", "set", vrf, "up")
    ip("link", "set", deviceOf(link.ours), "master", vrf)
    const bird = new Bird(link, { ...external, extra: `password "${password}";` })
    await bird.start()
    const speaker = start()
    speaker.want(peer("router", link.theirs, { vrf, password }))
    await until("route", () => bird.count() === 1)
    speaker.want(peer("router", link.theirs, { password }))
    await until("not outside of it", () => lastError(speaker).startsWith("failed to connect"))
    t.pass()
    await speaker.system.stop()
    await bird.stop()
  } finally {
    ip("link", "del", vrf)
  }
})
