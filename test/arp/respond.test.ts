import test from "ava"
import fc from "fast-check"
import { gratuitousFrames } from "../../protocols/arp/gratuitous.ts"
import { arpFrame, decodeArp, operations } from "../../protocols/arp/packet.ts"
import { type ArpVerdict, respond } from "../../protocols/arp/respond.ts"
import type { Answers } from "../../protocols/ethernet/answers.ts"
import { decodeFrame } from "../../protocols/ethernet/frame.ts"
import { broadcastMac } from "../../protocols/ethernet/mac.ts"
import { bytes, captured, ip, mac } from "./frames.ts"

const asker = mac("02:00:00:00:00:0a")
const ours = mac("02:00:00:00:00:0c")
const answers: Answers = new Map([
  [ip("10.9.0.2"), "here"],
  [ip("10.9.0.3"), "elsewhere"],
])

const request = (targetIp: string, change: { to?: Uint8Array; operation?: number; senderIp?: string } = {}) =>
  arpFrame(change.to ?? broadcastMac, asker, {
    operation: change.operation ?? operations.request,
    senderMac: asker,
    senderIp: ip(change.senderIp ?? "10.9.0.1"),
    targetMac: new Uint8Array(6),
    targetIp: ip(targetIp),
  })

function replyIn(verdict: ArpVerdict) {
  if (verdict.decision !== "reply") throw new Error(`dropped: ${verdict.reason}`)
  const frame = decodeFrame(verdict.frame)
  if (!frame.ok) throw new Error("no frame")
  const packet = decodeArp(frame.value.payload)
  if (!packet.ok) throw new Error("no packet")
  return { destination: frame.value.destination, source: frame.value.source, ...packet.value }
}

test("a captured request for an address of ours is answered with our MAC", (t) => {
  t.deepEqual(replyIn(respond(bytes(captured.request), ours, answers)), {
    destination: asker,
    source: ours,
    operation: operations.reply,
    senderMac: ours,
    senderIp: ip("10.9.0.2"),
    targetMac: asker,
    targetIp: ip("10.9.0.1"),
  })
})

test("the answer goes to the sender in the packet, not to the sender of the frame", (t) => {
  const relayed = request("10.9.0.2")
  relayed.set(mac("02:00:00:00:00:99"), 6)
  t.deepEqual(replyIn(respond(relayed, ours, answers)).destination, asker)
})

test("a request sent to us alone is answered", (t) => {
  t.deepEqual(replyIn(respond(request("10.9.0.2", { to: ours }), ours, answers)).senderMac, ours)
})

test("a probe from 0.0.0.0 is answered: somebody wants our address (RFC 5227)", (t) => {
  t.is(replyIn(respond(request("10.9.0.2", { senderIp: "0.0.0.0" }), ours, answers)).targetIp, ip("0.0.0.0"))
})

test("a reply keeps nothing of the request's memory", (t) => {
  const frame = request("10.9.0.2")
  const verdict = respond(frame, ours, answers)
  frame.fill(0)
  t.deepEqual(replyIn(verdict).targetMac, asker)
})

function ownFrame(at: number): Uint8Array {
  const frame = request("10.9.0.2")
  frame.set(ours, at)
  return frame
}
function lying(byte: number): Uint8Array {
  const frame = request("10.9.0.2")
  frame.fill(byte, 22, 28)
  return frame
}
const another = mac("02:00:00:00:00:dd")
const drops: readonly [name: string, frame: Uint8Array, verdict: ArpVerdict][] = [
  [
    "a reply",
    request("10.9.0.2", { operation: operations.reply }),
    { decision: "drop", reason: "arp-reply", operation: 2 },
  ],
  ["a reverse request", request("10.9.0.2", { operation: 3 }), { decision: "drop", reason: "arp-reply", operation: 3 }],
  [
    "another host's frame",
    request("10.9.0.2", { to: another }),
    { decision: "drop", reason: "ethernet-destination", destination: another },
  ],
  ["a frame of our own, come back", ownFrame(6), { decision: "drop", reason: "own-frame" }],
  ["another's frame in our name", ownFrame(22), { decision: "drop", reason: "own-frame" }],
  [
    "a sender that is everybody",
    lying(0xff),
    { decision: "drop", reason: "group-sender", senderMac: new Uint8Array(6).fill(0xff) },
  ],
  ["a sender that is nobody", lying(0), { decision: "drop", reason: "group-sender", senderMac: new Uint8Array(6) }],
  [
    "an address of somebody else",
    request("10.9.0.9"),
    { decision: "drop", reason: "announce-ip", target: ip("10.9.0.9") },
  ],
  [
    "an address announced elsewhere",
    request("10.9.0.3"),
    { decision: "drop", reason: "not-match-interface", target: ip("10.9.0.3") },
  ],
  [
    "a short packet",
    request("10.9.0.2").subarray(0, 40),
    { decision: "drop", reason: "malformed", error: { kind: "truncated", need: 28, got: 26 } },
  ],
  [
    "a short frame",
    request("10.9.0.2").subarray(0, 13),
    { decision: "drop", reason: "malformed", error: { kind: "truncated", need: 14, got: 13 } },
  ],
]
for (const [name, frame, verdict] of drops) {
  test(`${name} gets no answer, and the reason is told`, (t) => t.deepEqual(respond(frame, ours, answers), verdict))
}

test("a frame of another kind is not ours", (t) => {
  const frame = request("10.9.0.2")
  frame[12] = 0x81
  frame[13] = 0x00
  t.deepEqual(respond(frame, ours, answers), { decision: "drop", reason: "ether-type", got: 0x8100 })
})

test("any bytes give a verdict, and a reply only for an address of ours", (t) => {
  const start = Array.from(request("10.9.0.2").subarray(0, 22))
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.uint8Array({ maxLength: 40 }).map((rest) => Uint8Array.from([...start, ...rest])),
  )
  fc.assert(
    fc.property(frames, (frame) => {
      const verdict = respond(frame, ours, answers)
      return verdict.decision === "drop" || verdict.target === "10.9.0.2"
    }),
  )
  t.pass()
})

test("an announcement is a broadcast request and a broadcast reply, both about us (RFC 5227 §3)", (t) => {
  const [asked, replied] = gratuitousFrames(asker, ip("10.9.0.1"))
  t.deepEqual(asked.subarray(0, 42), bytes(captured.gratuitous).subarray(0, 42))
  const expected = asked.slice()
  expected[21] = operations.reply
  t.deepEqual(replied, expected)
})
