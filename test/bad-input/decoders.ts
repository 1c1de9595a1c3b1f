import { respond as respondToArp } from "../../protocols/arp/respond.ts"
import { arpRequestFrame, decodeArpClaim } from "../../protocols/arp/claim.ts"
import { gratuitousFrames } from "../../protocols/arp/gratuitous.ts"
import { decodeFrame } from "../../protocols/ethernet/frame.ts"
import { isGroupMac, sameBytes } from "../../protocols/ethernet/mac.ts"
import type { Ip } from "../../protocols/ip.ts"
import { encrypt } from "../../protocols/memberlist/encryption.ts"
import { lzwDecompress } from "../../protocols/memberlist/lzw.ts"
import { encodeMessage, type PacketMessage } from "../../protocols/memberlist/message.ts"
import { decodePacket, encodePacket } from "../../protocols/memberlist/packet.ts"
import { encodeStream, StreamDecoder } from "../../protocols/memberlist/stream.ts"
import { encodeCompound, encodeCompressed } from "../../protocols/memberlist/wrapping.ts"
import { unsolicitedFrame } from "../../protocols/ndp/advertisement.ts"
import { decodeAdvertisementClaim, solicitationFrame } from "../../protocols/ndp/claim.ts"
import { respond as respondToNdp } from "../../protocols/ndp/respond.ts"
import { decodeMark, encodeMark } from "../../cluster/speaker-mark.ts"
import { ip } from "../announcer/facts.ts"
import type { Mutator } from "./mutator.ts"

/** One decoder under fire: what it is given to begin with, and what must hold of what it makes of anything. */
export interface Target {
  readonly name: string
  /** Good inputs, to be spoiled. */
  readonly good: readonly Uint8Array[]
  readonly longest: number
  /** A sentence when something is wrong with the outcome; an exception is wrong in any case. */
  try(bytes: Uint8Array): string | undefined
}

const ours = Uint8Array.of(2, 0, 0, 0, 0, 1)
const asker = Uint8Array.of(2, 0, 0, 0, 0, 2)
const [vip, vip6] = [ip("192.0.2.10"), ip("2001:db8::10")]
const answers = new Map<Ip, "here" | "elsewhere">([
  [vip, "here"],
  [vip6, "here"],
  [ip("192.0.2.11"), "elsewhere"],
])
const ask = { mac: asker, senderIp: ip("192.0.2.1"), target: vip }
const ask6 = { mac: asker, senderIp: ip("fe80::2"), target: vip6 }

/** Nothing of a reply may go to all, come from another than us, or be about another address than the one asked for. */
function judged(
  verdict: ReturnType<typeof respondToArp | typeof respondToNdp>,
  request: Uint8Array,
): string | undefined {
  if (verdict.decision === "drop") return undefined
  const { target, frame, senderMac } = verdict
  if (answers.get(target) !== "here") return `a reply for ${target}`
  const [asked, reply] = [decodeFrame(request), decodeFrame(frame)]
  if (!asked.ok || !reply.ok) return "a reply to what is no frame"
  if (!sameBytes(reply.value.source, ours)) return "a reply in another's name"
  if (sameBytes(senderMac, ours) || isGroupMac(senderMac)) return "a reply to ourselves, or to all"
  return undefined
}

const key = new Uint8Array(32).fill(7)
const nonce = new Uint8Array(12).fill(1)
const alive: PacketMessage = {
  kind: "alive",
  incarnation: 3,
  node: "charlie",
  addr: Uint8Array.of(10, 0, 0, 3),
  port: 7946,
  meta: encodeMark({ version: 2, macs: ["02:00:00:00:00:03"] }),
  vsn: Uint8Array.of(1, 5, 2, 0, 0, 0),
}
const messages: readonly Uint8Array[] = [
  encodeMessage(alive),
  encodeMessage({ kind: "suspect", incarnation: 3, node: "charlie", from: "bravo" }),
  encodeMessage({ kind: "ack", seqNo: 9, payload: new Uint8Array() }),
]
const compound = encodeCompound(messages)
const label = new Uint8Array()
const plain = { label, compress: false, checksum: true }
const security = { keys: [], label, acceptPlain: true }
const sealed = { keys: [key], label, acceptPlain: false }
const nodes = [
  {
    name: "charlie",
    addr: Uint8Array.of(10, 0, 0, 3),
    port: 7946,
    meta: undefined,
    incarnation: 3,
    state: 0,
    vsn: Uint8Array.of(1, 5, 2, 0, 0, 0),
  },
]
const stream = encodeStream(
  { kind: "push-pull", join: true, nodes, userState: new Uint8Array() },
  { direction: "request", label, compress: true },
)

