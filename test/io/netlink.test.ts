import test from "ava"
import fc from "fast-check"
import { decodeAddress, decodeLink, deletedLink, dumpRequest, errorIn, messagesIn } from "../../io/netlink.ts"

const attribute = (type: number, payload: readonly number[]): number[] => {
  const bytes = [payload.length + 4, 0, type, 0, ...payload]
  while (bytes.length % 4 !== 0) bytes.push(0)
  return bytes
}
const little = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24]
const text = (value: string): number[] => [...Buffer.from(value), 0]
const view = (bytes: readonly number[]): DataView => new DataView(Uint8Array.from(bytes).buffer)

const mac = [2, 0, 0, 0, 0, 10]
const link = (flags: number, ...attributes: readonly number[][]) =>
  view([0, 0, 1, 0, ...little(7), ...little(flags), 0, 0, 0, 0, ...attributes.flat()])

test("a link with its name, MAC and flags", (t) => {
  t.deepEqual(decodeLink(link(0x11043, attribute(3, text("eth0.100")), attribute(1, mac))), {
    index: 7,
    name: "eth0.100",
    mac: Uint8Array.from(mac),
    up: true,
    broadcast: true,
    noArp: false,
    loopback: false,
    hasMaster: false,
  })
})

test("up means administratively and with carrier", (t) => {
  const up = (flags: number) => decodeLink(link(flags, attribute(3, text("a"))))?.up
  t.deepEqual([up(0), up(1), up(0x10000), up(0x10001)], [false, false, false, true])
})

test("a bridge port has a master, an interface without ARP says so, a tunnel has no MAC", (t) => {
  const port = decodeLink(link(1, attribute(3, text("p")), attribute(10, little(3)), attribute(1, [10, 0, 0, 1])))
  t.is(port?.hasMaster, true)
  t.deepEqual(port?.mac, new Uint8Array(0))
  t.is(decodeLink(link(0x80, attribute(3, text("w"))))?.noArp, true)
  t.is(decodeLink(link(8, attribute(3, text("lo"))))?.loopback, true)
})

test("without a name it is no link", (t) => t.is(decodeLink(link(1)), undefined))

const address = (prefix: number, flags: number, ...attributes: readonly number[][]) =>
  view([2, prefix, flags, 0, ...little(7), ...attributes.flat()])
const linkLocal = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 10]

test("addresses of both families; ours, not the peer's, on a point-to-point link", (t) => {
  t.deepEqual(decodeAddress(address(32, 0, attribute(1, [10, 0, 0, 2]), attribute(2, [10, 0, 0, 1]))), {
    index: 7,
    address: "10.0.0.1",
    prefixLength: 32,
    tentative: false,
  })
  t.is(decodeAddress(address(64, 0, attribute(1, linkLocal)))?.address, "fe80::ff:fe00:a")
})

test("tentative: detection is not over, or it found a duplicate; the wide flags count where they are", (t) => {
  const tentative = (...a: Parameters<typeof address>) => decodeAddress(address(...a))?.tentative
  t.is(tentative(64, 0x40, attribute(1, linkLocal)), true)
  t.is(tentative(64, 0x08, attribute(1, linkLocal)), true)
  t.is(tentative(64, 0x80, attribute(1, linkLocal)), false)
  t.is(tentative(64, 0x40, attribute(1, linkLocal), attribute(8, little(0x80))), false)
  t.is(tentative(64, 0, attribute(1, linkLocal), attribute(8, little(0x240))), true)
})

test("an attribute that claims more than there is ends the list", (t) => {
  const body = address(24, 0, attribute(1, [10, 0, 0, 2]), [200, 0, 2, 0, 9, 9, 9, 9])
  t.is(decodeAddress(body)?.address, "10.0.0.2")
})

test("a link that left its bridge is not gone", (t) => {
  const body = link(1, attribute(3, text("p")))
  t.is(deletedLink(body), 7)
  body.setUint8(0, 7)
  t.is(deletedLink(body), undefined)
})

test("several messages in a datagram, up to one whose length cannot be", (t) => {
  const message = (type: number, body: readonly number[], length = body.length + 16) => [
    ...little(length),
    type,
    0,
    2,
    0,
    ...little(1),
    ...little(0),
    ...body,
  ]
  const datagram = Uint8Array.from([...message(16, [1, 0, 0, 0]), ...message(3, []), ...message(16, [], 4000)])
  const found = messagesIn(datagram)
  t.deepEqual(
    found.map(({ type, flags, body }) => [type, flags, body.byteLength]),
    [
      [16, 2, 4],
      [3, 2, 0],
    ],
  )
})

test("a dump request is a whole message, and an error is a negated errno", (t) => {
  const request = dumpRequest(18)
  t.deepEqual([request.length, request[0], request[4], request[6], request[7]], [32, 32, 18, 1, 3])
  t.is(errorIn(view([0xff, 0xff, 0xff, 0xff])), -1)
})

test("any bytes are read without an exception", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const { body } of messagesIn(bytes)) {
        decodeLink(body)
        decodeAddress(body)
        deletedLink(body)
        errorIn(body)
      }
      const body = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      decodeLink(body)
      decodeAddress(body)
    }),
  )
  t.pass()
})
