import { gunzipSync } from "node:zlib"
import test from "ava"
import { encodeProfile } from "../../cli/daemon/pprof-format.ts"
import { profilingAddress, startProfiling } from "../../cli/daemon/profiling.ts"

interface Field {
  readonly number: number
  readonly value: bigint
  readonly bytes: Buffer
}

/** Protocol Buffers, as far as a profile goes: numbers and what has a length. */
function fieldsOf(bytes: Buffer): readonly Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error("cut off")
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const value = varint()
    if ((tag & 7) === 0) fields.push({ number: tag >> 3, value, bytes: Buffer.alloc(0) })
    else if ((tag & 7) === 2) {
      const end = at + Number(value)
      if (end > bytes.length) throw new Error("cut off")
      fields.push({ number: tag >> 3, value, bytes: bytes.subarray(at, end) })
      at = end
    } else throw new Error(`wire type ${tag & 7}`)
  }
  return fields
}

const all = (fields: readonly Field[], number: number) => fields.filter((field) => field.number === number)
const one = (fields: readonly Field[], number: number) => Number(all(fields, number)[0]?.value ?? 0n)
function packed(bytes: Buffer): number[] {
  // The same numbers, each with a tag of its own.
  const numbers: number[] = []
  let value = 0n
  let shift = 0n
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift
    shift += 7n
    if (byte >= 0x80) continue
    numbers.push(Number(value))
    value = 0n
    shift = 0n
  }
  return numbers
}

/** Function names, the innermost first, with the values; and the types of those. */
function read(bytes: Uint8Array) {
  const profile = fieldsOf(Buffer.from(bytes))
  const strings = all(profile, 6).map((field) => field.bytes.toString())
  const text = (fields: readonly Field[], number: number) => strings[one(fields, number)] ?? "?"
  const functions = new Map(
    all(profile, 5).map((field) => {
      const parts = fieldsOf(field.bytes)
      return [one(parts, 1), `${text(parts, 2)} ${text(parts, 4)}`] as const
    }),
  )
  const locations = new Map(
    all(profile, 4).map((field) => {
      const parts = fieldsOf(field.bytes)
      const line = fieldsOf(all(parts, 4)[0]?.bytes ?? Buffer.alloc(0))
      return [one(parts, 1), `${functions.get(one(line, 1))}:${one(line, 2)}`] as const
    }),
  )
  const samples = all(profile, 2).map((field) => {
    const parts = fieldsOf(field.bytes)
    const stack = packed(all(parts, 1)[0]?.bytes ?? Buffer.alloc(0)).map((id) => locations.get(id) ?? "?")
    return { stack, values: packed(all(parts, 2)[0]?.bytes ?? Buffer.alloc(0)) }
  })
  const types = all(profile, 1).map((field) => {
    const parts = fieldsOf(field.bytes)
    return `${text(parts, 1)} ${text(parts, 2)}`
  })
  return { samples, types, first: strings[0], period: one(profile, 12), durationNs: one(profile, 10) }
}

test("a profile in pprof's format: strings, functions and locations once each", (t) => {
  const outer = { function: "outer", file: "a.ts", line: 3 }
  const bytes = encodeProfile({
    valueTypes: [
      ["samples", "count"],
      ["cpu", "nanoseconds"],
    ],
    samples: [
      { frames: [{ function: "inner", file: "a.ts", line: 300 }, outer], values: [2, 20_000_000] },
      { frames: [outer], values: [1, 10_000_000] },
    ],
    periodType: ["cpu", "nanoseconds"],
    period: 10_000_000,
    startNs: 1_784_214_000_000_000_000n,
    durationNs: 5_000_000_000n,
  })
  t.deepEqual(read(bytes), {
    samples: [
      { stack: ["inner a.ts:300", "outer a.ts:3"], values: [2, 20_000_000] },
      { stack: ["outer a.ts:3"], values: [1, 10_000_000] },
    ],
    types: ["samples count", "cpu nanoseconds"],
    first: "",
    period: 10_000_000,
    durationNs: 5_000_000_000,
  })
  t.is(all(fieldsOf(Buffer.from(bytes)), 4).length, 2)
})

for (const [text, want] of [
  [":6060", { host: "0.0.0.0", port: 6060 }],
  ["127.0.0.1:6060", { host: "127.0.0.1", port: 6060 }],
  ["[::1]:0", { host: "::1", port: 0 }],
  ["6060", 'pprof-bind-address: "6060" is no host:port'],
  [":65536", 'pprof-bind-address: ":65536" is no host:port'],
] as const)
  test(`pprof-bind-address ${text}`, (t) => {
    const at = profilingAddress(text)
    t.deepEqual((at.ok ? at.value : at.error) as unknown, want)
  })

function spinForTheProfile(untilMs: number): number {
  let sum = 0
  while (performance.now() < untilMs) for (let i = 0; i < 1000; i++) sum += Math.sqrt(i)
  return sum
}

const kept: string[][] = []
const keepForTheProfile = () => void kept.push(Array.from({ length: 100_000 }, (_, i) => `text ${i}`))

test.serial("where this process spends its time, and what it keeps", async (t) => {
  const { handler, stop } = await startProfiling()
  t.teardown(stop)
  const ask = async (path: string, query = "") => {
    const answer = await handler({
      method: "GET",
      path,
      query: new URLSearchParams(query),
      local: true,
      header: () => "",
      body: "",
    })
    if (answer === undefined) throw new Error("no answer")
    return answer
  }
  const profile = ask("/debug/pprof/profile", "seconds=1.5")
  t.like(await ask("/debug/pprof/profile"), { status: 500 }, "one at a time")
  const beginMs = performance.now()
  while (performance.now() < beginMs + 1000) {
    spinForTheProfile(performance.now() + 100)
    await new Promise(setImmediate)
  }
  const { samples, types, durationNs } = read(gunzipSync((await profile).bytes ?? ""))
  t.deepEqual(types, ["samples count", "cpu nanoseconds"])
  t.is(durationNs, 1_500_000_000)
  const spinning = samples.filter(({ stack }) => stack.some((frame) => frame.startsWith("spinForTheProfile ")))
  t.true(spinning.length > 0)
  t.regex(spinning[0]?.stack.find((frame) => frame.startsWith("spin")) ?? "", /profiling\.test\.ts:\d+$/)
  const nanoseconds = spinning.reduce((sum, { values }) => sum + (values[1] ?? 0), 0)
  t.true(nanoseconds > 200e6 && nanoseconds < 1.6e9, `${nanoseconds / 1e6} ms`)
  t.false(samples.some(({ stack }) => stack[0]?.startsWith("(idle)")))

  for (let i = 0; i < 40; i++) keepForTheProfile()
  const heap = read(gunzipSync((await ask("/debug/pprof/heap")).bytes ?? ""))
  t.deepEqual(heap.types, ["inuse_space bytes"])
  const bytes = heap.samples
    .filter(({ stack }) => stack.some((frame) => frame.startsWith("keepForTheProfile ")))
    .reduce((sum, { values }) => sum + (values[0] ?? 0), 0)
  t.true(bytes > 10e6, `${bytes} bytes of ${kept.length} lists`)
  for (const query of ["seconds=0", "seconds=x", "seconds=301"])
    t.like(await ask("/debug/pprof/profile", query), { status: 400 })
  t.is((await ask("/debug/pprof/")).status, 200)
})
