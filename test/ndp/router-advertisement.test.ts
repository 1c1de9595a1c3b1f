import test from "ava"
import { icmpv6Checksum } from "../../protocols/ndp/checksum.ts"
import { encodeRouterAdvertisement } from "../../protocols/ndp/router-advertisement.ts"
import { bytes, mac } from "../arp/frames.ts"

test("a Router Advertisement offers nothing, and tells our MAC", (t) => {
  t.deepEqual(
    encodeRouterAdvertisement(mac("02:00:00:00:00:0b")),
    // Type, code, checksum; hop limit, flags, lifetime; reachable time; retransmission time; option 1 of 8 bytes.
    bytes("8600 0000 0000 0000 0000 0000 0000 0000 0101 0200 0000 000b"),
  )
})

test("where the link has no MACs there is no option", (t) => {
  t.deepEqual(encodeRouterAdvertisement(undefined), bytes("8600 0000 0000 0000 0000 0000 0000 0000"))
})

test("with the checksum that the kernel fills in for fe80::1 it is as it stands on the wire", (t) => {
  const message = encodeRouterAdvertisement(mac("02:00:00:00:00:0b"))
  const source = bytes("fe80 0000 0000 0000 0000 0000 0000 0001")
  const destination = bytes("ff02 0000 0000 0000 0000 0000 0000 0001")
  // By hand: fe80 + 1 + ff02 + 1 + 0018 + 003a + 8600 + 0101 + 0200 + 000b, folded and inverted.
  const checksum = icmpv6Checksum(source, destination, message)
  t.is(checksum, 0x791b)
  new DataView(message.buffer).setUint16(2, checksum)
  t.is(icmpv6Checksum(source, destination, message), 0)
})
