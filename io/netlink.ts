import { stringifyIp } from "ip-bigint"
import { addressAttribute, addressFlag, linkAttribute, linkFlag, netlinkFlag, netlinkType } from "./linux.ts"

/** rtnetlink messages, RFC 3549 §3: bytes to values and back, no socket. All numbers are in host order. */
export interface NetlinkMessage {
  readonly type: number
  readonly flags: number
  /** The family's own structure and attributes; a view. */
  readonly body: DataView
}

const headerLength = 16
const linkLength = 16
const addressLength = 8
const aligned = (length: number): number => (length + 3) & ~3

/** RTM_GETLINK or RTM_GETADDR for everything. The body is the same zeros for all families. */
export function dumpRequest(type: typeof netlinkType.getLink | typeof netlinkType.getAddress): Uint8Array {
  const length = headerLength + (type === netlinkType.getLink ? linkLength : addressLength)
  const bytes = Buffer.alloc(length)
  bytes.writeUInt32LE(length, 0)
  bytes.writeUInt16LE(type, 4)
  bytes.writeUInt16LE(netlinkFlag.request | netlinkFlag.dump, 6)
  bytes.writeUInt32LE(1, 8)
  return bytes
}

/** The messages of one datagram; ends at the first whose length cannot be. */
export function messagesIn(datagram: Uint8Array): NetlinkMessage[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  const messages: NetlinkMessage[] = []
  for (let at = 0; at + headerLength <= view.byteLength; ) {
    const length = view.getUint32(at, true)
    if (length < headerLength || at + length > view.byteLength) break
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      body: new DataView(view.buffer, view.byteOffset + at + headerLength, length - headerLength),
    })
    at += aligned(length)
  }
  return messages
}

/** NLMSG_ERROR carries a negated errno. */
export const errorIn = (body: DataView): number => (body.byteLength < 4 ? 0 : body.getInt32(0, true))

export interface Link {
  readonly index: number
  readonly name: string
  readonly mac: Uint8Array
  readonly up: boolean
  readonly broadcast: boolean
  readonly noArp: boolean
  readonly loopback: boolean
  readonly hasMaster: boolean
}

/** ifinfomsg and its attributes. Undefined when it is too short or has no name. */
export function decodeLink(body: DataView): Link | undefined {
  if (body.byteLength < linkLength) return undefined
  const attributes = attributesIn(body, linkLength)
  const name = attributes.get(linkAttribute.name)
  if (name === undefined) return undefined
  const flags = body.getUint32(8, true)
  const mac = attributes.get(linkAttribute.address)
  return {
    index: body.getInt32(4, true),
    name: Buffer.from(name).toString("utf8").replace(/\0.*$/s, ""),
    mac: mac?.length === 6 ? mac.slice() : new Uint8Array(0),
    up: (flags & linkFlag.up) !== 0 && (flags & linkFlag.lowerUp) !== 0,
    broadcast: (flags & linkFlag.broadcast) !== 0,
    noArp: (flags & linkFlag.noArp) !== 0,
    loopback: (flags & linkFlag.loopback) !== 0,
    hasMaster: attributes.has(linkAttribute.master),
  }
}

/** The index in a DELLINK. Not of family AF_UNSPEC, it tells that a port left its bridge, and the interface lives on. */
export function deletedLink(body: DataView): number | undefined {
  return body.byteLength < linkLength || body.getUint8(0) !== 0 ? undefined : body.getInt32(4, true)
}

export interface LinkAddress {
  readonly index: number
  readonly address: string
  readonly prefixLength: number
  /** Duplicate address detection is not over, or found a duplicate: not to be used. */
  readonly tentative: boolean
}

/** ifaddrmsg and its attributes. On a point-to-point link IFA_ADDRESS is the peer, IFA_LOCAL is ours. */
export function decodeAddress(body: DataView): LinkAddress | undefined {
  if (body.byteLength < addressLength) return undefined
  const attributes = attributesIn(body, addressLength)
  const address = textOf(attributes.get(addressAttribute.local) ?? attributes.get(addressAttribute.address))
  if (address === undefined) return undefined
  const wide = attributes.get(addressAttribute.flags)
  const flags = wide?.length === 4 ? Buffer.from(wide).readUInt32LE(0) : body.getUint8(2)
  return {
    index: body.getUint32(4, true),
    address,
    prefixLength: body.getUint8(1),
    tentative: (flags & (addressFlag.tentative | addressFlag.dadFailed)) !== 0,
  }
}

/** rtattr: length with header, type, payload, padded to four bytes. The payloads are views. */
export function attributesIn(body: DataView, from: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>()
  for (let at = from; at + 4 <= body.byteLength; ) {
    const length = body.getUint16(at, true)
    if (length < 4 || at + length > body.byteLength) break
    found.set(body.getUint16(at + 2, true) & 0x3fff, new Uint8Array(body.buffer, body.byteOffset + at + 4, length - 4))
    at += aligned(length)
  }
  return found
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes?.length === 4) return bytes.join(".")
  if (bytes?.length !== 16) return undefined
  return stringifyIp({ number: BigInt(`0x${Buffer.from(bytes).toString("hex")}`), version: 6 })
}
