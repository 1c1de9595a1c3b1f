import test from "ava"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { DesiredPeer, SessionReport, SessionSettings } from "../../actors/session/messages.ts"
import { encode, type Message, type Received } from "../../protocols/bgp/packet.ts"
import { type Offer, openFor } from "../../protocols/bgp/open.ts"
import type { Ip } from "../../protocols/ip.ts"
import { parsePrefix } from "../../protocols/prefix.ts"
import { type FakePeer, type Heard, startFakePeer } from "./fake-peer.ts"
import { type Speaker, startSpeaker, until } from "./system.ts"

/** A peer that does what it should not, beside one that behaves: what is said of it, and what it does to the other. */

const prefixes = ["10.0.0.1/32", "10.0.0.2/32"]
function peer(name: string, { port }: FakePeer, settings: Partial<SessionSettings> = {}): DesiredPeer {
  return {
    name,
    session: { myASN: 64512, peerASN: 64513, address: "127.0.0.1", port, holdSeconds: 90, ...settings },
    routes: [{ localPref: 0, communities: [], prefixes }],
  }
}

interface Trouble {
  readonly title: string
  /** What the bad peer does with what it hears; absent: nothing unusual at all. */
  readonly answer: (message: Received, heard: Heard) => void
  readonly settings?: Partial<SessionSettings>
  /** What the status says; the log's error is the same. */
  readonly says: RegExp
  readonly established?: true
}

interface Opened {
  readonly asn?: number
  readonly holdSeconds?: number
  readonly identifier?: string
  readonly offer?: Offer
}
const open = ({ asn = 64513, holdSeconds = 90, identifier = "192.0.2.9", offer }: Opened): Message =>
  openFor(asn, holdSeconds, identifier as Ip, offer)
const onOpen =
  (...messages: readonly Message[]) =>
  (message: Received, heard: Heard): void => {
    if (message.kind === "open") for (const one of messages) heard.send(one)
  }
const raw =
  (bytes: Uint8Array | string) =>
  (message: Received, { socket }: Heard): void => {
    if (message.kind === "open") socket.write(bytes)
  }
const keepalive: Message = { kind: "keepalive" }

