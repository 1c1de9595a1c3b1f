// A drained node's routes: the last choice first (RFC 8326), then withdrawn; the session stays.
import test from "ava"
import type { DesiredPeer, RouteGroup } from "../../actors/session/messages.ts"
import { type FakePeer, startFakePeer } from "./fake-peer.ts"
import { startSpeaker, until } from "./system.ts"

const route = (prefix: string): RouteGroup => ({ localPref: 100, communities: ["65000:1"], prefixes: [prefix] })
const peer = ({ port }: FakePeer, prefixes: readonly string[], drained?: true): DesiredPeer => ({
  name: "a",
  session: { myASN: 64512, peerASN: 64513, address: "127.0.0.1", port, holdSeconds: 90 },
  routes: prefixes.map(route),
  ...(drained === undefined ? {} : { drained }),
})

/** What was said of routes, in order: `+prefix` with its communities, `-prefix`. */
const said = (fake: FakePeer): readonly string[] =>
  (fake.connections[0]?.messages ?? []).flatMap((message) => {
    if (message.kind !== "update") return []
    const communities = (message.attributes.communities ?? []).map((one) => `${one >>> 16}:${one & 0xffff}`).join(" ")
    return [
      ...message.withdrawn.map(({ text }) => `-${text}`),
      ...message.nlri.map(({ text }) => `+${text} ${communities}`),
    ]
  })

test.serial("what goes is the last choice for a moment; what stays is left alone", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker({ config: { drainMs: 150 } })
  speaker.want(peer(fake, ["10.0.0.1/32", "10.0.0.2/32"]))
  await until("routes", () => fake.routes().length === 2)
  const before = said(fake).length
  speaker.want(peer(fake, ["10.0.0.2/32"], true))
  await until("the last choice", () => said(fake).length > before)
  const lastChoiceMs = performance.now()
  // Told again for another reason, it gets no more time, and nothing is said twice.
  speaker.want(peer(fake, ["10.0.0.2/32"], true))
  await until("withdrawn", () => fake.routes().join() === "10.0.0.2/32")
  t.true(performance.now() - lastChoiceMs >= 100)
  t.deepEqual(said(fake).slice(before), ["+10.0.0.1/32 65000:1 65535:0", "-10.0.0.1/32"])
  t.is(fake.connections.length, 1)
  t.is((await speaker.reached("a", "established")).state, "established")
  speaker.want(peer(fake, ["10.0.0.1/32", "10.0.0.2/32"]))
  await until("undone", () => fake.routes().length === 2)
  t.deepEqual(said(fake).slice(before + 2), ["+10.0.0.1/32 65000:1"])
  await speaker.system.stop()
  fake.close()
})

test.serial("undone while they are the last choice: they are what they were, and are not withdrawn", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker({ config: { drainMs: 150 } })
  speaker.want(peer(fake, ["10.0.0.1/32"]))
  await until("routes", () => fake.routes().length === 1)
  const before = said(fake).length
  speaker.want(peer(fake, [], true))
  await until("the last choice", () => said(fake).length > before)
  speaker.want(peer(fake, ["10.0.0.1/32"]))
  // Another route after the time is over shows that nothing else was said by then.
  await until("as before", () => said(fake).length === before + 2)
  const overMs = performance.now() + 300
  await until("time", () => performance.now() > overMs)
  speaker.want(peer(fake, ["10.0.0.1/32", "10.0.0.3/32"]))
  await until("another", () => fake.routes().length === 2)
  t.deepEqual(said(fake).slice(before), [
    "+10.0.0.1/32 65000:1 65535:0",
    "+10.0.0.1/32 65000:1",
    "+10.0.0.3/32 65000:1",
  ])
  await speaker.system.stop()
  fake.close()
})

test.serial("a session that comes up while its node is drained never had those routes", async (t) => {
  const fake = await startFakePeer()
  const speaker = startSpeaker({ config: { drainMs: 150 } })
  speaker.want(peer(fake, ["10.0.0.2/32"], true))
  await until("routes", () => fake.routes().length === 1)
  t.deepEqual(said(fake), ["+10.0.0.2/32 65000:1"])
  await speaker.system.stop()
  fake.close()
})
