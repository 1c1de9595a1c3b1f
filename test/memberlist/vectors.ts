import { readFileSync } from "node:fs"
import type { PacketMessage, PushPullNode, StreamMessage } from "../../protocols/memberlist/message.ts"

/**
 * What a real memberlist 0.5.1 wrote, read and decided: `test/recordings/memberlist-vectors.json`. Byte strings are
 * hex there, nil is null.
 */
export interface Vectors {
  golden: {
    messages: { id: string; hex: string; fields: Fields }[]
    streams: { id: string; hex: string; fields: Fields }[]
    compound: { id: string; hex: string; fields: { parts: { hex: string; decoded: Fields }[]; truncated: number } }[]
    lzw: {
      id: string
      plain?: string
      plainLen: number
      plainSha256?: string
      lzw?: string
      lzwLen: number
      lzwSha256?: string
    }[]
    compressMessages: { id: string; hex: string; plain: string; smaller: boolean }[]
    crc: { id: string; hex?: string; inner: string; crc32: string }[]
    label: { id: string; hex: string; inner?: string; label?: string; error?: string }[]
    encryption: {
      id: string
      aad: string
      key: string
      nonce: string
      plain: string
      out: string
      frame?: string
      version: 0 | 1
    }[]
    formulas: {
      suspicionTimeout: {
        mult: number
        n: number
        probeIntervalMs: number
        minMs: number
        maxMs: number
        profile: string
      }[]
      remainingSuspicion: {
        confirmations: number
        elapsedMs: number
        k: number
        maxMs: number
        minMs: number
        remainingMs: number
      }[]
      retransmitLimit: { limit: number; mult: number; n: number }[]
      pushPullScale: { intervalMs: number; n: number; scaledMs: number }[]
    }
    metallbKeys: {
      secretHex: string
      "keyAes256_v0.14_and_later": string
      "keyAes128_v0.13_and_earlier": string
    }[]
  }
  stateMachine: {
    transitions: Transition[]
    protocolCheck: { id: string; ok: boolean; remote: Fields }[]
  }
  decoderLeniency: { id: string; body: string; accepted: boolean; fields?: Fields }[]
  captured: { scenarios: Scenario[]; errors: { cases: { serverKey: string; streams: CapturedStream[] }[] } }
}
export interface Transition {
  id: string
  message: Fields & { pushPullEntry?: Fields }
  before: Entry | null
  after?: Entry | null
  broadcasts?: Fields[]
  events?: string[]
  healthScoreAfter?: number
  confirmationsAfter?: number
  crash?: string
}
export interface Entry {
  addr: string
  port: number
  meta: string | null
  vsn: string
  incarnation: number
  state: "alive" | "suspect" | "dead" | "left"
  suspicionTimer: boolean
}
interface Scenario {
  id: string
  key: string | null
  label: string
  packets: { hex: string; decoded: { message: Decoded } }[]
  streams: CapturedStream[]
}
interface CapturedStream {
  clientToServer: string
  serverToClient: string
  clientToServerDecoded?: { message?: Decoded }
  serverToClientDecoded?: { message?: Decoded }
}
/** A message with its wrappings inside one another, as the recording names them. */
interface Decoded {
  name: string
  decoded?: Decoded
  parts?: { decoded: Decoded }[]
  [key: string]: unknown
}
export type Fields = Record<string, unknown>

export const vectors = JSON.parse(
  readFileSync(new URL("../recordings/memberlist-vectors.json", import.meta.url), "utf8"),
) as Vectors

export const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"))
export const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex")

const kinds: Record<string, string> = {
  ping: "ping",
  indirectPing: "indirect-ping",
  ackResp: "ack",
  nackResp: "nack",
  suspect: "suspect",
  dead: "dead",
  alive: "alive",
  err: "error",
}
const rawFields = new Set(["Addr", "Target", "SourceAddr", "Payload", "Meta", "Vsn"])

/** `{ SeqNo: 1, Payload: null }` → `{ seqNo: 1, payload: undefined }`. */
export function body(fields: Fields): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (name === "name" || name === "type") continue
    const key = name.charAt(0).toLowerCase() + name.slice(1)
    result[key] = !rawFields.has(name) ? value : value === null ? undefined : bytes(value as string)
  }
  return result
}

export function message(fields: Fields): PacketMessage & StreamMessage {
  const name = fields["name"] as string
  if (name.startsWith("user")) {
    return { kind: "user", payload: bytes(fields["payload"] as string) }
  }
  if (name === "pushPull") {
    const header = fields["header"] as { Join: boolean }
    const nodes = (fields["nodes"] as Fields[]).map((node) => body(node) as unknown as PushPullNode)
    const userState = bytes((fields["userState"] as string | undefined) ?? "")
    return { kind: "push-pull", join: header.Join, nodes, userState } as unknown as PacketMessage & StreamMessage
  }
  return { kind: kinds[name], ...body(fields) } as unknown as PacketMessage & StreamMessage
}

/** The messages inside, unwrapped from compression, checksum and compounds. */
export function leaves(decoded: Decoded): (PacketMessage & StreamMessage)[] {
  if (decoded.name === "compound") return (decoded.parts ?? []).flatMap((part) => leaves(part.decoded))
  if (decoded.name === "hasCrc" || decoded.name === "compress") return decoded.decoded ? leaves(decoded.decoded) : []
  return [message(decoded)]
}
