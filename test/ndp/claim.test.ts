import test from "ava"
import { formatMac } from "../../protocols/ethernet/mac.ts"
import { unsolicitedFrame } from "../../protocols/ndp/advertisement.ts"
import { decodeAdvertisementClaim, solicitationFrame } from "../../protocols/ndp/claim.ts"
import { respond } from "../../protocols/ndp/respond.ts"
import { decodeSolicitation } from "../../protocols/ndp/solicitation.ts"
import { bytes, ip, mac } from "../arp/frames.ts"
import { captured } from "./frames.ts"

const a = mac("02:00:00:00:00:0a")
const b = mac("02:00:00:00:00:0b")
const vip = ip("fd00:9::abcd")
const linkLocal = ip("fe80::ff:fe00:a")

function said(frame: Uint8Array): string {
  const claim = decodeAdvertisementClaim(frame)
  if (!claim.ok) return claim.error.kind
  return `${claim.value.ip} ${formatMac(claim.value.mac)} ${claim.value.gratuitous ? "gratuitous" : "asked"}`
}

test("a kernel's answer and our own announcement", (t) => {
  t.is(said(bytes(captured.advertisement)), "fd00:9::2 02:00:00:00:00:0b asked")
  t.is(said(unsolicitedFrame(a, vip)), "fd00:9::abcd 02:00:00:00:00:0a gratuitous")
})

test("what is not an advertisement, or a damaged one, is refused in words", (t) => {
  t.is(said(bytes(captured.solicitation)), "type")
  const whole = bytes(captured.advertisement)
  for (let length = 0; length < whole.length; length++) t.regex(said(whole.subarray(0, length)), /^[a-z-]+$/)
  for (let at = 54; at < whole.length; at++) {
    const damaged = whole.slice()
    damaged[at] = (damaged[at] ?? 0) ^ 0x01
    t.regex(said(damaged), /^(checksum|type|code|option-length)$/, `byte ${at}`)
  }
})

test("without the option the frame's sender is meant", (t) => {
  // The kernel's answer, its option turned into one of another kind; the checksum put right.
  const frame = bytes(captured.advertisement)
  frame[78] = 0x0e
  frame[56] = 0x10
  t.is(said(frame), "fd00:9::2 02:00:00:00:00:0b asked")
})

test("a solicitation of ours, to all and to one, is one that the RFC allows, and is answered", (t) => {
  for (const to of [undefined, b]) {
    const frame = solicitationFrame({ mac: a, senderIp: linkLocal, target: vip, to })
    const decoded = decodeSolicitation(frame.subarray(14))
    t.like(decoded.ok ? decoded.value : decoded.error, { source: linkLocal, target: vip })
    const answer = respond(frame, b, new Map([[vip, "here"]]))
    t.is(answer.decision, "reply")
    if (answer.decision === "reply") t.is(said(answer.frame), "fd00:9::abcd 02:00:00:00:00:0b asked")
  }
})
