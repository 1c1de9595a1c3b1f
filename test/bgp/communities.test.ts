import test from "ava"
import { communitiesFrom } from "../../protocols/bgp/communities.ts"
import { decode, encode } from "../../protocols/bgp/packet.ts"
import { hex, ip, prefix, toHex } from "./goldens.ts"

test("each form goes into its attribute, ascending by number, none twice", (t) => {
  t.deepEqual(
    communitiesFrom([
      "65000:10",
      "65000:9",
      "65000:9",
      "65000:10:1",
      "65000:9:2",
      "rt:65000:1",
      "ro:4200000000:7",
      "1:2:3",
    ]),
    {
      ok: true,
      value: {
        communities: [0xfde80009, 0xfde8000a],
        largeCommunities: [
          [1, 2, 3],
          [65000, 9, 2],
          [65000, 10, 1],
        ],
        extendedCommunities: ["0002fde800000001", "0203fa56ea000007"],
      },
    },
  )
  t.deepEqual(communitiesFrom([]), { ok: true, value: {} })
})

for (const text of [
  "",
  "1",
  "65536:1",
  "1:65536",
  "a:b",
  "1:2:3:4",
  "4294967296:1:1",
  "rt:1",
  "rt:4200000000:65536",
  "xx:1:2",
  "1:-1",
  "1:2:",
]) {
  test(`no community: "${text}"`, (t) => {
    const parsed = communitiesFrom([text])
    t.false(parsed.ok)
    if (!parsed.ok) t.true(parsed.error.startsWith(`community ${text} is not of the form`))
  })
}

test("RFC 8092 §3, RFC 4360 §2: the octets of both attributes, and back", (t) => {
  const communities = communitiesFrom(["65000:1", "65000:1:2", "4294967295:0:1", "rt:65000:1"])
  if (!communities.ok) return t.fail()
  const attributes = { origin: "igp", asPath: [], nextHop: ip("192.0.2.1"), ...communities.value } as const
  const update = { kind: "update", withdrawn: [], attributes, nlri: [prefix("198.51.100.7/32")] } as const
  const bytes = encode(update, { fourOctet: true })
  const attribute = [
    "c00804fde80001",
    "c010080002fde800000001",
    "c02018 0000fde80000000100000002 ffffffff0000000000000001",
  ]
  t.true(toHex(bytes).includes(toHex(hex(attribute.join("")))))
  t.deepEqual(decode(bytes, { fourOctet: true }), { ok: true, value: { ...update, faults: [] } })
})
