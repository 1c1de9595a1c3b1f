import test from "ava"
import type { BgpCommand, DesiredPeer, PathReport } from "../../actors/session/messages.ts"
import { describeNotification } from "../../protocols/bgp/notification.ts"
import { plainOffer } from "../../protocols/bgp/open.ts"
import { refTo } from "../../supervision/system.ts"
import { type FakePeer, startFakePeer } from "./fake-peer.ts"
import { type Speaker, startSpeaker, until } from "./system.ts"

const peer = (name: string, { port }: FakePeer, settings: Partial<DesiredPeer["session"]> = {}): DesiredPeer => ({
  name,
  session: { myASN: 64512, peerASN: 64513, address: "127.0.0.1", port, holdSeconds: 90, ...settings },
  routes: [{ localPref: 0, communities: [], prefixes: ["10.0.0.1/32"] }],
})
const tell = ({ system }: Speaker, paths: Readonly<Record<string, PathReport>>): void =>
  system.send(refTo<BgpCommand>("/speaker/bgp"), { kind: "paths", paths })
const goodbyes = ({ connections }: FakePeer): string[] =>
  connections.flatMap(({ messages }) =>
    messages.flatMap((message) => (message.kind === "notification" ? [describeNotification(message)] : [])),
  )
/** Everything told before has been handled: the actors take messages in order. */
const handled = async (speaker: Speaker): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  await speaker.system.snapshot()
}

test.serial("a path that was lost once more takes its session down at once, and no other; it comes back", async (t) => {
  const [watched, other] = [await startFakePeer(), await startFakePeer()]
  const speaker = startSpeaker()
  speaker.want(peer("a", watched), peer("b", other))
  await speaker.reached("a", "established")
  await speaker.reached("b", "established")
  tell(speaker, { a: { losses: 2, up: false } })
  tell(speaker, { a: { losses: 2, up: true } })
  // BFD's thread was restarted and counts anew.
  tell(speaker, { a: { losses: 0, up: false } })
  await handled(speaker)
  t.deepEqual(goodbyes(watched), [], "neither the first word, nor BFD that is not up, nor a smaller number is a loss")

  tell(speaker, { a: { losses: 1, up: false } })
  await until("goodbye", () => goodbyes(watched).length === 1)
  t.deepEqual(goodbyes(watched), ["Cease/BFD Down"])
  await until("back", () => watched.connections.length === 2 && watched.routes().length === 1)
  await until("report", () => speaker.session("a")?.lastNotification !== undefined)
  await speaker.reached("a", "established")
  t.is(speaker.session("a")?.lastError, "BFD lost the path to the peer; sent NOTIFICATION Cease/BFD Down")
  t.like(speaker.session("a")?.lastNotification, { direction: "sent", code: 6, subcode: 10 })
  t.is(other.connections.length, 1)
  t.deepEqual(goodbyes(other), [])
  await speaker.system.stop()
  watched.close()
  other.close()
})

test.serial("lost and found between two reports is still lost", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker()
  speaker.want(peer("a", fake))
  await speaker.reached("a", "established")
  tell(speaker, { a: { losses: 0, up: true } })
  tell(speaker, { a: { losses: 1, up: true } })
  await until("goodbye", () => goodbyes(fake).join() === "Cease/BFD Down")
  await speaker.system.stop()
  t.pass()
  fake.close()
})

test.serial("when BFD is up, a session that waits to connect does not wait longer", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker({ config: { retry: { firstMs: 3_600_000, maxMs: 3_600_000 } } })
  speaker.want(peer("a", fake))
  await speaker.reached("a", "established")
  tell(speaker, { a: { losses: 0, up: true } })
  fake.close()
  for (const { socket } of fake.connections) socket.destroy()
  await speaker.reached("a", "active")
  const again = await startFakePeer({ port: fake.port })
  tell(speaker, { a: { losses: 1, up: false } })
  await handled(speaker)
  t.is(again.connections.length, 0, "the next try is in an hour")
  tell(speaker, { a: { losses: 1, up: true } })
  await until("connected", () => again.routes().length === 1)
  await speaker.system.stop()
  again.close()
})

test.serial("a peer that keeps routes through a NOTIFICATION (RFC 8538) is told not to", async (t) => {
  const offer = { ...plainOffer, gracefulRestart: { seconds: 60, restarting: false } }
  const fake = await startFakePeer({ offer })
  const speaker = startSpeaker()
  speaker.want(peer("a", fake, { gracefulRestart: { seconds: 120 } }))
  await speaker.reached("a", "established")
  tell(speaker, { a: { losses: 0, up: true } })
  tell(speaker, { a: { losses: 1, up: false } })
  await until("goodbye", () => goodbyes(fake).length === 1)
  t.deepEqual(goodbyes(fake), ["Cease/Hard Reset (Cease/BFD Down)"])
  await speaker.system.stop()
  fake.close()
})
