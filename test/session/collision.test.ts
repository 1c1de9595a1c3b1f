import test, { type ExecutionContext } from "ava"
import net from "node:net"
import type { DesiredPeer, SessionSettings } from "../../actors/session/messages.ts"
import { takeFrames } from "../../protocols/bgp/framing.ts"
import { describeNotification } from "../../protocols/bgp/notification.ts"
import { openFor, plainOffer } from "../../protocols/bgp/open.ts"
import { decode, encode, type Message, type Received } from "../../protocols/bgp/packet.ts"
import type { Ip } from "../../protocols/ip.ts"
import { type FakePeer, startFakePeer } from "./fake-peer.ts"
import { type Speaker, startSpeaker, until } from "./system.ts"

/** The peer's end of a connection that the peer opens. */
interface Caller {
  readonly messages: Received[]
  readonly ended: () => boolean
  send(message: Message): void
}

function call(t: ExecutionContext, port: number, localAddress = "127.0.0.1"): Caller {
  const socket = net.connect({ host: "127.0.0.1", port, localAddress })
  t.teardown(() => socket.destroy())
  const messages: Received[] = []
  let rest: Uint8Array = new Uint8Array(0)
  let ended = false
  socket.on("error", () => {})
  socket.on("close", () => (ended = true))
  socket.on("data", (bytes) => {
    const frames = takeFrames(rest, bytes)
    rest = frames.rest
    for (const frame of frames.messages) {
      const message = decode(frame, { fourOctet: true })
      if (message.ok) messages.push(message.value)
    }
  })
  return {
    messages,
    ended: () => ended,
    send: (message) => void socket.write(encode(message, { fourOctet: true })),
  }
}

const keepalive = { kind: "keepalive" } as const
const open = (asn = 64513) => openFor(asn, 90, "192.0.2.200" as Ip, plainOffer)
const has = (messages: readonly Received[], kind: Received["kind"]): boolean =>
  messages.some((one) => one.kind === kind)
const told = (messages: readonly Received[]): string[] =>
  messages.flatMap((message) => (message.kind === "notification" ? [describeNotification(message)] : []))
const collision = "Cease/Connection Collision Resolution"

interface Stage {
  readonly fake: FakePeer
  readonly speaker: Speaker
  readonly port: number
}

/** We have connected and are in OpenSent; the peer can call us too. */
async function bothWays(t: ExecutionContext, settings: Partial<SessionSettings>): Promise<Stage> {
  const fake = await startFakePeer({ answer: () => {} })
  const speaker = startSpeaker()
  const spare = net.createServer().listen(0, "127.0.0.1")
  await until("port", () => spare.address() !== null)
  const address = spare.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  await new Promise((resolve) => spare.close(resolve))
  const peer: DesiredPeer = {
    name: "a",
    session: {
      myASN: 64512,
      peerASN: 64513,
      address: "127.0.0.1",
      port: fake.port,
      holdSeconds: 90,
      listenPort: port,
      ...settings,
    },
    routes: [{ localPref: 0, communities: [], prefixes: ["10.0.0.1/32"] }],
  }
  speaker.want(peer)
  await until("our OPEN", () => has(fake.connections[0]?.messages ?? [], "open"))
  await until("listening", () => speaker.reports.at(-1)?.listeners?.[0]?.peers === 1)
  t.teardown(async () => {
    await speaker.system.stop()
    fake.close()
  })
  return { fake, speaker, port }
}

test.serial("the peer has the higher identifier: its connection stays, ours is closed with the reason", async (t) => {
  const { fake, speaker, port } = await bothWays(t, { routerId: "10.0.0.1" })
  const [ours] = fake.connections
  ours?.send(open())
  await until("confirmed", () => speaker.session("a")?.state === "open-confirm")
  const theirs = call(t, port)
  await until("our OPEN there", () => has(theirs.messages, "open"))
  t.deepEqual(told(ours?.messages ?? []), [], "not before the peer's OPEN is there")
  theirs.send(open())
  await until("decided", () => told(ours?.messages ?? []).length > 0)
  t.deepEqual(told(ours?.messages ?? []), [collision])
  theirs.send(keepalive)
  await speaker.reached("a", "established")
  await until("routes by the one that stayed", () => has(theirs.messages, "update"))
  t.deepEqual(told(theirs.messages), [])
  t.is(speaker.session("a")?.downs, 0)
})

