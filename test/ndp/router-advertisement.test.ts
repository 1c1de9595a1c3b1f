import test from "ava"
import { icmpv6Checksum } from "../../protocols/ndp/checksum.ts"
import { encodeRouterAdvertisement } from "../../protocols/ndp/router-advertisement.ts"
import { bytes } from "../arp/frames.ts"

test("a Router Advertisement offers nothing", (t) => {
  // Type, code, checksum; hop limit, flags, lifetime; reachable time; retransmission time.
  t.deepEqual(encodeRouterAdvertisement(), bytes("8600 0000 0000 0000 0000 0000 0000 0000"))
})

test("with the checksum that the kernel fills in for fe80::1 it is as it stands on the wire", (t) => {
  const message = encodeRouterAdvertisement()
  const source = bytes("fe80 0000 0000 0000 0000 0000 0000 0001")
  const destination = bytes("ff02 0000 0000 0000 0000 0000 0000 0001")
  // By hand: fe80 + 1 + ff02 + 1 + 0010 + 003a + 8600, folded and inverted.
  const checksum = icmpv6Checksum(source, destination, message)
  t.is(checksum, 0x7c2f)
  new DataView(message.buffer).setUint16(2, checksum)
  t.is(icmpv6Checksum(source, destination, message), 0)
})
