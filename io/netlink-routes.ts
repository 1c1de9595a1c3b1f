import { addressBytes, addressText } from "./ip-address.ts"
import { family, netlinkFlag, netlinkType, routeAttribute, routeType, ruleAction, ruleAttribute } from "./linux.ts"
import { attributesIn } from "./netlink.ts"

/** Routes and rules of rtnetlink(7): values to bytes and back, no socket. */
export interface NextHop {
  /** Of either family, whatever the route's: IPv4 by an IPv6 neighbour is RTA_VIA. */
  readonly gateway: string
  readonly interfaceIndex: number
}

export interface KernelRoute {
  readonly table: number
  /** Canonical CIDR text. */
  readonly prefix: string
  readonly metric: number
  /** At least one; more are used together. In the kernel's order. */
  readonly nextHops: readonly NextHop[]
}

/** What comes from there looks into this table first. */
export interface KernelRule {
  readonly from: string
  readonly table: number
  readonly priority: number
  /** A route of the table whose prefix is no longer than this does not count: 0 leaves out its default route. */
  readonly suppressPrefixLength?: number
}

const headerLength = 16
/** rtmsg, and fib_rule_hdr. */
const bodyLength = 12
/** rtnexthop. */
const hopLength = 8
const compatibleTable = 256

/** RTM_NEWROUTE that takes the place of what is there, or RTM_DELROUTE; answered only when it fails. Undefined: no prefix, or no address. */
export function routeRequest(
  what: "set" | "remove",
  { table, prefix, metric, nextHops }: KernelRoute,
  protocol: number,
): Uint8Array | undefined {
  const to = prefixBytes(prefix)
  if (to === undefined) return undefined
  const hops = nextHops.map((hop) => hopAttributes(hop, to.family))
  if (hops.some((hop) => hop === undefined) || (what === "set" && hops.length === 0)) return undefined
  const body = Buffer.alloc(bodyLength)
  body.writeUInt8(to.family, 0)
  body.writeUInt8(to.length, 1)
  body.writeUInt8(table < compatibleTable ? table : 0, 4)
  body.writeUInt8(protocol, 5)
  body.writeUInt8(what === "set" ? routeType.unicast : 0, 7)
  const attributes = [
    ...(to.length === 0 ? [] : [attribute(routeAttribute.destination, to.bytes)]),
    attribute(routeAttribute.table, number(table)),
    attribute(routeAttribute.priority, number(metric)),
    ...(what === "remove"
      ? []
      : nextHopAttributes(
          nextHops,
          hops.filter((hop) => hop !== undefined),
        )),
  ]
  const flags = netlinkFlag.create | netlinkFlag.replace
  return what === "set"
    ? message(netlinkType.newRoute, flags, [body, ...attributes])
    : message(netlinkType.delRoute, 0, [body, ...attributes])
}

function nextHopAttributes(nextHops: readonly NextHop[], hops: readonly Buffer[]): readonly Buffer[] {
  const [first] = nextHops
  const [only] = hops
  if (hops.length === 1 && only !== undefined && first !== undefined) {
    return [only, attribute(routeAttribute.outInterface, number(first.interfaceIndex))]
  }
  const entries = hops.map((hop, i) => {
    const head = Buffer.alloc(hopLength)
    head.writeUInt16LE(hopLength + hop.length, 0)
    head.writeInt32LE(nextHops[i]?.interfaceIndex ?? 0, 4)
    return Buffer.concat([head, hop])
  })
  return [attribute(routeAttribute.multipath, Buffer.concat(entries))]
}

function hopAttributes({ gateway }: NextHop, routeFamily: number): Buffer | undefined {
  const bytes = addressBytes(gateway)
  if (bytes === undefined) return undefined
  const hopFamily = bytes.length === 4 ? family.ipv4 : family.ipv6
  if (hopFamily === routeFamily) return attribute(routeAttribute.gateway, bytes)
  const via = Buffer.alloc(2 + bytes.length)
  via.writeUInt16LE(hopFamily, 0)
  via.set(bytes, 2)
  return attribute(routeAttribute.via, via)
}

