import test from "ava"
import { arpRequestFrame, decodeArpClaim } from "../../protocols/arp/claim.ts"
import { gratuitousFrames } from "../../protocols/arp/gratuitous.ts"
import { respond } from "../../protocols/arp/respond.ts"
import { formatMac } from "../../protocols/ethernet/mac.ts"
import { bytes, captured, ip, mac } from "./frames.ts"

const a = mac("02:00:00:00:00:0a")
const b = mac("02:00:00:00:00:0b")
const vip = ip("10.9.0.100")

const rows: readonly [name: string, frame: Uint8Array, expected: string][] = [
  ["arping -U", bytes(captured.gratuitous), "10.9.0.1 02:00:00:00:00:0a gratuitous"],
  ["a kernel's reply", bytes(captured.reply), "10.9.0.2 02:00:00:00:00:0b asked"],
  ["a question", bytes(captured.request), "not-gratuitous"],
  ["our announcement, request", gratuitousFrames(a, vip)[0], "10.9.0.100 02:00:00:00:00:0a gratuitous"],
  ["our announcement, reply", gratuitousFrames(a, vip)[1], "10.9.0.100 02:00:00:00:00:0a gratuitous"],
  ["nobody's address", gratuitousFrames(a, ip("0.0.0.0"))[0], "probe"],
  ["cut off", bytes(captured.reply).subarray(0, 30), "truncated"],
  ["another EtherType", withByte(bytes(captured.reply), 13, 0xdd), "ether-type"],
  ["another operation", withByte(bytes(captured.reply), 21, 8), "operation"],
]

for (const [name, frame, expected] of rows) {
  test(`claims: ${name}`, (t) => {
    const claim = decodeArpClaim(frame)
    const said = claim.ok
      ? `${claim.value.ip} ${formatMac(claim.value.mac)} ${claim.value.gratuitous ? "gratuitous" : "asked"}`
      : claim.error.kind
    t.is(said, expected)
  })
}

test("what answers our announcement comes to us alone, and is no announcement itself", (t) => {
  const answer = respond(gratuitousFrames(a, vip)[0], b, new Map([[vip, "here"]]))
  const claim = decodeArpClaim(answer.decision === "reply" ? answer.frame : new Uint8Array())
  t.deepEqual(claim.ok && { ...claim.value, mac: formatMac(claim.value.mac) }, {
    ip: vip,
    mac: "02:00:00:00:00:0b",
    gratuitous: false,
  })
})

test("a question is answered by whoever has the address, to the one who asked", (t) => {
  for (const senderIp of [ip("10.9.0.1"), undefined]) {
    for (const to of [b, undefined]) {
      const answer = respond(arpRequestFrame({ mac: a, senderIp, target: vip, to }), b, new Map([[vip, "here"]]))
      t.is(answer.decision, "reply")
      const claim = decodeArpClaim(answer.decision === "reply" ? answer.frame : new Uint8Array())
      t.is(claim.ok && claim.value.ip, vip)
    }
  }
})

function withByte(frame: Uint8Array, at: number, value: number): Uint8Array {
  const changed = frame.slice()
  changed[at] = value
  return changed
}
