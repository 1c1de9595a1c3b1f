import test from "ava"
import { decode } from "../../protocols/bgp/packet.ts"
import { routesIn } from "../../protocols/bgp/update.ts"
import { hex } from "./goldens.ts"

/** Attributes and NLRI as hex; lengths are put around them. */
function updateBytes(attributes: string, nlri: string, withdrawn = ""): Uint8Array {
  const parts = [hex(withdrawn), hex(attributes), hex(nlri)].map((part) => Buffer.from(part)) as [
    Buffer,
    Buffer,
    Buffer,
  ]
  const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])
  const body = Buffer.concat([u16(parts[0].length), parts[0], u16(parts[1].length), parts[1], parts[2]])
  return new Uint8Array(Buffer.concat([Buffer.alloc(16, 0xff), u16(19 + body.length), Buffer.from([2]), body]))
}

const origin = "40010100"
const path = "400206 0201 0000fc00"
const nextHop = "400304 c0000201"
const good = `${origin} ${path} ${nextHop}`
const route = "20 c6336407"

/** RFC 7606: what a fault means for the routes of its UPDATE. */
const lenient: readonly [name: string, attributes: string, treatment: "discard" | "withdraw", code: number][] = [
  ["§7.1 ORIGIN of two octets", `4001020000 ${path} ${nextHop}`, "withdraw", 1],
  ["§7.1 ORIGIN with an unknown value", `40010103 ${path} ${nextHop}`, "withdraw", 1],
  ["§7.2 AS_PATH with an unknown segment type", `${origin} 400206 0901 0000fc00 ${nextHop}`, "withdraw", 2],
  ["§7.2 AS_PATH with an empty segment", `${origin} 400202 0200 ${nextHop}`, "withdraw", 2],
  ["§7.2 AS_PATH segment that overruns", `${origin} 400206 0202 0000fc00 ${nextHop}`, "withdraw", 2],
  ["§7.2 AS_PATH with one octet left", `${origin} 400207 0201 0000fc00 02 ${nextHop}`, "withdraw", 2],
  ["§7.3 NEXT_HOP of three octets", `${origin} ${path} 400303 c00002`, "withdraw", 3],
  ["§7.4 MULTI_EXIT_DISC of three octets", `${good} 800403 000000`, "withdraw", 4],
  ["§7.5 LOCAL_PREF of three octets", `${good} 400503 000000`, "withdraw", 5],
  ["§7.6 ATOMIC_AGGREGATE with a value", `${good} 400601 00`, "discard", 6],
  ["§7.7 AGGREGATOR of six octets between 4-octet speakers", `${good} c00706 fc00 c0000201`, "discard", 7],
  ["§7.8 COMMUNITIES of five octets", `${good} c00805 fde8000100`, "withdraw", 8],
  ["§7.8 COMMUNITIES without any", `${good} c00800`, "withdraw", 8],
  ["§7.14 extended communities of nine octets", `${good} c01009 0002fde800000001 00`, "withdraw", 16],
  ["RFC 8092 §6 large communities of eleven octets", `${good} c0200b 0000fde800000001000000`, "withdraw", 32],
  ["RFC 6793 §6 AS4_PATH that is broken", `${good} c01103 020100`, "discard", 17],
  ["§3 (c) flags that do not fit", `c0010100 ${path} ${nextHop}`, "withdraw", 1],
  ["§3 (d) mandatory attribute missing", `${origin} ${path}`, "withdraw", 3],
  ["§3 (g) attribute twice: the first counts", `${good} 40010102`, "discard", 1],
  ["§4 attribute that runs past the end", `${good} c00810 fde80001`, "withdraw", 8],
  ["§4 octets left over", `${good} c0`, "withdraw", 0],
]
for (const [name, attributes, treatment, code] of lenient) {
  test(`RFC 7606 ${name}: ${treatment}`, (t) => {
    const decoded = decode(updateBytes(attributes, route), { fourOctet: true })
    t.true(decoded.ok && decoded.value.kind === "update")
    if (!decoded.ok || decoded.value.kind !== "update") return
    const { withdrawn, nlri, faults } = decoded.value
    t.deepEqual(
      faults.map((fault) => [fault.code, fault.treatment]),
      [[code, treatment]],
    )
    const where = treatment === "withdraw" ? withdrawn : nlri
    t.deepEqual(
      where.map(({ text }) => text),
      ["198.51.100.7/32"],
    )
  })
}