const troubles: readonly Trouble[] = [
  {
    title: "the wrong AS number",
    answer: onOpen(open({ asn: 64999 })),
    says: /^unexpected peer ASN 64999, want 64513; sent NOTIFICATION OPEN Message Error\/Bad Peer AS$/,
  },
  {
    title: "a router id of zero",
    answer: onOpen(open({ identifier: "0.0.0.0" })),
    says: /^peer's BGP identifier is 0\.0\.0\.0; sent NOTIFICATION OPEN Message Error\/Bad BGP Identifier$/,
  },
  {
    title: "our own router id, internally",
    answer: onOpen(open({ asn: 64512, identifier: "192.0.2.1" })),
    settings: { peerASN: "internal", routerId: "192.0.2.1" },
    says: /^peer has our BGP identifier 192\.0\.2\.1; sent NOTIFICATION OPEN Message Error\/Bad BGP Identifier$/,
  },
  {
    title: "a hold time of two seconds",
    answer: onOpen(open({ holdSeconds: 2 })),
    says: /^hold time of 2 s, must be 0 or at least 3; sent NOTIFICATION OPEN Message Error\/Unacceptable Hold Time$/,
  },
  {
    title: "no family of ours",
    answer: onOpen(open({ offer: { families: ["ipv6"] } }), keepalive),
    says: /^$/,
    established: true,
  },
  {
    title: "two OPENs",
    answer: onOpen(open({}), open({})),
    says: /^OPEN from the peer in state open-confirm; sent NOTIFICATION Finite State Machine Error\/Receive Unexpected Message in OpenConfirm State$/,
  },
  {
    title: "two OPENs, the second when all is up",
    answer: onOpen(open({}), keepalive, open({})),
    says: /^OPEN from the peer in state established; sent NOTIFICATION Finite State Machine Error\/Receive Unexpected Message in Established State$/,
  },
  {
    title: "routes before its OPEN",
    answer: onOpen({ kind: "update", withdrawn: [], attributes: {}, nlri: [] }),
    says: /^UPDATE from the peer in state open-sent; sent NOTIFICATION Finite State Machine Error\/Receive Unexpected Message in OpenSent State$/,
  },
  {
    title: "another protocol",
    answer: raw("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    says: /^marker is not all ones; sent NOTIFICATION Message Header Error\/Connection Not Synchronized$/,
  },
  {
    title: "an UPDATE whose lengths lie",
    answer(message, heard) {
      onOpen(open({}), keepalive)(message, heard)
      if (message.kind === "keepalive") heard.socket.write(framed(2, [0xff, 0xff, 0, 0]))
    },
    says: /^field lengths run past the message; sent NOTIFICATION UPDATE Message Error\/Malformed Attribute List$/,
  },
  {
    title: "a NOTIFICATION with words that are none",
    answer: raw(framed(3, [6, 2, 200, 0x1b, 0x5b, 0x33])),
    says: /^peer sent NOTIFICATION Cease\/Administrative Shutdown$/,
  },
  {
    title: "a NOTIFICATION that nobody knows",
    answer: raw(framed(3, [99, 7])),
    says: /^peer sent NOTIFICATION unknown error code 99, subcode 7$/,
  },
  {
    title: "the end of the connection as the answer to our OPEN",
    answer: (_, { socket }) => socket.destroy(),
    says: /^peer closed the connection$|^connection lost: .*ECONNRESET/,
  },
  {
    title: "silence once it is up",
    answer: onOpen(open({ holdSeconds: 3 }), keepalive),
    says: /^peer was silent for the hold time; sent NOTIFICATION Hold Timer Expired$/,
  },
  {
    title: "a message that never ends, an octet at a time",
    answer(message, heard) {
      onOpen(open({ holdSeconds: 3 }), keepalive)(message, heard)
      if (message.kind !== "open") return
      heard.socket.write(framed(2, []).with(16, 0xff).with(17, 0xff))
      const drip = setInterval(() => heard.socket.write(Uint8Array.of(0)), 100)
      heard.socket.once("close", () => clearInterval(drip))
    },
    says: /^peer was silent for the hold time; sent NOTIFICATION Hold Timer Expired$/,
  },
]

/** A message of this type around a body. */
function framed(type: number, body: readonly number[]): Uint8Array {
  const length = 19 + body.length
  return Uint8Array.of(...Array<number>(16).fill(0xff), length >> 8, length & 0xff, type, ...body)
}

const speakerAsInLife = (): Speaker => startSpeaker({ config: {} })
/** MetalLB's waits: twice at once, then after 1, 2, 4 … seconds less up to a quarter. */
const triesWithin = (ms: number): number => 2 + Math.log2(1 + ms / 750)

for (const { title, answer, settings, says, established } of troubles)
  test(`${title}: a clear reason, tried again ever later, and the other peer knows nothing of it`, async (t) => {
    const bad = await startFakePeer({ answer })
    const good = await startFakePeer()
    const speaker = speakerAsInLife()
    const startedMs = performance.now()
    speaker.want(peer("good", good), peer("bad", bad, settings))
    const up = await speaker.reached("good", "established")
    const reason = (): string => speaker.session("bad")?.lastError ?? ""
    // What comes after the first failure may be one of another kind, but begins from the same cause.
    const said = (): boolean => speaker.reports.some(({ sessions }) => sessions.some(isSaid))
    const isSaid = ({ name, lastError = "" }: SessionReport): boolean => name === "bad" && says.test(lastError)
    await until("the reason", said, 20_000, reason)
    if (established) {
      await speaker.reached("bad", "established")
      const { error } = speaker.lines.find(({ message }) => message === "failed to send BGP update")?.fields ?? {}
      t.is(error, "the peer does not speak IPv4 unicast")
      t.deepEqual(speaker.session("bad")?.agreed?.families, [])
    } else {
      const logged = speaker.lines.filter(({ level }) => level === "error" || level === "warn")
      t.true(
        logged.some(({ fields }) => says.test(String(fields["error"]))),
        JSON.stringify(logged),
      )
      const mostTries = triesWithin(performance.now() - startedMs)
      t.true(bad.connections.length <= mostTries, `${bad.connections.length} tries`)
    }
    t.is(speaker.session("good")?.sinceMs, up.sinceMs)
    t.is(good.connections.length, 1)
    t.deepEqual(good.routes(), prefixes)
    await speaker.system.stop()
    bad.close()
    good.close()
  })

test("a peer that sends one octet at a time is understood all the same", async (t) => {
  const bytes = [open({}), keepalive, keepalive].flatMap((one) => [...encode(one, { fourOctet: true })])
  const slow = await startFakePeer({
    answer(message, { socket }) {
      if (message.kind !== "open") return
      socket.setNoDelay(true)
      const drip = setInterval(() => {
        const next = bytes.shift()
        if (next === undefined) clearInterval(drip)
        else socket.write(Uint8Array.of(next))
      }, 2)
    },
  })
  const speaker = startSpeaker()
  speaker.want(peer("slow", slow))
  await speaker.reached("slow", "established")
  await until("routes", () => slow.routes().length === 2)
  await until("all three messages", () => speaker.session("slow")?.messages.received.total === 3)
  t.is(slow.connections.length, 1)
  await speaker.system.stop()
  slow.close()
})

test("a peer that comes up and falls at once, again and again: ever longer waits, and a count of it", async (t) => {
  const flapping = await startFakePeer({
    answer(message, heard) {
      onOpen(open({}), keepalive)(message, heard)
      if (message.kind === "keepalive") setTimeout(() => heard.socket.destroy(), 5)
    },
  })
  const good = await startFakePeer()
  const speaker = speakerAsInLife()
  const startedMs = performance.now()
  speaker.want(peer("good", good), peer("flapping", flapping))
  const up = await speaker.reached("good", "established")
  await until("the third fall", () => (speaker.session("flapping")?.downs ?? 0) >= 3, 20_000)
  const falls = speaker.lines.filter(({ message }) => message === "BGP session down")
  t.true(falls.length >= 3)
  const mostTries = triesWithin(performance.now() - startedMs)
  t.true(flapping.connections.length <= mostTries, `${flapping.connections.length} tries`)
  t.is(speaker.session("good")?.sinceMs, up.sinceMs)
  await speaker.system.stop()
  flapping.close()
  good.close()
})

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

test.serial("a peer that announces a million routes: nothing of them stays, and its session stays up", async (t) => {
  t.timeout(120_000)
  const flooding = await startFakePeer()
  const good = await startFakePeer()
  const speaker = startSpeaker()
  speaker.want(peer("good", good), peer("flooding", flooding))
  const up = await speaker.reached("good", "established")
  await speaker.reached("flooding", "established")
  await until("routes", () => flooding.routes().length === 2)
  const nlri = Array.from({ length: 900 }, (_, i) => parsePrefix(`198.${18 + (i >> 8)}.${i & 255}.1/32`)).filter(
    (one) => one !== undefined,
  )
  const attributes = {
    origin: "igp",
    asPath: [{ type: "sequence", asns: [64513] }],
    nextHop: "192.0.2.9" as Ip,
  } as const
  const update = encode({ kind: "update", withdrawn: [], attributes, nlri }, { fourOctet: true })
  collect()
  const before = process.memoryUsage().heapUsed
  const [connection] = flooding.connections
  const messages = 1_200
  for (let sent = 0; sent < messages; sent++) {
    if (connection?.socket.write(update) === false)
      await new Promise((resolve) => connection.socket.once("drain", resolve))
  }
  await until("all heard", () => speaker.session("flooding")?.messages.received.updates === messages, 60_000)
  collect()
  const grownMb = (process.memoryUsage().heapUsed - before) / 2 ** 20
  t.true(grownMb < 20, `${grownMb} MB more`)
  t.is(speaker.session("flooding")?.state, "established")
  t.is(speaker.session("good")?.sinceMs, up.sinceMs)
  await speaker.system.stop()
  flooding.close()
  good.close()
})
