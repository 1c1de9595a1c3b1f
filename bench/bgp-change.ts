// One Service more, or one less, among many: from the message to the UPDATE on the wire.
// `node bin/with-node.mjs bench/bgp-change.ts [short | routes changes]`; 10,000 routes and 1,000 changes; `short`: 100.
//
// The message is the whole new set, sent from the main thread to the BGP thread, as the speaker does. The UPDATE has
// arrived when its last octet is at a socket in the main thread, over loopback. Services come one by one, every 20 ms.
//
// Beside it, without the thread: what the difference costs alone, from the new set to the bytes.
import { setTimeout as sleep } from "node:timers/promises"
import type { DesiredPeer, RouteGroup } from "../actors/session/messages.ts"
import { difference, outUpdates, type RouteContext } from "../protocols/bgp/rib-out.ts"
import type { Ip } from "../protocols/ip.ts"
import { startSpeaker, until } from "../test/session/system.ts"
import { prefixes } from "./bgp/prefixes.ts"
import { Sink } from "./bgp/sink.ts"
import { machine, median, percentile, printTable } from "./bgp/statistics.ts"
import { takeNumbers } from "./support/arguments.ts"

const { short, numbers } = takeNumbers(2)
const [count = 10_000, changes = short ? 100 : 1_000] = numbers
const warmUp = 50
const routes = prefixes(count)
const more = "203.0.113.1/32"
const group = (wanted: readonly string[]): RouteGroup => ({
  localPref: 0,
  communities: ["65000:1"],
  prefixes: wanted,
})
/** A new array each time, as when the announcer has decided anew. */
const setAt = (i: number): RouteGroup => group(i % 2 === 0 ? [...routes, more].sort() : [...routes])

async function onTheWire(): Promise<{ readonly tookMs: number[]; readonly octets: number }> {
  const sink = new Sink(64513)
  const port = await sink.listen()
  const speaker = startSpeaker({ thread: true })
  const tookMs: number[] = []
  const session = { myASN: 64512, peerASN: 64513, address: "127.0.0.1", port, holdSeconds: 90 }
  const desired = (one: RouteGroup): DesiredPeer => ({ name: "sink", session, routes: [one] })
  try {
    speaker.want(desired(group(routes)))
    await until("all routes", () => speaker.session("sink")?.prefixesSent === count)
    let before = 0
    for (let i = 0; i < changes + warmUp; i++) {
      if (i === warmUp) before = sink.octets
      const wanted = desired(setAt(i))
      const startMs = performance.now()
      await new Promise<void>((resolve) => {
        sink.updated = resolve
        speaker.want(wanted)
      })
      if (i >= warmUp) tookMs.push(performance.now() - startMs)
      await sleep(20)
    }
    return { tookMs, octets: (sink.octets - before) / changes }
  } finally {
    await speaker.system.stop()
    sink.close()
  }
}

function alone(): number[] {
  const context: RouteContext = {
    myASN: 64512,
    peerASN: 64513,
    fourOctet: true,
    limit: 4096,
    nextHops: { ipv4: { kind: "reachable", nextHop: "192.0.2.1" as Ip }, ipv6: { kind: "unwanted" } },
  }
  const sent = new Map<string, string>()
  const tookMs: number[] = []
  let whole = difference([], sent, context).whole
  for (let i = 0; i < changes + warmUp; i++) {
    const wanted = [setAt(i)]
    const startMs = performance.now()
    const diff = difference(wanted, sent, context, whole)
    for (const { key, prefixes: said } of outUpdates(diff, context)) {
      for (const { text } of said) {
        if (key === undefined) sent.delete(text)
        else sent.set(text, key)
      }
    }
    if (i >= warmUp) tookMs.push(performance.now() - startMs)
    whole = diff.whole
  }
  return tookMs
}

const wire = await onTheWire()
console.log(`one Service more or less among ${count}, ${changes} times; ${machine()}`)
printTable(
  ["", "median ms", "p99 ms", "least", "most"],
  (
    [
      ["message → UPDATE on the wire", wire.tookMs],
      ["the difference alone", alone()],
    ] as const
  ).map(([what, took]) => [
    what,
    median(took).toFixed(2),
    percentile(took, 0.99).toFixed(2),
    Math.min(...took).toFixed(2),
    Math.max(...took).toFixed(2),
  ]),
)
console.log(`octets of UPDATEs for each change: ${wire.octets.toFixed(1)} (one announces, one withdraws, in turn)`)
