import test from "ava"
import type {
  BgpCommand,
  DesiredPeer,
  RouteGroup,
  RoutesReport,
  SessionSettings,
} from "../../actors/session/messages.ts"
import { describeNotification } from "../../protocols/bgp/notification.ts"
import type { Received } from "../../protocols/bgp/packet.ts"
import { connectTcp } from "../../supervision/real-tcp.ts"
import { refTo } from "../../supervision/system.ts"
import { type FakePeer, startFakePeer } from "./fake-peer.ts"
import { startSpeaker, until } from "./system.ts"

const route = (prefix: string, localPref = 0): RouteGroup => ({ localPref, communities: [], prefixes: [prefix] })
const hosts = (count: number): RouteGroup[] =>
  Array.from({ length: count }, (_, i) => route(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`))

function peer(
  name: string,
  fake: FakePeer,
  routes: RouteGroup[],
  settings: Partial<SessionSettings> = {},
): DesiredPeer {
  const { port } = fake
  return {
    name,
    session: { myASN: 64512, peerASN: 64513, address: "127.0.0.1", port, holdSeconds: 90, ...settings },
    routes,
  }
}

const notifications = (messages: readonly Received[]): string[] =>
  messages.flatMap((message) => (message.kind === "notification" ? [describeNotification(message)] : []))

test.serial(
  "a session comes up with its routes, End-of-RIB after the first full set, then changes as they come",
  async (t) => {
    const fake = await startFakePeer()
    const speaker = startSpeaker()
    speaker.want(peer("a", fake, [route("10.0.0.1/32"), route("10.0.0.2/32")]))
    await until("routes", () => fake.routes().length === 2)
    const kinds = (fake.connections[0]?.messages ?? []).map(({ kind }) => kind)
    t.deepEqual(kinds.slice(0, 2), ["open", "keepalive"])
    await until("End-of-RIB", () => {
      const last = fake.connections[0]?.messages.at(-1)
      return last?.kind === "update" && last.nlri.length === 0 && last.withdrawn.length === 0
    })
    const updates = (fake.connections[0]?.messages ?? []).filter(({ kind }) => kind === "update")
    t.is(updates.length, 2, "both prefixes in one UPDATE, then the marker")

    speaker.want(peer("a", fake, [route("10.0.0.2/32"), route("10.0.0.3/32")]))
    await until("change", () => fake.routes().join() === "10.0.0.2/32,10.0.0.3/32")
    await until("report", () => speaker.session("a")?.prefixesSent === 2 && speaker.session("a")?.updatesSent === 4)
    const report = speaker.session("a")
    t.deepEqual([report?.state, report?.prefixesWanted, report?.port], ["established", 2, fake.port])
    const up = speaker.lines.find(({ message }) => message === "BGP session established")
    t.is(up?.level, "info")
    t.like(up?.fields, { event: "sessionUp", peer: "127.0.0.1", localASN: 64512, peerASN: 64513 })
    await speaker.system.stop()
    fake.close()
  },
)

test.serial("what was offered, received and agreed, how it is reached, ups and downs; routes on request", async (t) => {
  const fake = await startFakePeer({ holdSeconds: 30 })
  const speaker = startSpeaker()
  const ask = (name: string) =>
    speaker.system.ask<BgpCommand, RoutesReport>(
      refTo("/speaker/bgp"),
      (replyTo) => ({ kind: "routes", name, replyTo }),
      5_000,
    )
  const groups = [
    { localPref: 0, communities: ["65000:1"], prefixes: ["10.0.0.1/32", "10.0.0.2/32", "2001:db8::1/128"] },
    { localPref: 0, communities: ["65000:2", "65000:1"], prefixes: ["10.0.0.2/32"] },
    { localPref: 0, communities: ["nonsense"], prefixes: ["10.0.0.3/32"] },
  ]
  speaker.want({ ...peer("a", fake, []), routes: groups })
  await until("sent", () => fake.routes().length === 2 && speaker.session("a")?.prefixesSent === 2)
  const report = speaker.session("a")
  t.deepEqual(
    [report?.ups, report?.downs, report?.agreed?.holdSeconds, report?.agreed?.keepaliveSeconds],
    [1, 0, 30, 10],
  )
  t.deepEqual(
    report?.offered?.map(({ text }) => text),
    [
      "multiprotocol: IPv4 unicast",
      "route refresh",
      "enhanced route refresh",
      "extended message",
      "4-octet AS numbers: AS 64512",
    ],
  )
  t.deepEqual(
    report?.received?.map(({ code }) => code),
    [1, 1, 65],
  )
  const { local, ...transport } = report?.transport ?? { remote: undefined }
  t.is(local?.address, "127.0.0.1")
  t.is(local?.port, fake.connections[0]?.socket.remotePort)
  t.deepEqual(transport, { remote: { address: "127.0.0.1", port: fake.port }, authentication: "none" })
  const asked = await ask("a")
  t.deepEqual(asked.ok && asked.value, {
    kind: "routes-report",
    nextHops: { ipv4: "127.0.0.1" },
    groups: [
      { localPref: 0, communities: ["65000:1"], sent: ["10.0.0.1/32"], waiting: [] },
      { localPref: 0, communities: ["65000:1", "65000:2"], sent: ["10.0.0.2/32"], waiting: [] },
    ],
    refused: [
      { prefix: "10.0.0.3/32", because: "community nonsense is not of the form 65000:1, 65000:1:2 or rt:65000:1" },
    ],
  })
  const nobody = await ask("nobody")
  t.deepEqual(nobody.ok && nobody.value.groups, [])
  fake.connections[0]?.socket.destroy()
  await until("down and up again", () => speaker.session("a")?.ups === 2 && speaker.session("a")?.downs === 1)
  fake.close()
  await until("down", () => speaker.session("a")?.downs === 2)
  t.is(speaker.session("a")?.transport.local, undefined)
  const down = await ask("a")
  t.deepEqual(down.ok && down.value.groups.flatMap(({ waiting }) => waiting), [
    "10.0.0.1/32",
    "10.0.0.2/32",
    "10.0.0.3/32",
  ])
  await speaker.system.stop()
})

test.serial("shutdown: Cease with words to every peer, then the answer; nothing comes back after it", async (t) => {
  const fakes = [await startFakePeer(), await startFakePeer()] as const
  const speaker = startSpeaker()
  const both = [peer("a", fakes[0], []), peer("b", fakes[1], [])]
  speaker.want(...both)
  await speaker.reached("a", "established")
  await speaker.reached("b", "established")
  t.true(await speaker.shutDown())
  for (const fake of fakes) {
    await until("goodbye", () => notifications(fake.connections[0]?.messages ?? []).length === 1)
    t.deepEqual(notifications(fake.connections[0]?.messages ?? []), [
      'Cease/Administrative Shutdown ("speaker is shutting down")',
    ])
  }
  speaker.want(...both)
  t.true(await speaker.shutDown(), "asked again, it answers again")
  t.deepEqual(
    fakes.map(({ connections }) => connections.length),
    [1, 1],
  )
  await speaker.system.stop()
  for (const fake of fakes) fake.close()
})

test.serial(
  "a removed peer gets Cease/Peer De-configured; its neighbour keeps its connection; wanted again it comes back",
  async (t) => {
    const [first, second] = [await startFakePeer(), await startFakePeer()]
    const speaker = startSpeaker()
    const a = peer("a", first, [route("10.0.0.1/32")])
    const b = peer("b", second, [route("10.0.0.1/32")])
    speaker.want(a, b)
    await speaker.reached("a", "established")
    await speaker.reached("b", "established")
    speaker.want(b)
    await until("goodbye", () => first.connections[0]?.ended === true)
    t.deepEqual(notifications(first.connections[0]?.messages ?? []), ["Cease/Peer De-configured"])
    await until("report without it", () => speaker.session("a") === undefined)
    speaker.want(a, b)
    await until("again", () => first.connections.length === 2 && first.routes().length === 1)
    t.is(second.connections.length, 1)
    t.false(second.connections[0]?.ended)
    await speaker.system.stop()
    first.close()
    second.close()
  },
)

test.serial("removed and wanted again in one breath: one session in the end", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker()
  const a = peer("a", fake, [route("10.0.0.1/32")])
  speaker.want(a)
  await speaker.reached("a", "established")
  speaker.want()
  speaker.want(a)
  await until("again", () => fake.connections.length === 2 && fake.routes().length === 1)
  t.is(fake.connections[0]?.ended, true)
  t.is((await speaker.reached("a", "established")).prefixesSent, 1)
  await speaker.system.stop()
  fake.close()
})

test.serial("changed settings restart that session only, with Cease/Other Configuration Change", async (t) => {
  const [first, second] = [await startFakePeer(), await startFakePeer()]
  const speaker = startSpeaker()
  speaker.want(peer("a", first, []), peer("b", second, []))
  await speaker.reached("a", "established")
  await speaker.reached("b", "established")
  speaker.want(peer("a", first, [], { holdSeconds: 30 }), peer("b", second, []))
  await until("second connection", () => first.connections.length === 2)
  t.deepEqual(notifications(first.connections[0]?.messages ?? []), ["Cease/Other Configuration Change"])
  await until("OPEN", () => first.connections[1]?.messages[0]?.kind === "open")
  t.like(first.connections[1]?.messages[0], { kind: "open", holdSeconds: 30 })
  t.is(second.connections.length, 1)
  await speaker.system.stop()
  first.close()
  second.close()
})

test.serial("a killed session actor comes back with its routes; the others do not notice", async (t) => {
  const [first, second] = [await startFakePeer(), await startFakePeer()]
  const speaker = startSpeaker()
  speaker.want(peer("a", first, hosts(3)), peer("b", second, hosts(3)))
  await until("routes", () => first.routes().length === 3 && second.routes().length === 3)
  t.true(await speaker.system.kill("/speaker/bgp/a", "by the test"))
  await until("routes again", () => first.connections.length === 2 && first.routes().length === 3)
  t.true(first.connections[0]?.ended)
  t.is(second.connections.length, 1)
  t.false(second.connections[0]?.ended)
  await speaker.reached("a", "established")
  t.true(speaker.reports.some(({ sessions }) => sessions.some(({ lastError }) => lastError?.includes("by the test"))))
  await speaker.system.stop()
  first.close()
  second.close()
})

test.serial("the peer's NOTIFICATION is in the log and in lastError, decoded; the session tries again", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker()
  speaker.want(peer("a", fake, []))
  await speaker.reached("a", "established")
  fake.connections[0]?.send({ kind: "notification", code: 6, subcode: 1, data: new Uint8Array(0) })
  await until("again", () => fake.connections.length >= 2)
  await until("report", () => speaker.session("a")?.lastError !== undefined)
  t.is(speaker.session("a")?.lastError, "peer sent NOTIFICATION Cease/Maximum Number of Prefixes Reached")
  const line = speaker.lines.find(({ message }) => message === "peer sent notification, closing session")
  t.like(line?.fields, {
    event: "peerNotification",
    peer: "127.0.0.1",
    error: "Cease/Maximum Number of Prefixes Reached",
  })
  t.true(speaker.lines.some(({ level, message }) => level === "warn" && message === "BGP session down"))
  await speaker.system.stop()
  fake.close()
})

test.serial("bytes that are no BGP get the NOTIFICATION they deserve", async (t) => {
  const fake = await startFakePeer({
    answer: (message, heard) =>
      void (message.kind === "open" && heard.socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")),
  })
  const speaker = startSpeaker()
  speaker.want(peer("a", fake, []))
  await until("answer", () => notifications(fake.connections[0]?.messages ?? []).length === 1)
  t.deepEqual(notifications(fake.connections[0]?.messages ?? []), ["Message Header Error/Connection Not Synchronized"])
  await until("report", () => speaker.session("a")?.lastError !== undefined)
  t.regex(speaker.session("a")?.lastError ?? "", /^marker is not all ones; sent NOTIFICATION /)
  await speaker.system.stop()
  fake.close()
})

test.serial("RFC 4271 §6.5: a peer that says nothing for the hold time gets Hold Timer Expired", async (t) => {
  const fake = await startFakePeer({ holdSeconds: 3 })
  const speaker = startSpeaker()
  speaker.want(peer("a", fake, []))
  await until("goodbye", () => notifications(fake.connections[0]?.messages ?? []).length === 1)
  const heard = fake.connections[0]?.messages ?? []
  t.deepEqual(notifications(heard), ["Hold Timer Expired"])
  const beats = heard.filter(({ kind }) => kind === "keepalive").length
  t.true(beats >= 3 && beats <= 5, `one with the OPEN, then every second: ${beats}`)
  await speaker.system.stop()
  fake.close()
})

test.serial("connection refused: active, with the reason; up once somebody listens", async (t) => {
  const gone = await startFakePeer()
  gone.close()
  const speaker = startSpeaker()
  speaker.want(peer("a", gone, []))
  await until("reason", () => speaker.session("a")?.lastError !== undefined)
  t.regex(speaker.session("a")?.lastError ?? "", /^failed to connect to 127\.0\.0\.1 port \d+: .*ECONNREFUSED/)
  const line = speaker.lines.find(({ message }) => message === "failed to connect to peer")
  t.like(line?.fields, { op: "connect", peer: "127.0.0.1", localASN: 64512, peerASN: 64513 })
  await until("waiting", () => speaker.session("a")?.state === "active")
  const fake = await startFakePeer({ port: gone.port })
  await speaker.reached("a", "established")
  await speaker.system.stop()
  fake.close()
})

test.serial("a source address that is not ours is named", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker()
  speaker.want(peer("a", fake, [], { sourceAddress: "192.0.2.77" }))
  await until("reason", () => speaker.session("a")?.lastError !== undefined)
  t.is(speaker.session("a")?.lastError, 'address "192.0.2.77" doesn\'t exist on this host')
  await speaker.system.stop()
  fake.close()
})

test.serial(
  "in its own thread: up, a killed session comes back, a killed thread comes back with everything",
  async (t) => {
    const [first, second] = [await startFakePeer(), await startFakePeer()]
    const speaker = startSpeaker({ thread: true })
    speaker.want(peer("a", first, hosts(3)), peer("b", second, hosts(3)))
    await until("routes", () => first.routes().length === 3 && second.routes().length === 3)
    t.true(await speaker.system.kill("/speaker/bgp/a"))
    await until("routes again", () => first.connections.length === 2 && first.routes().length === 3)
    t.is(second.connections.length, 1)
    t.true(await speaker.system.kill("/speaker/bgp"))
    await until("all again", () => second.connections.length === 2 && second.routes().length === 3)
    await until("the other too", () => first.connections.length === 3 && first.routes().length === 3)
    await speaker.reached("b", "established")
    t.true(await speaker.shutDown())
    await until("goodbye", () => notifications(second.connections[1]?.messages ?? []).length === 1)
    await speaker.system.stop()
    first.close()
    second.close()
  },
)

test.serial("a password on a network that cannot sign: idle, with a reason that does not tell it", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker()
  speaker.want(peer("a", fake, [], { password: "hunter2" }))
  await until("reason", () => speaker.session("a")?.lastError !== undefined)
  t.is(speaker.session("a")?.state, "idle")
  t.regex(speaker.session("a")?.lastError ?? "", /TCP MD5/)
  speaker.want(peer("a", fake, [], { peerASN: 1, password: "hunter2" }))
  speaker.want(peer("a", fake, []))
  await speaker.reached("a", "established")
  t.false(JSON.stringify([speaker.lines, speaker.reports]).includes("hunter2"))
  await speaker.system.stop()
  fake.close()
})

test.serial("a network that can sign gets the password with the target", async (t) => {
  const fake = await startFakePeer()
  const targets: string[] = []
  const speaker = startSpeaker({
    parts: {
      network: {
        tcpMd5: true,
        connectTcp(to, on) {
          const { md5Password, ...plain } = to
          targets.push(md5Password ?? "none")
          return connectTcp(plain, on)
        },
      },
    },
  })
  speaker.want(peer("a", fake, [], { password: "hunter2" }))
  await speaker.reached("a", "established")
  t.deepEqual(targets, ["hunter2"])
  await speaker.system.stop()
  fake.close()
})

test.serial("a peer address that is none is refused with a reason", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker()
  speaker.want(peer("a", fake, [], { address: "router.example" }))
  await until("reason", () => speaker.session("a")?.lastError !== undefined)
  t.is(speaker.session("a")?.lastError, 'peer address "router.example" is no address')
  await speaker.system.stop()
  fake.close()
})

test.serial("routes that cannot be said are logged once; the others go out", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker()
  const routes = [route("2001:db8::1/128"), route("10.0.0.1/32")]
  const families = ["ipv4", "ipv6"] as const
  speaker.want(peer("a", fake, routes, { families }))
  await until("route", () => fake.routes().join() === "10.0.0.1/32")
  speaker.want(peer("a", fake, [...routes, route("10.0.0.2/32")], { families }))
  await until("routes", () => fake.routes().length === 2)
  const refused = speaker.lines.filter(({ message }) => message === "failed to send BGP update")
  t.is(refused.length, 1)
  t.like(refused[0]?.fields, {
    op: "sendUpdate",
    prefix: "2001:db8::1/128",
    error: "no global IPv6 address on the interface for the next hop",
  })
  await until("report", () => speaker.session("a")?.prefixesSent === 2)
  t.is(speaker.session("a")?.prefixesWanted, 3)
  await speaker.system.stop()
  fake.close()
})

test.serial("a peer that stops reading: writing stops until it reads on, and only the last set counts", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker()
  speaker.want(peer("a", fake, [route("10.255.0.1/32")]))
  await speaker.reached("a", "established")
  await until("first route", () => fake.routes().length === 1)
  const connection = fake.connections[0]
  connection?.socket.pause()
  // Each set has other attributes, so each is said anew: more than any socket buffer takes.
  const many = hosts(100_000)
  let last = 0
  await until("the system takes no more", () => {
    last++
    // Different preference means nothing to an external peer, but it is a changed route all the same.
    speaker.want(
      peer(
        "a",
        fake,
        many.map((one) => ({ ...one, localPref: last })),
      ),
    )
    return last === 12
  })
  await until("blocked", () => {
    const sent = speaker.session("a")?.updatesSent ?? 0
    return sent > 10
  })
  speaker.want(peer("a", fake, [route("10.255.0.2/32")]))
  const before = speaker.session("a")?.updatesSent ?? 0
  connection?.socket.resume()
  await until("the last set", () => connection?.routes.size === 1 && fake.routes()[0] === "10.255.0.2/32", 60_000)
  t.true(before < (12 * 100_000) / 807, `not everything was written into memory: ${before} UPDATEs`)
  t.true((connection?.bytes ?? 0) < 12 * 100_000 * 5, "what was overtaken was never sent")
  t.is(fake.connections.length, 1)
  t.is(speaker.session("a")?.state, "established")
  await speaker.system.stop()
  fake.close()
})

test.serial("reports come at most every 100 ms, the first at once", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker()
  const startMs = performance.now()
  for (let i = 0; i < 200; i++) {
    speaker.want(peer("a", fake, hosts(i)))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until("all", () => speaker.session("a")?.prefixesSent === 199)
  const tookMs = performance.now() - startMs
  t.true(speaker.reports.length <= tookMs / 100 + 3, `${speaker.reports.length} reports in ${tookMs} ms`)
  await speaker.system.stop()
  fake.close()
})

test.serial("shutdown: routes become the last choice first (RFC 8326), then Cease after a moment", async (t) => {
  for (const internal of [false, true]) {
    const fake = await startFakePeer({ asn: internal ? 64512 : 64513 })
    const speaker = startSpeaker()
    const routes = [{ localPref: 100, communities: ["65000:1"], prefixes: ["10.0.0.1/32", "10.0.0.2/32"] }]
    speaker.want(peer("a", fake, routes, { peerASN: internal ? 64512 : 64513 }))
    await until("routes", () => fake.routes().length === 2 && speaker.session("a")?.prefixesSent === 2)
    const before = fake.connections[0]?.messages.length ?? 0
    const startMs = performance.now()
    t.true(await speaker.shutDown())
    const tookMs = performance.now() - startMs
    t.true(tookMs > 290, `${tookMs} ms`)
    await until("goodbye", () => fake.connections[0]?.ended === true)
    const [last, ...rest] = (fake.connections[0]?.messages ?? [])
      .slice(before)
      .filter(({ kind }) => kind !== "keepalive")
    if (last?.kind !== "update") return t.fail()
    t.deepEqual(last.attributes.communities, [0xfde8_0001, 0xffff_0000])
    t.is(last.attributes.localPref, internal ? 0 : undefined)
    t.is(last.nlri.length, 2)
    t.deepEqual(notifications(rest), ['Cease/Administrative Shutdown ("speaker is shutting down")'])
    await speaker.system.stop()
    fake.close()
  }
})

test.serial(
  "ROUTE-REFRESH: the whole set again between its marks; what the peer cannot know is left out",
  async (t) => {
    const fake = await startFakePeer({ offer: { families: ["ipv4"], routeRefresh: true } })
    const speaker = startSpeaker()
    speaker.want(peer("a", fake, hosts(2_000)))
    await until("routes", () => fake.routes().length === 2_000)
    await until("settled", () => speaker.session("a")?.prefixesSent === 2_000)
    const [heard] = fake.connections
    const before = heard?.messages.length ?? 0
    heard?.send({ kind: "route-refresh", afi: 2, safi: 1, subtype: 0 })
    heard?.send({ kind: "route-refresh", afi: 1, safi: 1, subtype: 0 })
    const since = (): Received[] => (heard?.messages ?? []).slice(before).filter(({ kind }) => kind !== "keepalive")
    await until("end", () => since().some((message) => message.kind === "route-refresh" && message.subtype === 2))
    const said = since().flatMap((message) => (message.kind === "update" ? message.nlri : []))
    t.is(
      said
        .map(({ text }) => text)
        .sort()
        .join(),
      fake.routes().join(),
    )
    t.is(said.length, 2_000)
    const marks = since().map((message) =>
      message.kind === "route-refresh" ? `mark ${message.subtype}` : message.kind,
    )
    t.is(marks[0], "mark 1")
    t.is(marks.at(-1), "mark 2")
    await until("report", () => speaker.session("a")?.messages.received.routeRefreshes === 2)
    const report = speaker.session("a")
    t.deepEqual([report?.prefixesSent, report?.messages.sent.routeRefreshes], [2_000, 2])
    t.like(report?.agreed, {
      families: ["ipv4"],
      routeRefresh: "enhanced",
      extendedMessage: false,
      peerRouterId: "192.0.2.200",
    })
    await speaker.system.stop()
    fake.close()
  },
)

test.serial("extended messages (RFC 8654): 10,000 routes in one UPDATE where both sides can", async (t) => {
  const fake = await startFakePeer({ offer: { families: ["ipv4"], extendedMessage: true } })
  const speaker = startSpeaker()
  speaker.want(
    peer("a", fake, [{ localPref: 0, communities: [], prefixes: hosts(10_000).flatMap((one) => one.prefixes) }]),
  )
  await until("routes", () => fake.routes().length === 10_000)
  await until("report", () => speaker.session("a")?.updatesSent === 2)
  t.true(speaker.session("a")?.agreed?.extendedMessage)
  t.like(speaker.session("a")?.messages.sent, { opens: 1, updates: 2, notifications: 0 })
  await speaker.system.stop()
  fake.close()
})

test.serial("IPv6 both ways: a session over IPv6 with routes of the family that it carries", async (t) => {
  const fake = await startFakePeer({ address: "::1" })
  const speaker = startSpeaker()
  const routes = [route("2001:db8::1/128"), route("2001:db8:1::/64"), route("10.0.0.1/32")]
  speaker.want(peer("a", fake, routes, { address: "::1", routerId: "192.0.2.7" }))
  await until("routes", () => fake.routes().length === 2)
  t.deepEqual(fake.routes(), ["2001:db8:1::/64", "2001:db8::1/128"])
  await until("End-of-RIB", () =>
    (fake.connections[0]?.messages ?? []).some(
      (one) =>
        one.kind === "update" &&
        one.attributes.mpUnreach?.family === "ipv6" &&
        one.attributes.mpUnreach.withdrawn.length === 0,
    ),
  )
  const first = fake.connections[0]?.messages.find(({ kind }) => kind === "update")
  t.like(first, { kind: "update", nlri: [], attributes: { mpReach: { family: "ipv6", nextHop: "::1" } } })
  await until("report", () => speaker.session("a")?.prefixesSent === 2)
  t.is(speaker.session("a")?.prefixesWanted, 2, "the other family is none of its business")
  speaker.want(peer("a", fake, routes.slice(0, 1), { address: "::1", routerId: "192.0.2.7" }))
  await until("withdrawn", () => fake.routes().join() === "2001:db8::1/128")
  await speaker.system.stop()
  fake.close()
})

test.serial(
  "graceful restart (RFC 4724): restarting at first, not after a lost connection; Hard Reset at the end (RFC 8538)",
  async (t) => {
    const offer = { families: ["ipv4"], gracefulRestart: { seconds: 30, restarting: false } } as const
    const fake = await startFakePeer({ offer })
    const speaker = startSpeaker({ config: { retry: { firstMs: 50, maxMs: 500 }, drainMs: 0 } })
    const a = peer("a", fake, [route("10.0.0.1/32")], { gracefulRestart: { seconds: 120 } })
    speaker.want(a)
    await until("routes", () => fake.routes().length === 1)
    t.true((await speaker.reached("a", "established")).agreed?.gracefulRestart)
    fake.connections[0]?.socket.destroy()
    await until("again", () => fake.connections.length === 2 && fake.routes().length === 1)
    t.true(await speaker.system.kill("/speaker/bgp/a"))
    await until("and again", () => fake.connections.length === 3 && fake.routes().length === 1)
    const restarts = fake.connections.map(({ messages: [open] }) =>
      open?.kind === "open" ? open.capabilities.find((one) => one.kind === "graceful-restart") : undefined,
    )
    const families = [{ afi: 1, safi: 1, forwarding: true }]
    const said = { kind: "graceful-restart", notifications: true, seconds: 120, families }
    t.deepEqual(restarts, [
      { ...said, restarting: true },
      { ...said, restarting: false },
      { ...said, restarting: true },
    ] as typeof restarts)
    t.deepEqual(notifications(fake.connections[1]?.messages ?? []), [], "nothing is said where we are to come back")
    await speaker.reached("a", "established")
    speaker.want()
    await until("goodbye", () => fake.connections[2]?.ended === true)
    t.deepEqual(notifications(fake.connections[2]?.messages ?? []), ["Cease/Hard Reset (Cease/Peer De-configured)"])
    await speaker.system.stop()
    fake.close()
  },
)

test.serial(
  "the last NOTIFICATION is in the report, decoded, and stays there when the session is up again",
  async (t) => {
    const fake = await startFakePeer()
    const speaker = startSpeaker()
    speaker.want(peer("a", fake, []))
    await speaker.reached("a", "established")
    t.is(speaker.session("a")?.lastNotification, undefined)
    fake.connections[0]?.send({ kind: "notification", code: 6, subcode: 4, data: new Uint8Array(0) })
    await until("again", () => fake.connections.length === 2)
    await until("report", () => speaker.session("a")?.messages.received.opens === 2)
    await speaker.reached("a", "established")
    t.like(speaker.session("a")?.lastNotification, {
      direction: "received",
      code: 6,
      subcode: 4,
      text: "Cease/Administrative Reset",
    })
    t.like(speaker.session("a")?.messages.received, { notifications: 1, opens: 2 })
    await speaker.system.stop()
    fake.close()
  },
)