test.serial("we have the higher identifier: our connection stays", async (t) => {
  const { fake, speaker, port } = await bothWays(t, { routerId: "250.0.0.1" })
  const [ours] = fake.connections
  const theirs = call(t, port)
  await until("our OPEN there", () => has(theirs.messages, "open"))
  theirs.send(open())
  await until("confirmed there", () => has(theirs.messages, "keepalive"))
  ours?.send(open())
  await until("decided", () => told(theirs.messages).length > 0)
  t.deepEqual(told(theirs.messages), [collision])
  await until("closed", theirs.ended)
  ours?.send(keepalive)
  await speaker.reached("a", "established")
  await until("routes by the one that stayed", () => has(ours?.messages ?? [], "update"))
  t.deepEqual(told(ours?.messages ?? []), [])
})

test.serial("whichever gets established first stays, whatever the identifiers; a later one is closed", async (t) => {
  const { fake, speaker, port } = await bothWays(t, { routerId: "250.0.0.1" })
  const [ours] = fake.connections
  const theirs = call(t, port)
  theirs.send(open())
  theirs.send(keepalive)
  await speaker.reached("a", "established")
  await until("ours is given up", () => told(ours?.messages ?? []).length > 0)
  t.deepEqual(told(ours?.messages ?? []), [collision])
  const { sinceMs } = await speaker.reached("a", "established")
  const later = call(t, port)
  await until("refused", () => later.ended())
  t.deepEqual(told(later.messages), [collision])
  t.is(speaker.session("a")?.sinceMs, sinceMs)
})

test.serial("a second connection that comes to nothing leaves the first alone", async (t) => {
  const { fake, speaker, port } = await bothWays(t, { routerId: "10.0.0.1" })
  const [ours] = fake.connections
  const wrong = call(t, port)
  wrong.send(open(64999))
  await until("refused", () => wrong.ended())
  t.deepEqual(told(wrong.messages), ["OPEN Message Error/Bad Peer AS"])
  const silent = call(t, port)
  await until("our OPEN there", () => has(silent.messages, "open"))
  ours?.send(open())
  ours?.send(keepalive)
  await speaker.reached("a", "established")
  await until("the silent one is closed", silent.ended)
  t.deepEqual(told(silent.messages), [collision])
  t.deepEqual(told(ours?.messages ?? []), [])
})

test.serial("the first is lost before it is decided: the second goes on", async (t) => {
  const { fake, speaker, port } = await bothWays(t, { routerId: "250.0.0.1" })
  const theirs = call(t, port)
  theirs.send(open())
  await until("confirmed there", () => has(theirs.messages, "keepalive"))
  fake.connections[0]?.socket.destroy()
  theirs.send(keepalive)
  await speaker.reached("a", "established")
  await until("routes", () => has(theirs.messages, "update"))
  t.deepEqual(told(theirs.messages), [])
})

test.serial("a passive session: a connection that hangs makes room for the next one of the peer", async (t) => {
  const { speaker, port, fake } = await bothWays(t, {})
  const { session } = { session: { myASN: 64512, peerASN: 64513, address: "127.0.0.1", holdSeconds: 90 } }
  speaker.want({ name: "a", session: { ...session, port: fake.port, listenPort: port, passive: true }, routes: [] })
  await until("waiting", () => speaker.session("a")?.state === "active")
  const hanging = call(t, port)
  await until("our OPEN there", () => has(hanging.messages, "open"))
  const next = call(t, port)
  await until("the first one is closed", hanging.ended)
  next.send(open())
  next.send(keepalive)
  await speaker.reached("a", "established")
  t.deepEqual(told(hanging.messages), [collision])
})

test.serial("strangers are closed without a word, and counted", async (t) => {
  const { speaker, port } = await bothWays(t, {})
  const stranger = call(t, port, "127.0.0.9")
  await until("closed", stranger.ended)
  t.deepEqual(stranger.messages, [])
  await until("counted", () => speaker.reports.at(-1)?.listeners?.[0]?.refused === 1)

  // A listener that crashes listens again, and still knows who may come in.
  t.true(await speaker.system.kill(`/speaker/bgp/listener:ipv4:${port}`))
  await until("begun anew", () => speaker.reports.at(-1)?.listeners?.[0]?.refused === 0)
  await until("knows them", () => speaker.reports.at(-1)?.listeners?.[0]?.peers === 1)
  const again = call(t, port, "127.0.0.9")
  await until("closed again", again.ended)
  const theirs = call(t, port)
  await until("our OPEN", () => has(theirs.messages, "open"))
  t.pass()
})
