import test from "ava"
import { decodePacket } from "../../protocols/memberlist/packet.ts"
import { answerTo, encodeStream, type StreamDirection, StreamDecoder } from "../../protocols/memberlist/stream.ts"
import { bytes, leaves, vectors } from "./vectors.ts"

/** Feeds a stream in chunks of one size. */
function readStream(
  wire: Uint8Array,
  keys: Uint8Array[],
  label: Uint8Array,
  direction: StreamDirection,
  chunk: number,
) {
  const decoder = new StreamDecoder({ keys, label }, direction)
  for (let at = 0; at < wire.length; at += chunk) {
    const result = decoder.push(wire.slice(at, at + chunk))
    if (result) return result
  }
  return undefined
}

for (const { id, key, label, packets, streams } of vectors.captured.scenarios) {
  const keys = key === null ? [] : [bytes(key)]
  const labelBytes = Uint8Array.from(Buffer.from(label))

  test(`captured ${id}: every packet`, (t) => {
    t.true(packets.length > 0)
    for (const { hex: wire, decoded } of packets) {
      const packet = decodePacket(bytes(wire), { keys, label: labelBytes })
      t.deepEqual(packet, { ok: true, value: { messages: leaves(decoded.message), faults: [] } })
    }
  })

  test(`captured ${id}: every stream, in chunks of 1, 7 and all bytes`, (t) => {
    t.true(streams.length > 0)
    for (const stream of streams) {
      const directions = [
        ["request", stream.clientToServer, stream.clientToServerDecoded],
        ["reply", stream.serverToClient, stream.serverToClientDecoded],
      ] as const
      for (const [direction, wire, decoded] of directions) {
        if (wire === "" || !decoded?.message) continue
        for (const chunk of [1, 7, wire.length])
          t.deepEqual(readStream(bytes(wire), keys, labelBytes, direction, chunk), {
            ok: true,
            value: leaves(decoded.message)[0],
          } as ReturnType<typeof readStream>)
      }
    }
  })
}

test("an encrypted stream is refused where there is no key, a plain one where there is, with words", (t) => {
  const [plainToEncrypted, encryptedToPlain, wrongKey] = vectors.captured.errors.cases
  const first = (wire: string | undefined, keys: Uint8Array[]) =>
    readStream(bytes(wire ?? ""), keys, new Uint8Array(), "request", 4096)
  const key = bytes(wrongKey?.serverKey ?? "")
  const outcomes = [
    [first(plainToEncrypted?.streams[0]?.clientToServer, [key]), "not-encrypted"],
    [first(encryptedToPlain?.streams[0]?.clientToServer, []), "encrypted-unexpectedly"],
    [first(wrongKey?.streams[0]?.clientToServer, [key]), "no-key-fits"],
  ] as const
  for (const [outcome, kind] of outcomes) {
    t.is(outcome?.ok === false ? outcome.error.kind : "accepted", kind)
    if (outcome?.ok === false) t.is(typeof answerTo(outcome.error), "string")
  }
})

test("a label is expected of the side that opened the stream alone", (t) => {
  const label = Buffer.from("blue")
  const key = new Uint8Array(16)
  for (const sealing of [undefined, { key, nonce: new Uint8Array(12) }]) {
    for (const direction of ["request", "reply"] as const) {
      const message = { kind: "error", error: "no" } as const
      const wire = encodeStream(message, { direction, label, compress: true, ...(sealing ? { sealing } : {}) })
      const keys = sealing ? [key] : []
      t.deepEqual(readStream(wire, keys, label, direction, 1), { ok: true, value: message })
      const stranger = readStream(wire, keys, Buffer.from("green"), direction, 4096)
      if (direction === "request") t.deepEqual(stranger, { ok: false, error: { kind: "wrong-label" } })
      else t.is(stranger?.ok, !sealing)
    }
  }
})

test("a frame above 20 MiB is refused before it arrives", (t) => {
  const decoder = new StreamDecoder({ keys: [new Uint8Array(16)], label: new Uint8Array() }, "request")
  const result = decoder.push(bytes("0a01400001"))
  t.is(result?.ok === false ? result.error.kind : "", "too-long")
})
