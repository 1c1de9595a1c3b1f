import { err, ok, type Result } from "../result.ts"
import { type MsgpackError, Reader } from "./msgpack.ts"
import { Writer } from "./msgpack-writer.ts"
import { limits, messageType } from "./numbers.ts"
import { type Body, bool, count, optional, raw, type Struct, struct, text, u16, u32 } from "./struct.ts"

const someRaw = optional(raw, (value) => value === undefined || value.length === 0)
const someText = optional(text, (value) => value === "")
const someU16 = optional(u16, (value) => value === 0)

const pingFields = { SeqNo: u32, Node: text, SourceAddr: someRaw, SourcePort: someU16, SourceNode: someText }
const indirectPingFields = {
  SeqNo: u32,
  Target: raw,
  Port: u16,
  Node: text,
  Nack: bool,
  SourceAddr: someRaw,
  SourcePort: someU16,
  SourceNode: someText,
}
const ackFields = { SeqNo: u32, Payload: raw }
const nackFields = { SeqNo: u32 }
const accusationFields = { Incarnation: u32, Node: text, From: text }
const aliveFields = { Incarnation: u32, Node: text, Addr: raw, Port: u16, Meta: raw, Vsn: raw }
const errorFields = { Error: text }
const pushPullHeaderFields = { Nodes: count, UserStateLen: count, Join: bool }
const pushPullNodeFields = {
  Name: text,
  Addr: raw,
  Port: u16,
  Meta: raw,
  Incarnation: u32,
  State: count,
  Vsn: raw,
}
const userHeaderFields = { UserMsgLen: count }

/** Are you there? An empty `node` asks whoever has the address. The answer goes to the source given, if any. */
export type Ping = { readonly kind: "ping" } & Body<typeof pingFields>
/** Ask the target on my behalf. `target` is 4 or 16 bytes. */
export type IndirectPing = { readonly kind: "indirect-ping" } & Body<typeof indirectPingFields>
export type Ack = { readonly kind: "ack" } & Body<typeof ackFields>
/** From a relay: I am here and asked, but heard nothing. */
export type Nack = { readonly kind: "nack" } & Body<typeof nackFields>
export type Suspect = { readonly kind: "suspect" } & Body<typeof accusationFields>
/** Where `from` is the node itself, it says good-bye. */
export type Dead = { readonly kind: "dead" } & Body<typeof accusationFields>
/** `addr` is 4 or 16 bytes and is passed on as received: other bytes for the same address are another address. */
export type Alive = { readonly kind: "alive" } & Body<typeof aliveFields>
export type User = { readonly kind: "user"; readonly payload: Uint8Array }
export type StreamError = { readonly kind: "error" } & Body<typeof errorFields>
/** One node of a push/pull. `state`: see `nodeState`. */
export type PushPullNode = Body<typeof pushPullNodeFields>
export interface PushPull {
  readonly kind: "push-pull"
  readonly join: boolean
  readonly nodes: readonly PushPullNode[]
  readonly userState: Uint8Array
}

/** What a packet carries, apart from its wrappings. */
export type PacketMessage = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | User
/** What a stream carries. */
export type StreamMessage = Ping | Ack | StreamError | PushPull | User

export type MessageError =
  | MsgpackError
  | { readonly kind: "empty" }
  | { readonly kind: "unexpected-type"; readonly type: number }
  | { readonly kind: "too-many-nodes"; readonly got: number }
  | { readonly kind: "too-long"; readonly got: number; readonly limit: number }

type StructMessage = Exclude<PacketMessage | StreamMessage, User | PushPull>
/** A new message is a new row. */
const rows: { readonly [K in StructMessage["kind"]]: Row<Extract<StructMessage, { kind: K }>> } = {
  ping: row(messageType.ping, struct("ping", pingFields)),
  "indirect-ping": row(messageType.indirectPing, struct("indirect ping", indirectPingFields)),
  ack: row(messageType.ack, struct("ack", ackFields)),
  nack: row(messageType.nack, struct("nack", nackFields)),
  suspect: row(messageType.suspect, struct("suspect", accusationFields)),
  dead: row(messageType.dead, struct("dead", accusationFields)),
  alive: row(messageType.alive, struct("alive", aliveFields)),
  error: row(messageType.error, struct("error", errorFields)),
}
const pushPullHeader = struct("push/pull header", pushPullHeaderFields)
const pushPullNode = struct("push/pull node", pushPullNodeFields)
const userHeader = struct("user header", userHeaderFields)

interface Row<M> {
  readonly type: number
  readonly body: Struct<Omit<M, "kind">>
}
function row<M>(type: number, body: Struct<Omit<M, "kind">>): Row<M> {
  return { type, body }
}

const packetKinds = new Map<number, Exclude<StructMessage["kind"], "error">>([
  [messageType.ping, "ping"],
  [messageType.indirectPing, "indirect-ping"],
  [messageType.ack, "ack"],
  [messageType.nack, "nack"],
  [messageType.suspect, "suspect"],
  [messageType.dead, "dead"],
  [messageType.alive, "alive"],
])