export const targets: readonly Target[] = [
  {
    name: "ARP requests",
    good: [
      arpRequestFrame({ ...ask, to: undefined }),
      arpRequestFrame({ ...ask, to: ours }),
      ...gratuitousFrames(asker, vip),
    ],
    longest: 120,
    try: (bytes) => judged(respondToArp(bytes, ours, answers), bytes),
  },
  {
    name: "ARP claims",
    good: gratuitousFrames(asker, vip),
    longest: 120,
    try: (bytes) => shaped(decodeArpClaim(bytes)),
  },
  {
    name: "neighbour solicitations",
    good: [solicitationFrame({ ...ask6, to: undefined }), solicitationFrame({ ...ask6, to: ours })],
    longest: 160,
    try: (bytes) => judged(respondToNdp(bytes, ours, answers), bytes),
  },
  {
    name: "neighbour advertisements",
    good: [unsolicitedFrame(asker, vip6)],
    longest: 160,
    try: (bytes) => shaped(decodeAdvertisementClaim(bytes)),
  },
  {
    name: "gossip packets",
    good: [compound, encodeCompressed(compound), ...messages, encodePacket(compound, plain)],
    longest: 400,
    try: (bytes) => shaped(decodePacket(bytes, security)),
  },
  {
    name: "gossip packets with a key",
    good: [encodePacket(compound, { ...plain, sealing: { key, nonce } })],
    longest: 400,
    try(bytes) {
      const decoded = decodePacket(bytes, sealed)
      return decoded.ok && !isGenuine(bytes) ? "a forged packet was taken" : undefined
    },
  },
  {
    name: "gossip packets from a ring that has the key",
    good: [compound, encodeCompressed(compound), ...messages],
    longest: 400,
    try: (bytes) => shaped(decodePacket(encrypt(bytes, { key, nonce }, label), sealed)),
  },
  { name: "gossip streams", good: [stream], longest: 500, try: streamed },
  {
    name: "LZW",
    good: [encodeCompressed(compound).subarray(4)],
    longest: 600,
    try: (bytes) => shaped(lzwDecompress(bytes, 40_000)),
  },
  {
    name: "speaker marks",
    good: [
      encodeMark({ version: 1, macs: ["02:00:00:00:00:03"] }),
      encodeMark({ version: 2, macs: ["02:00:00:00:00:03"], drained: true }),
    ],
    longest: 512,
    try(bytes) {
      const mark = decodeMark(bytes)
      return mark !== undefined && mark.macs.length > 84 ? "more MACs than fit" : undefined
    },
  },
]

const genuine = encodePacket(compound, { ...plain, sealing: { key, nonce } })
const isGenuine = (bytes: Uint8Array): boolean => bytes.length === genuine.length && sameBytes(bytes, genuine)

function shaped(result: { readonly ok: boolean; readonly error?: unknown }): string | undefined {
  return result.ok || result.error !== undefined ? undefined : "neither a value nor a reason"
}

/** In pieces, as TCP brings it. */
function streamed(bytes: Uint8Array): string | undefined {
  const decoder = new StreamDecoder(security, "request")
  for (let at = 0; at < bytes.length; at += 300) {
    const result = decoder.push(bytes.subarray(at, at + 300))
    if (result) return shaped(result)
  }
  return undefined
}

/** The first thing that went wrong, with the bytes. */
export function fire(target: Target, mutator: Mutator, count: number): string | undefined {
  for (let i = 0; i < count; i++) {
    const bytes = mutator.next(target.good, target.longest)
    try {
      const wrong = target.try(bytes)
      if (wrong !== undefined) return `${target.name}: ${wrong}: ${hex(bytes)}`
    } catch (error) {
      return `${target.name}: ${error instanceof Error ? error.stack : String(error)}: ${hex(bytes)}`
    }
  }
  return undefined
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