/** RTM_NEWRULE or RTM_DELRULE. Undefined: no prefix. */
export function ruleRequest(
  what: "set" | "remove",
  { from, table, priority, suppressPrefixLength }: KernelRule,
  protocol: number,
): Uint8Array | undefined {
  const source = prefixBytes(from)
  if (source === undefined) return undefined
  const body = Buffer.alloc(bodyLength)
  body.writeUInt8(source.family, 0)
  body.writeUInt8(source.length, 2)
  body.writeUInt8(table < compatibleTable ? table : 0, 4)
  body.writeUInt8(ruleAction.toTable, 7)
  const parts = [
    body,
    ...(source.length === 0 ? [] : [attribute(ruleAttribute.source, source.bytes)]),
    attribute(ruleAttribute.priority, number(priority)),
    attribute(ruleAttribute.table, number(table)),
    attribute(ruleAttribute.protocol, Uint8Array.of(protocol)),
    ...(suppressPrefixLength === undefined
      ? []
      : [attribute(ruleAttribute.suppressPrefixLength, number(suppressPrefixLength))]),
  ]
  return what === "set"
    ? message(netlinkType.newRule, netlinkFlag.create | netlinkFlag.exclusive, parts)
    : message(netlinkType.delRule, 0, parts)
}

/** All routes of a family by that protocol; kernels before 4.20 send those of others too. */
export function routeDump(of: number, protocol: number): Uint8Array {
  const body = Buffer.alloc(bodyLength)
  body.writeUInt8(of, 0)
  body.writeUInt8(protocol, 5)
  return withFlags(message(netlinkType.getRoute, 0, [body]), netlinkFlag.request | netlinkFlag.dump)
}

export function ruleDump(of: number): Uint8Array {
  const body = Buffer.alloc(bodyLength)
  body.writeUInt8(of, 0)
  return withFlags(message(netlinkType.getRule, 0, [body]), netlinkFlag.request | netlinkFlag.dump)
}

/** How would a packet go there? Undefined: no address. */
export function lookupRequest(address: string, interfaceIndex: number | undefined): Uint8Array | undefined {
  const bytes = addressBytes(address)
  if (bytes === undefined) return undefined
  const body = Buffer.alloc(bodyLength)
  body.writeUInt8(bytes.length === 4 ? family.ipv4 : family.ipv6, 0)
  body.writeUInt8(bytes.length * 8, 1)
  const parts = [body, attribute(routeAttribute.destination, bytes)]
  if (interfaceIndex !== undefined) parts.push(attribute(routeAttribute.outInterface, number(interfaceIndex)))
  return withFlags(message(netlinkType.getRoute, 0, parts), netlinkFlag.request)
}

export interface DecodedRoute extends KernelRoute {
  readonly protocol: number
  readonly type: number
}

/** rtmsg and its attributes. Undefined when it is too short or of another family. A way without a gateway is not in it. */
export function decodeRoute(body: DataView): DecodedRoute | undefined {
  if (body.byteLength < bodyLength) return undefined
  const of = body.getUint8(0)
  if (of !== family.ipv4 && of !== family.ipv6) return undefined
  const attributes = attributesIn(body, bodyLength)
  const prefix = prefixText(of, body.getUint8(1), attributes.get(routeAttribute.destination))
  if (prefix === undefined) return undefined
  const multipath = attributes.get(routeAttribute.multipath)
  const gateway = gatewayIn(attributes)
  const interfaceIndex = numberIn(attributes.get(routeAttribute.outInterface))
  const single = gateway === undefined || interfaceIndex === undefined ? [] : [{ gateway, interfaceIndex }]
  return {
    table: numberIn(attributes.get(routeAttribute.table)) ?? body.getUint8(4),
    prefix,
    metric: numberIn(attributes.get(routeAttribute.priority)) ?? 0,
    nextHops: multipath === undefined ? single : hopsIn(multipath),
    protocol: body.getUint8(5),
    type: body.getUint8(7),
  }
}

/** Out of which interface, also where there is no gateway: the answer to `lookupRequest`. */
export const outInterfaceOf = (body: DataView): number | undefined =>
  body.byteLength < bodyLength ? undefined : numberIn(attributesIn(body, bodyLength).get(routeAttribute.outInterface))

