// What speakers say of themselves in gossip: there and back, within 512 bytes, whatever comes.
import test from "ava"
import fc from "fast-check"
import { addressTag, decodeMark, encodeMark, interfaceTag, type SpeakerMark } from "../../cluster/speaker-mark.ts"

const mac = "02:00:00:00:00:0a"
const eth0 = interfaceTag("eth0")
const subnet = (prefix: string, name = eth0) => ({ interface: name, prefix })

const marks: readonly (readonly [string, SpeakerMark])[] = [
  ["nothing said yet", { version: 2, macs: [] }],
  ["MACs", { version: 2, macs: [mac, "ff:ff:ff:ff:ff:fe"] }],
  ["no subnets", { version: 2, macs: [mac], subnets: { list: [], complete: true } }],
  [
    "subnets of both families and any length",
    {
      version: 2,
      macs: [mac],
      subnets: {
        list: ["0.0.0.0/0", "10.0.0.0/7", "192.0.2.0/24", "192.0.2.128/25", "192.0.2.1/32"]
          .concat([
            "::/0",
            "2001:db8::/32",
            "2001:db8:1:2::/64",
            "2001:db8::8000/113",
            "2001:db8::/127",
            "2001:db8::1/128",
          ])
          .map((prefix) => subnet(prefix)),
        complete: false,
      },
    },
  ],
  [
    "claims",
    {
      version: 2,
      macs: [mac],
      subnets: { list: [subnet("192.0.2.0/24", interfaceTag("bond0.12"))], complete: true },
      claims: [
        { address: 0, epoch: 1 },
        { address: addressTag("192.0.2.10"), epoch: 2 },
        { address: 0xffffff, epoch: 65_535 },
      ],
    },
  ],
  ["drained", { version: 2, macs: [mac], drained: true }],
  ["drained, and it does not listen", { version: 2, macs: [], drained: true, deaf: true, claims: [] }],
  ["no claims, which is not the same as nothing said", { version: 2, macs: [], claims: [] }],
]

for (const [name, mark] of marks)
  test(`there and back: ${name}`, (t) => t.deepEqual(decodeMark(encodeMark(mark)), mark))

test("what does not fit is left out, and said", (t) => {
  const list = Array.from({ length: 300 }, (_, i) => subnet(`10.${i >> 8}.${i & 255}.0/24`))
  const claims = Array.from({ length: 300 }, (_, i) => ({ address: i, epoch: 1 }))
  const bytes = encodeMark({ version: 2, macs: [mac], subnets: { list, complete: true }, claims })
  t.true(bytes.length <= 512)
  const mark = decodeMark(bytes)
  t.false(mark?.subnets?.complete)
  t.deepEqual(mark?.subnets?.list, list.slice(0, 29))
  t.deepEqual(mark?.claims, claims.slice(0, mark?.claims?.length))
  t.true((mark?.claims?.length ?? 0) >= 100)
  const usual = decodeMark(
    encodeMark({ version: 2, macs: [mac, mac], subnets: { list: list.slice(0, 4), complete: true }, claims }),
  )
  const many = Array.from({ length: 300 }, (_, i) => ({ address: i, epoch: i + 1 }))
  t.true((decodeMark(encodeMark({ version: 2, macs: [mac], claims: many }))?.claims?.length ?? 0) >= 80)
  t.true((usual?.claims?.length ?? 0) >= 150, String(usual?.claims?.length))
})

test("a section that is not known is skipped; one that is cut off makes the mark worthless", (t) => {
  const known = encodeMark({ version: 2, macs: [mac], claims: [{ address: 7, epoch: 1 }] })
  const [head, sections] = [known.subarray(0, 10), known.subarray(10)]
  const mixed = Uint8Array.from([...head, 200, 0, 2, 1, 2, ...sections, 201, 0, 0])
  t.deepEqual(decodeMark(mixed), { version: 2, macs: [mac], claims: [{ address: 7, epoch: 1 }] })
  for (let cut = 11; cut < known.length; cut++) t.is(decodeMark(known.subarray(0, cut)), undefined, String(cut))
  t.deepEqual(decodeMark(head), { version: 2, macs: [mac] })
})

test("any bytes give a mark or nothing", (t) => {
  const bytes = fc
    .tuple(fc.constantFrom(1, 2, 3), fc.uint8Array({ maxLength: 509 }))
    .map(([version, rest]) => Uint8Array.from([0x54, 0x72, version, ...rest]))
  t.notThrows(() =>
    fc.assert(
      fc.property(bytes, (meta) => void decodeMark(meta)),
      { numRuns: 5000 },
    ),
  )
})

test("any mark that fits comes back as it was", (t) => {
  const mark = fc.record({
    version: fc.constant(2),
    macs: fc.array(fc.constantFrom(mac, "02:00:00:00:00:0b"), { maxLength: 8 }),
    subnets: fc.record({
      list: fc.array(
        fc.record({
          interface: fc.nat(65_535),
          prefix: fc.constantFrom("10.1.0.0/16", "192.0.2.64/26", "2001:db8:7::/48", "2001:db8::/127"),
        }),
        { maxLength: 8 },
      ),
      complete: fc.boolean(),
    }),
    claims: fc.array(fc.record({ address: fc.nat(0xffffff), epoch: fc.constantFrom(1, 2, 3, 300, 65_535) }), {
      maxLength: 40,
    }),
  })
  fc.assert(
    fc.property(mark, (given) => {
      // Those of one epoch stand together.
      const byEpoch = Map.groupBy(given.claims, ({ epoch }) => epoch)
      const want = { ...given, claims: [...byEpoch.values()].flat() }
      t.deepEqual(decodeMark(encodeMark(given)), JSON.parse(JSON.stringify(want)))
    }),
  )
})
