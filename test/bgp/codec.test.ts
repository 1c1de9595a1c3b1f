import test from "ava"
import { decode, encode } from "../../protocols/bgp/packet.ts"
import { birdOld, captured, hex, metallb, recorded, toHex } from "./goldens.ts"

for (const golden of [...metallb, ...recorded]) {
  const context = { fourOctet: golden.fourOctet }

  test(`${golden.name}: encodes to the golden bytes`, (t) => {
    t.is(toHex(encode(golden.message, context)), golden.hex)
  })

  test(`${golden.name}: decodes to the message`, (t) => {
    const decoded = decode(hex(golden.hex), context)
    const want = golden.message.kind === "update" ? { ...golden.message, faults: [] } : golden.message
    t.deepEqual(decoded, { ok: true, value: want })
  })

  test(`${golden.name}: no shorter piece of it is taken for a message`, (t) => {
    const whole = hex(golden.hex)
    for (let length = 0; length < whole.length; length++) {
      t.false(decode(whole.subarray(0, length), context).ok, `${length} octets`)
      // Nor with a length field that agrees: then the fields inside must notice, or it is a shorter valid message.
      const cut = whole.slice(0, length)
      if (length < 19) continue
      cut[16] = length >> 8
      cut[17] = length & 0xff
      const decoded = decode(cut, context)
      if (golden.message.kind !== "update" && golden.message.kind !== "notification")
        t.false(decoded.ok, `${length} octets`)
      else if (decoded.ok && decoded.value.kind === "update")
        t.notDeepEqual(decoded.value, { ...golden.message, faults: [] })
    }
  })
}

for (const { name, message, hex: bytes } of captured) {
  test(`BIRD, captured: ${name}`, (t) => {
    const whole = hex("ff".repeat(16) + bytes)
    const want = message.kind === "update" ? { ...message, faults: [] } : message
    t.deepEqual(decode(whole, { fourOctet: true }), { ok: true, value: want })
    // Written by us it is the same message, if not the same octets.
    t.deepEqual(decode(encode(message, { fourOctet: true }), { fourOctet: true }), { ok: true, value: want })
  })
}

test("RFC 6793 §4.2.3: AS4_PATH of an old speaker replaces AS_TRANS", (t) => {
  const decoded = decode(hex(birdOld.hex), { fourOctet: false })
  t.true(decoded.ok && decoded.value.kind === "update" && decoded.value.faults.length === 0)
  if (decoded.ok && decoded.value.kind === "update") {
    t.deepEqual(decoded.value.attributes.asPath, birdOld.asPath)
    t.is(decoded.value.attributes.as4Path, undefined)
  }
})

const marker = "ff".repeat(16)
const refused: readonly [name: string, bytes: string, code: number, subcode: number, data: string][] = [
  ["marker not all ones", `${"ff".repeat(15)}fe001304`, 1, 1, ""],
  ["length below 19", `${marker}001204`, 1, 2, "0012"],
  ["length above 4096", `${marker}100104`, 1, 2, "1001"],
  ["unknown type", `${marker}001309`, 1, 3, "09"],
  ["KEEPALIVE with a body", `${marker}00140400`, 1, 2, "0014"],
  ["UPDATE without its two lengths", `${marker}001602000000`, 1, 2, "0016"],
  ["OPEN above 4096", `${marker}100101`, 1, 2, "1001"],
  ["NOTIFICATION without a subcode", `${marker}00140306`, 1, 2, "0014"],
  ["ROUTE-REFRESH of the wrong length", `${marker}00160500 0100`, 7, 1, `${marker}001605000100`],
  ["OPEN cut short", `${marker}001c0104fc00005ac0000201`, 1, 2, "001c"],
  ["version 3", `${marker}001d0103fc00005ac000020100`, 2, 1, "0004"],
  ["optional parameters that lie about their length", `${marker}001d0104fc00005ac000020105`, 2, 0, ""],
  ["unknown optional parameter", `${marker}00200104fc00005ac000020103010100`, 2, 4, ""],
  ["capability that runs past its parameter", `${marker}00210104fc00005ac00002010402024105`, 2, 0, ""],
  ["capability of the wrong length", `${marker}00220104fc00005ac0000201050203410101`, 2, 0, ""],
]
for (const [name, bytes, code, subcode, data] of refused) {
  test(`refused: ${name}`, (t) => {
    const decoded = decode(hex(bytes), { fourOctet: true })
    t.false(decoded.ok)
    if (decoded.ok) return
    t.deepEqual(
      { code: decoded.error.code, subcode: decoded.error.subcode, data: toHex(decoded.error.data) },
      { code, subcode, data },
    )
    t.true(decoded.error.because.length > 5)
  })
}

test("RFC 9072: optional parameters with two octets of length", (t) => {
  const decoded = decode(hex(`${marker}0029 01 04 fc00 005a c0000201 ff ff 0009 02 0006 4104 0000fc00`), {
    fourOctet: true,
  })
  t.true(decoded.ok)
  if (decoded.ok && decoded.value.kind === "open") {
    t.deepEqual(decoded.value.capabilities, [{ kind: "four-octet-as", asn: 64512 }])
  }
})
