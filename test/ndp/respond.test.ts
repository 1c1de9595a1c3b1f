import test from "ava"
import fc from "fast-check"
import type { Answers } from "../../protocols/ethernet/answers.ts"
import { unsolicitedFrame } from "../../protocols/ndp/advertisement.ts"
import { icmpv6Checksum } from "../../protocols/ndp/checksum.ts"
import { type NdpVerdict, respond } from "../../protocols/ndp/respond.ts"
import { bytes, ip, mac } from "../arp/frames.ts"
import { captured } from "./frames.ts"

const ours = mac("02:00:00:00:00:0b")
const answers = (entries: Record<string, "here" | "elsewhere">): Answers =>
  new Map(Object.entries(entries).map(([text, where]) => [ip(text), where]))

test("a captured solicitation gets the very bytes with which a Linux host answered it", (t) => {
  const verdict = respond(bytes(captured.resolution), ours, answers({ "fd00:9::2": "here" }))
  if (verdict.decision !== "reply") return t.fail(verdict.reason)
  t.deepEqual(verdict.frame, bytes(captured.advertisement))
  t.deepEqual([verdict.target, verdict.senderIp], [ip("fd00:9::2"), ip("fd00:9::1")])
})

test("whoever asks whether it may take our address is told to all nodes that it is ours (RFC 4861 §7.2.4)", (t) => {
  const verdict = respond(bytes(captured.duplicateDetection), ours, answers({ "fd00:9::1": "here" }))
  if (verdict.decision !== "reply") return t.fail(verdict.reason)
  t.deepEqual(verdict.frame, unsolicitedFrame(ours, ip("fd00:9::1")))
})

test("an unsolicited advertisement overrides and does not claim to be an answer", (t) => {
  const frame = unsolicitedFrame(ours, ip("fd00:9::1"))
  t.deepEqual(frame.subarray(0, 12), Uint8Array.from([...mac("33:33:00:00:00:01"), ...ours]))
  t.is(frame[21], 255)
  t.deepEqual(frame.subarray(38, 54), bytes("ff02 0000 0000 0000 0000 0000 0000 0001"))
  t.is(frame[58], 0x20)
  t.is(icmpv6Checksum(frame.subarray(22, 38), frame.subarray(38, 54), frame.subarray(54)), 0)
})

test("a probe to us alone is answered with our MAC", (t) => {
  const host = mac("02:00:00:00:00:0a")
  const verdict = respond(bytes(captured.unreachabilityProbe), host, answers({ "fd00:9::1": "here" }))
  if (verdict.decision !== "reply") return t.fail(verdict.reason)
  t.deepEqual(verdict.frame.subarray(0, 6), mac("02:00:00:00:00:0b"))
})

/** The captured solicitation without its only option. */
function withoutOption(to: string): Uint8Array {
  const frame = bytes(captured.solicitation).slice(0, 78)
  frame.set(mac(to), 0)
  frame[19] = 24
  frame[56] = 0
  frame[57] = 0
  const checksum = icmpv6Checksum(frame.subarray(22, 38), frame.subarray(38, 54), frame.subarray(54))
  frame[56] = checksum >> 8
  frame[57] = checksum & 0xff
  return frame
}

test("a unicast solicitation may leave its MAC out: the frame has it", (t) => {
  const verdict = respond(withoutOption("02:00:00:00:00:0b"), ours, answers({ "fd00:9::abcd": "here" }))
  if (verdict.decision !== "reply") return t.fail(verdict.reason)
  t.deepEqual(verdict.frame.subarray(0, 6), mac("02:00:00:00:00:0a"))
})

const here = answers({ "fd00:9::abcd": "here" })
const solicitation = bytes(captured.solicitation)
const toAnother = solicitation.slice()
toAnother.set(mac("02:00:00:00:00:dd"), 0)
const ipv4 = solicitation.slice()
ipv4[12] = 8
ipv4[13] = 0
const drops: readonly [name: string, frame: Uint8Array, mac: Uint8Array, answers: Answers, verdict: NdpVerdict][] = [
  [
    "no address of ours",
    solicitation,
    ours,
    answers({}),
    { decision: "drop", reason: "announce-ip", target: ip("fd00:9::abcd") },
  ],
  [
    "an address announced elsewhere",
    solicitation,
    ours,
    answers({ "fd00:9::abcd": "elsewhere" }),
    { decision: "drop", reason: "not-match-interface", target: ip("fd00:9::abcd") },
  ],
  ["our own frame", solicitation, mac("02:00:00:00:00:0a"), here, { decision: "drop", reason: "own-frame" }],
  [
    "a frame for another host",
    toAnother,
    ours,
    here,
    { decision: "drop", reason: "ethernet-destination", destination: mac("02:00:00:00:00:dd") },
  ],
  [
    "a multicast solicitation without its MAC",
    withoutOption("33:33:ff:00:ab:cd"),
    ours,
    here,
    { decision: "drop", reason: "no-source-ll", source: ip("fe80::ff:fe00:a") },
  ],
  ["another kind of frame", ipv4, ours, here, { decision: "drop", reason: "ether-type", got: 0x0800 }],
  [
    "an advertisement",
    bytes(captured.advertisement),
    mac("02:00:00:00:00:0a"),
    here,
    { decision: "drop", reason: "malformed", error: { kind: "type", got: 136 } },
  ],
  [
    "a short frame",
    solicitation.subarray(0, 10),
    ours,
    here,
    { decision: "drop", reason: "malformed", error: { kind: "truncated", need: 14, got: 10 } },
  ],
]
for (const [name, frame, mac, answers, verdict] of drops) {
  test(`no answer, and the reason: ${name}`, (t) => t.deepEqual(respond(frame, mac, answers), verdict))
}

test("any bytes give a verdict", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (frame) => {
      respond(frame, ours, here)
    }),
  )
  t.pass()
})
