import test from "ava"
import fc from "fast-check"
import { parsePrefix, type Prefix } from "../../protocols/prefix.ts"
import { cover } from "../../protocols/prefix-cover.ts"

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text)
  if (parsed === undefined) throw new Error(text)
  return parsed
}
const covered = (...texts: string[]): string[] => cover(texts.map(prefix)).map(({ text }) => text)

for (const [given, want] of [
  [[], []],
  [["10.0.0.1/32", "10.0.0.0/32"], ["10.0.0.0/31"]],
  [
    ["10.0.0.1/32", "10.0.0.2/32"],
    ["10.0.0.1/32", "10.0.0.2/32"],
  ],
  [["10.0.0.0/24", "10.0.0.7/32", "10.0.0.0/24"], ["10.0.0.0/24"]],
  [["10.0.3.0/24", "10.0.0.0/24", "10.0.2.0/24", "10.0.1.0/24"], ["10.0.0.0/22"]],
  [["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/0"]],
  [
    ["2001:db8::1/128", "192.0.2.1/32", "2001:db8::/128"],
    ["192.0.2.1/32", "2001:db8::/127"],
  ],
] as const)
  test(`${given.join(" ")} is ${want.join(" ")}`, (t) => t.deepEqual(covered(...given), [...want]))

test("exactly the same addresses, in no more prefixes", (t) => {
  const small = fc
    .tuple(fc.nat(255), fc.integer({ min: 26, max: 32 }))
    .map(([a, length]) => prefix(`10.0.0.${a}/${length}`))
  const addresses = (prefixes: readonly Prefix[]): number[] => {
    const all = new Set<number>()
    for (const { address, length } of prefixes) {
      const first = Number(address.split(".")[3])
      for (let i = 0; i < 2 ** (32 - length); i++) all.add(first + i)
    }
    return [...all].sort((a, b) => a - b)
  }
  fc.assert(
    fc.property(fc.array(small, { maxLength: 40 }), (given) => {
      const made = cover(given)
      t.deepEqual(addresses(made), addresses(given))
      t.true(made.length <= given.length)
      t.deepEqual(cover(made), made)
    }),
  )
})