function hopsIn(bytes: Uint8Array): readonly NextHop[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const hops: NextHop[] = []
  for (let at = 0; at + hopLength <= view.byteLength; ) {
    const length = view.getUint16(at, true)
    if (length < hopLength || at + length > view.byteLength) break
    const one = new DataView(view.buffer, view.byteOffset + at, length)
    const gateway = gatewayIn(attributesIn(one, hopLength))
    if (gateway !== undefined) hops.push({ gateway, interfaceIndex: view.getInt32(at + 4, true) })
    at += (length + 3) & ~3
  }
  return hops
}

function gatewayIn(attributes: ReadonlyMap<number, Uint8Array>): string | undefined {
  const plain = attributes.get(routeAttribute.gateway)
  const bytes = plain ?? attributes.get(routeAttribute.via)?.subarray(2)
  return bytes?.length === 4 || bytes?.length === 16 ? addressText(bytes) : undefined
}

/** fib_rule_hdr and its attributes; only rules that look a source address up in a table. */
export function decodeRule(body: DataView): (KernelRule & { readonly protocol: number }) | undefined {
  if (body.byteLength < bodyLength || body.getUint8(7) !== ruleAction.toTable) return undefined
  const attributes = attributesIn(body, bodyLength)
  const from = prefixText(body.getUint8(0), body.getUint8(2), attributes.get(ruleAttribute.source))
  if (from === undefined) return undefined
  const suppress = numberIn(attributes.get(ruleAttribute.suppressPrefixLength))
  return {
    from,
    table: numberIn(attributes.get(ruleAttribute.table)) ?? body.getUint8(4),
    priority: numberIn(attributes.get(ruleAttribute.priority)) ?? 0,
    protocol: attributes.get(ruleAttribute.protocol)?.[0] ?? 0,
    // The kernel's word for none.
    ...(suppress === undefined || suppress === 0xffff_ffff ? {} : { suppressPrefixLength: suppress }),
  }
}

function prefixText(of: number, length: number, bytes: Uint8Array | undefined): string | undefined {
  const octets = of === family.ipv4 ? 4 : of === family.ipv6 ? 16 : 0
  if (octets === 0 || length > octets * 8 || (bytes !== undefined && bytes.length !== octets)) return undefined
  return `${addressText(bytes ?? new Uint8Array(octets))}/${length}`
}

function prefixBytes(text: string): { family: number; length: number; bytes: Uint8Array } | undefined {
  const [address = "", bits = ""] = text.split("/")
  const bytes = addressBytes(address)
  const length = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.POSITIVE_INFINITY
  if (bytes === undefined || length > bytes.length * 8) return undefined
  return { family: bytes.length === 4 ? family.ipv4 : family.ipv6, length, bytes }
}

function attribute(type: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc((4 + payload.length + 3) & ~3)
  bytes.writeUInt16LE(4 + payload.length, 0)
  bytes.writeUInt16LE(type, 2)
  bytes.set(payload, 4)
  return bytes
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value, 0)
  return bytes
}

const numberIn = (bytes: Uint8Array | undefined): number | undefined =>
  bytes?.length === 4 ? Buffer.from(bytes).readUInt32LE(0) : undefined

function message(type: number, flags: number, parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(headerLength), ...parts])
  bytes.writeUInt32LE(bytes.length, 0)
  bytes.writeUInt16LE(type, 4)
  bytes.writeUInt32LE(1, 8)
  return withFlags(bytes, netlinkFlag.request | flags)
}

/** The same with a number of its own, by which an error refers to it. */
export function numbered(request: Uint8Array, number: number): Uint8Array {
  new DataView(request.buffer, request.byteOffset).setUint32(8, number, true)
  return request
}

/** The number of the message that an NLMSG_ERROR is about: its header follows the error. */
export const answeredBy = (body: DataView): number => (body.byteLength < 16 ? 0 : body.getUint32(12, true))

function withFlags(bytes: Buffer, flags: number): Buffer {
  bytes.writeUInt16LE(flags, 6)
  return bytes
}
