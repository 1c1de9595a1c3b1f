import test from "ava"
import fc from "fast-check"
import { takeFrames } from "../../protocols/bgp/framing.ts"
import { hex, metallb, recorded, toHex } from "./goldens.ts"

const messages = [...metallb, ...recorded].map((golden) => golden.hex)
const stream = hex(messages.join(""))

test("a stream gives the same messages however it is cut", (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 200 }), (sizes) => {
      const found: string[] = []
      let rest: Uint8Array = new Uint8Array(0)
      let at = 0
      for (let i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] ?? 1
        const frames = takeFrames(rest, stream.subarray(at, at + size))
        found.push(...frames.messages.map(toHex))
        if (frames.fault !== undefined) return false
        rest = frames.rest
        at += size
      }
      return rest.length === 0 && found.join() === messages.join()
    }),
  )
  t.pass()
})

test("part of a message waits", (t) => {
  const whole = hex(messages[0] ?? "")
  for (let length = 0; length < whole.length; length++) {
    const frames = takeFrames(new Uint8Array(0), whole.subarray(0, length))
    t.deepEqual([frames.messages.length, frames.rest.length, frames.fault], [0, length, undefined])
  }
})

test("a bad header is refused at once, after the good messages before it", (t) => {
  const frames = takeFrames(new Uint8Array(0), hex(`${messages[0]}${"00".repeat(19)}`))
  t.is(frames.messages.length, 1)
  t.deepEqual([frames.fault?.code, frames.fault?.subcode], [1, 1])
  const tooLong = takeFrames(new Uint8Array(0), hex(`${"ff".repeat(16)}ffff04`))
  t.deepEqual([tooLong.fault?.code, tooLong.fault?.subcode], [1, 2])
})

test("RFC 8654 §4: all but OPEN and KEEPALIVE may have up to 65535 octets", (t) => {
  for (const [type, refused] of [
    ["01", true],
    ["02", false],
    ["03", false],
    ["04", true],
    ["05", false],
  ] as const) {
    t.is(takeFrames(new Uint8Array(0), hex(`${"ff".repeat(16)}ffff${type}`)).fault !== undefined, refused, type)
  }
  const update = new Uint8Array(65_535).fill(0xff)
  update[18] = 2
  const frames = takeFrames(update.subarray(0, 30_000), update.subarray(30_000))
  t.deepEqual(
    frames.messages.map(({ length }) => length),
    [65_535],
  )
})