const fatal: readonly [name: string, bytes: Uint8Array, subcode: number][] = [
  ["prefix longer than 32 bits", updateBytes(good, "21 c6336407 00"), 10],
  ["prefix that overruns", updateBytes(good, "20 c63364"), 10],
  ["withdrawn prefix that overruns", updateBytes("", "", "20 c63364"), 10],
  ["unknown well-known attribute", updateBytes(`${good} 406301 00`, route), 2],
  ["MP_REACH_NLRI twice", updateBytes(`${good} 800f03 000201 800f03 000201`, route), 1],
  ["MP_REACH_NLRI cut short", updateBytes(`${good} 800e01 00`, route), 9],
  ["MP_REACH_NLRI with a next hop of 5 octets", updateBytes(`${good} 800e0a 000201 05 0102030405 00`, ""), 9],
  ["MP_REACH_NLRI with a next hop that overruns", updateBytes(`${good} 800e05 000201 10 00`, ""), 9],
  ["MP_REACH_NLRI with a prefix of 129 bits", updateBytes(`${good} 800e16 000201 10 ${"20".repeat(16)} 00 81`, ""), 9],
  ["MP_UNREACH_NLRI with a prefix that overruns", updateBytes("800f05 000201 40 20", ""), 9],
  ["attribute length past the message", hex(`${"ff".repeat(16)}0017 02 0000 0001`), 1],
  ["withdrawn length past the message", hex(`${"ff".repeat(16)}0017 02 0005 0000`), 1],
]
for (const [name, bytes, subcode] of fatal) {
  test(`ends the session: ${name}`, (t) => {
    const decoded = decode(bytes, { fourOctet: true })
    t.false(decoded.ok)
    if (!decoded.ok) t.deepEqual([decoded.error.code, decoded.error.subcode], [3, subcode])
  })
}

test("unknown optional attributes keep their bytes, extended length included", (t) => {
  const value = "ab".repeat(300)
  const decoded = decode(updateBytes(`${good} d0fe012c ${value}`, route), { fourOctet: true })
  t.true(decoded.ok)
  if (decoded.ok && decoded.value.kind === "update") {
    t.deepEqual(decoded.value.attributes.unknown, [{ flags: 0xc0, code: 0xfe, value: hex(value) }])
  }
})

test("host bits of a received prefix are cleared", (t) => {
  const decoded = decode(updateBytes(good, "14 0a01ff"), { fourOctet: true })
  t.true(decoded.ok && decoded.value.kind === "update" && decoded.value.nlri[0]?.text === "10.1.240.0/20")
})

const hop = "20010db8000000000000000000000001"
const mpRoute = `000201 10 ${hop} 00 40 20010db800000001`
test("RFC 7606 §3 (d): an IPv6 route without ORIGIN or AS_PATH is withdrawn; it needs no NEXT_HOP", (t) => {
  for (const [attributes, codes] of [
    [`800e1e ${mpRoute} 400101 00 400200`, []],
    [`800e1e ${mpRoute}`, [1, 2]],
  ] as const) {
    const decoded = decode(updateBytes(attributes, ""), { fourOctet: true })
    if (!decoded.ok || decoded.value.kind !== "update") return t.fail()
    t.deepEqual(
      decoded.value.faults.map(({ code }) => code),
      [...codes],
    )
    const { announced, withdrawn } = routesIn(decoded.value)
    const said = codes.length === 0 ? announced : withdrawn
    t.deepEqual(
      said.map(({ text }) => text),
      ["2001:db8:0:1::/64"],
    )
    t.is(announced.length + withdrawn.length, 1)
  }
})

test("RFC 7606 §3 (c): flags of MP_REACH_NLRI that do not fit withdraw its routes", (t) => {
  const decoded = decode(updateBytes(`c00e1e ${mpRoute} 400101 00 400200`, ""), { fourOctet: true })
  if (!decoded.ok || decoded.value.kind !== "update") return t.fail()
  t.deepEqual(
    decoded.value.faults.map(({ code, treatment }) => [code, treatment]),
    [[14, "withdraw"]],
  )
  t.deepEqual(
    decoded.value.withdrawn.map(({ text }) => text),
    ["2001:db8:0:1::/64"],
  )
})

test("routes of a family that is not spoken here are kept as bytes", (t) => {
  const decoded = decode(updateBytes("800e09 000146 04 c0000201 00 400101 00 400200", ""), { fourOctet: true })
  if (!decoded.ok || decoded.value.kind !== "update") return t.fail()
  t.deepEqual(decoded.value.faults, [])
  t.deepEqual(decoded.value.attributes.unknown, [{ flags: 0x80, code: 14, value: hex("000146 04 c0000201 00") }])
})
