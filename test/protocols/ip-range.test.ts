import test from "ava"
import fc from "fast-check"
import ipaddr from "ipaddr.js"
import { boundsOf, prefixesOfRange } from "../../protocols/ip-range.ts"
import { type Family, type Ip, ipFromNumber, ipToBytes, ipToNumber, parseIp } from "../../protocols/ip.ts"
import { bitsOf, parsePrefix, prefixAround, prefixContains } from "../../protocols/prefix.ts"

const ip = (family: Family): fc.Arbitrary<Ip> =>
  fc.bigInt({ min: 0n, max: (1n << BigInt(bitsOf(family))) - 1n }).map((number) => ipFromNumber(number, family))
const anyIp = fc.oneof(ip("ipv4"), ip("ipv6"))

test("text, bytes and number of an address agree with ipaddr.js", (t) => {
  fc.assert(
    fc.property(anyIp, (address) => {
      const oracle = ipaddr.parse(address)
      t.deepEqual([...ipToBytes(address)], oracle.toByteArray())
      t.is(parseIp(address), address)
      t.is(ipFromNumber(ipToNumber(address), oracle.kind()), address)
      t.is(oracle.toString(), address)
    }),
  )
})

test("any text is an address or nothing, as ipaddr.js sees strict ones", (t) => {
  for (const text of ["01.2.3.4", "1.2.3", "1.2.3.4.5", "fe80::1%eth0", "::1::", "1:2:3:4:5:6:7", "", " 1.1.1.1"])
    t.is(parseIp(text), undefined, text)
  t.is(parseIp("::ffff:1.2.3.4"), "1.2.3.4" as Ip)
  t.is(parseIp("FC00:0:0:0:0:0:0:1"), "fc00::1" as Ip)
})

test("prefixes contain what ipaddr.js says they contain", (t) => {
  fc.assert(
    fc.property(anyIp, anyIp, fc.nat(128), (a, b, n) => {
      const family: Family = a.includes(":") ? "ipv6" : "ipv4"
      const prefix = prefixAround(a, n % (bitsOf(family) + 1))
      t.true(prefixContains(prefix, a))
      t.deepEqual(parsePrefix(prefix.text), prefix)
      const other = ipaddr.parse(b)
      if (other.kind() === family) t.is(prefixContains(prefix, b), other.match(ipaddr.parseCIDR(prefix.text)))
      else t.false(prefixContains(prefix, b))
    }),
  )
})

test("a range's blocks cover it exactly, in order, and no fewer would do", (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom<Family>("ipv4", "ipv6"),
      fc.bigInt(0n, 0xffff_ffffn),
      fc.bigInt(0n, 5000n),
      (f, a, n) => {
        const first = a + n > 0xffff_ffffn ? a - n : a
        const blocks = prefixesOfRange(ipFromNumber(first, f), ipFromNumber(first + n, f)) ?? []
        let next = first
        for (const block of blocks) {
          t.is(boundsOf(block).first, next)
          next = boundsOf(block).last + 1n
        }
        t.is(next, first + n + 1n)
        for (const [i, block] of blocks.entries()) {
          const after = blocks[i + 1]
          if (after?.length !== block.length) continue
          // Two neighbours of one size that could be one block would have one parent.
          t.not(prefixAround(block.address, block.length - 1).text, prefixAround(after.address, after.length - 1).text)
        }
      },
    ),
  )
})

test("the whole of each family is one block; backwards and mixed is none", (t) => {
  const texts = (from: string, to: string) =>
    prefixesOfRange(parseIp(from) as Ip, parseIp(to) as Ip)?.map(({ text }) => text)
  t.deepEqual(texts("0.0.0.0", "255.255.255.255"), ["0.0.0.0/0"])
  t.deepEqual(texts("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ["::/0"])
  t.is(texts("1.1.1.2", "1.1.1.1"), undefined)
  t.is(texts("1.1.1.2", "::2"), undefined)
})
