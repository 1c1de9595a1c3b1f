import { err, ok, type Result } from "../result.ts"
import { type AttributeContext } from "./attributes.ts"
import { errorCode, headerSubcode, messageType } from "./iana.ts"
import { type Fault, fault, type Notification } from "./notification.ts"
import { decodeOpenBody, encodeOpenBody, type Open } from "./open.ts"
import { decodeUpdateBody, encodeUpdateBody, type ReceivedUpdate, type Update } from "./update.ts"
import { concat, u16, viewOf } from "./writer.ts"

/*
 *  0                                                          16      18     19
 * +------------------------------------------------------------+-------+------+-- - -
 * | marker, all ones                                           | length| type | body
 * +------------------------------------------------------------+-------+------+-- - -
 */

export interface Keepalive {
  readonly kind: "keepalive"
}

/** RFC 2918, RFC 7313. */
export interface RouteRefresh {
  readonly kind: "route-refresh"
  readonly afi: number
  readonly subtype: number
  readonly safi: number
}

/** What we may send. */
export type Message = Open | Update | Notification | Keepalive | RouteRefresh
/** What we may get: the same, except that an UPDATE may come with faults. */
export type Received = Open | ReceivedUpdate | Notification | Keepalive | RouteRefresh

export const headerLength = 19
/** RFC 4271 §4.1. */
export const maximumLength = 4096
/** RFC 8654 §3, where both sides said so; OPEN and KEEPALIVE stay below the other limit. */
export const extendedLength = 65_535

export function encode(message: Message, context: AttributeContext): Uint8Array {
  switch (message.kind) {
    case "open":
      return withHeader(messageType.open, encodeOpenBody(message))
    case "update":
      return withHeader(messageType.update, encodeUpdateBody(message, context))
    case "notification":
      return withHeader(
        messageType.notification,
        concat([
          Uint8Array.of(message.code, message.subcode),
          message.data.subarray(0, maximumLength - headerLength - 2),
        ]),
      )
    case "keepalive":
      return withHeader(messageType.keepalive, new Uint8Array(0))
    case "route-refresh":
      return withHeader(
        messageType.routeRefresh,
        concat([u16(message.afi), Uint8Array.of(message.subtype, message.safi)]),
      )
  }
}

function withHeader(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerLength + body.length)
  writeHeader(bytes, type)
  bytes.set(body, headerLength)
  return bytes
}

/** The header of a message that fills the whole buffer. */
export function writeHeader(message: Uint8Array, type: number): void {
  message.fill(0xff, 0, 16)
  const view = viewOf(message)
  view.setUint16(16, message.length)
  view.setUint8(18, type)
}

/** RFC 4271 §4. One whole message. Total: any bytes give a message or the NOTIFICATION they deserve. */
export function decode(bytes: Uint8Array, context: AttributeContext): Result<Received, Fault> {
  const header = checkHeader(bytes)
  if (!header.ok) return header
  if (header.value !== bytes.length) return badLength(bytes.length)
  const body = bytes.subarray(headerLength)
  const type = viewOf(bytes).getUint8(18)
  switch (type) {
    case messageType.open:
      return decodeOpenBody(body)
    case messageType.update:
      return body.length < 4 ? badLength(bytes.length) : decodeUpdateBody(body, context)
    case messageType.notification:
      if (body.length < 2) return badLength(bytes.length)
      return ok({ kind: "notification", code: body[0] ?? 0, subcode: body[1] ?? 0, data: body.slice(2) })
    case messageType.keepalive:
      return body.length === 0 ? ok({ kind: "keepalive" }) : badLength(bytes.length)
    case messageType.routeRefresh:
      // RFC 7313 §5: a length that is wrong gets an error code of its own, with the message as data.
      if (body.length !== 4)
        return err(fault(errorCode.routeRefresh, 1, `ROUTE-REFRESH of ${bytes.length} octets`, bytes.slice()))
      return ok({ kind: "route-refresh", afi: viewOf(body).getUint16(0), subtype: body[2] ?? 0, safi: body[3] ?? 0 })
    default:
      return err(fault(errorCode.header, headerSubcode.badType, `unknown message type ${type}`, Uint8Array.of(type)))
  }
}

/**
 * RFC 4271 §6.1, as soon as 19 octets are there: the length of the whole message. RFC 8654 §4: who offers extended
 * messages, as we do, may take them from a peer that does not.
 */
export function checkHeader(bytes: Uint8Array): Result<number, Fault> {
  if (bytes.length < headerLength) return badLength(bytes.length)
  for (let i = 0; i < 16; i++) {
    if (bytes[i] !== 0xff) return err(fault(errorCode.header, headerSubcode.notSynchronized, "marker is not all ones"))
  }
  const length = viewOf(bytes).getUint16(16)
  const type = bytes[18]
  const limit = type === messageType.open || type === messageType.keepalive ? maximumLength : extendedLength
  return length < headerLength || length > limit ? badLength(length) : ok(length)
}

const badLength = (length: number): { ok: false; error: Fault } =>
  err(fault(errorCode.header, headerSubcode.badLength, `message length ${length}`, u16(length)))