/** Type byte and body, without any wrapping. */
export function encodeMessage(message: PacketMessage): Uint8Array {
  const writer = new Writer()
  if (message.kind === "user") {
    writer.byte(messageType.user)
    writer.bytes(message.payload)
  } else writeStruct(writer, message)
  return writer.done()
}

/** Total. Bytes after the body are ignored, as Go ignores them. */
export function decodeMessage(bytes: Uint8Array): Result<PacketMessage, MessageError> {
  const type = bytes[0]
  if (type === undefined) return err({ kind: "empty" })
  if (type === messageType.user) return ok({ kind: "user", payload: new Reader(bytes, 1).rest() })
  const kind = packetKinds.get(type)
  if (kind === undefined) return err({ kind: "unexpected-type", type })
  const reader = new Reader(bytes, 1)
  const body = rows[kind].body.read(reader)
  return reader.fault ? err(reader.fault) : ok({ kind, ...body } as PacketMessage)
}

/** Type byte, body and whatever follows it, before compression and encryption. */
export function encodeStreamMessage(message: StreamMessage): Uint8Array {
  const writer = new Writer()
  if (message.kind === "push-pull") {
    writer.byte(messageType.pushPull)
    const { join, nodes, userState } = message
    pushPullHeader.write(writer, { join, nodes: nodes.length, userStateLen: userState.length })
    for (const node of nodes) pushPullNode.write(writer, node)
    writer.bytes(userState)
  } else if (message.kind === "user") {
    writer.byte(messageType.user)
    userHeader.write(writer, { userMsgLen: message.payload.length })
    writer.bytes(message.payload)
  } else writeStruct(writer, message)
  return writer.done()
}

/** Where a push/pull ran out of bytes, so that a long one is not read from its beginning with every chunk. */
export interface PushPullProgress {
  header?: Body<typeof pushPullHeaderFields> | undefined
  readonly nodes: PushPullNode[]
  offset: number
}
export const noProgress = (): PushPullProgress => ({ nodes: [], offset: 1 })

/** Total. `truncated` means that more bytes may make it whole: call again with those added, and the same progress. */
export function decodeStreamMessage(
  bytes: Uint8Array,
  progress: PushPullProgress = noProgress(),
): Result<StreamMessage, MessageError> {
  const type = bytes[0]
  const reader = new Reader(bytes, 1)
  switch (type) {
    case undefined:
      return err({ kind: "empty" })
    case messageType.ping:
      return whole(reader, { kind: "ping", ...rows.ping.body.read(reader) })
    case messageType.ack:
      return whole(reader, { kind: "ack", ...rows.ack.body.read(reader) })
    case messageType.error:
      return whole(reader, { kind: "error", ...rows.error.body.read(reader) })
    case messageType.pushPull:
      return readPushPull(bytes, progress)
    case messageType.user: {
      const { userMsgLen } = userHeader.read(reader)
      if (userMsgLen > limits.streamBytes) return err(tooLong(userMsgLen))
      return whole(reader, { kind: "user", payload: reader.take(userMsgLen) })
    }
    default:
      return err({ kind: "unexpected-type", type })
  }
}

function readPushPull(bytes: Uint8Array, progress: PushPullProgress): Result<StreamMessage, MessageError> {
  const reader = new Reader(bytes, progress.offset)
  const header = (progress.header ??= kept(reader, progress, pushPullHeader.read(reader)))
  if (!header) return err(reader.fault ?? { kind: "empty" })
  if (header.nodes > limits.pushPullNodes) return err({ kind: "too-many-nodes", got: header.nodes })
  if (header.userStateLen > limits.streamBytes) return err(tooLong(header.userStateLen))
  const { nodes } = progress
  while (nodes.length < header.nodes) {
    const node = kept(reader, progress, pushPullNode.read(reader))
    if (!node) return err(reader.fault ?? { kind: "empty" })
    nodes.push(node)
  }
  return whole(reader, { kind: "push-pull", join: header.join, nodes, userState: reader.take(header.userStateLen) })
}

/** The value, and the progress as far as it, unless the bytes ran out in the middle of it. */
function kept<T>(reader: Reader, progress: PushPullProgress, value: T): T | undefined {
  if (reader.fault) return undefined
  progress.offset = reader.offset
  return value
}

const tooLong = (got: number): MessageError => ({ kind: "too-long", got, limit: limits.streamBytes })

function whole(reader: Reader, message: StreamMessage): Result<StreamMessage, MessageError> {
  return reader.fault ? err(reader.fault) : ok(message)
}

function writeStruct(writer: Writer, message: StructMessage): void {
  const { type, body } = rows[message.kind] as Row<StructMessage>
  writer.byte(type)
  body.write(writer, message)
}
