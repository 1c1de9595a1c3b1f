import { ceaseSubcode, errorCode, notificationNames } from "./iana.ts"

/** RFC 4271 §4.5: the last thing said before the connection closes. */
export interface Notification {
  readonly kind: "notification"
  readonly code: number
  readonly subcode: number
  readonly data: Uint8Array
}

/** What is wrong with bytes that were received: the NOTIFICATION they deserve, and why in words. */
export interface Fault {
  readonly code: number
  readonly subcode: number
  readonly data: Uint8Array
  readonly because: string
}

const nothing = new Uint8Array(0)

export const notification = (code: number, subcode: number, data: Uint8Array = nothing): Notification => ({
  kind: "notification",
  code,
  subcode,
  data,
})

export const fault = (code: number, subcode: number, because: string, data: Uint8Array = nothing): Fault => ({
  code,
  subcode,
  data,
  because,
})

/** RFC 9003 §2: up to 255 octets of UTF-8. */
const communicationLimit = 255

/**
 * Cease, with the operator's words when the subcode is one that carries them (RFC 8203, RFC 9003). Text that is too
 * long is cut between characters.
 */
export function cease(subcode: number, communication?: string): Notification {
  if (communication === undefined || !carriesText(subcode)) return notification(errorCode.cease, subcode)
  const text = new Uint8Array(communicationLimit)
  const { written } = new TextEncoder().encodeInto(communication, text)
  const data = new Uint8Array(written + 1)
  data[0] = written
  data.set(text.subarray(0, written), 1)
  return notification(errorCode.cease, subcode, data)
}

/** RFC 8538 §3.1: the NOTIFICATION that is meant, inside one that also ends graceful restart. */
export const hardReset = ({ code, subcode, data }: Notification): Notification =>
  notification(errorCode.cease, ceaseSubcode.hardReset, Uint8Array.of(code, subcode, ...data))

const carriesText = (subcode: number): boolean =>
  subcode === ceaseSubcode.administrativeShutdown || subcode === ceaseSubcode.administrativeReset

/** For people: `Cease/Administrative Shutdown ("maintenance")`. Unknown numbers are shown as numbers. */
export function describeNotification({ code, subcode, data }: Omit<Notification, "kind">): string {
  const known = notificationNames[code]
  if (known === undefined) return `unknown error code ${code}, subcode ${subcode}`
  if (subcode === 0) return known.name
  const name = `${known.name}/${known.subcodes[subcode] ?? `unknown subcode ${subcode}`}`
  if (code === errorCode.cease && subcode === ceaseSubcode.hardReset) return `${name}${insideOf(data)}`
  const text = code === errorCode.cease && carriesText(subcode) ? communicationIn(data) : ""
  return text === "" ? name : `${name} ("${text}")`
}

function insideOf(data: Uint8Array): string {
  const [code, subcode] = data
  if (code === undefined || subcode === undefined) return ""
  const inner = { code, subcode, data: data.subarray(2) }
  // One more inside would make no sense, and a peer could go on for ever.
  if (code === errorCode.cease && subcode === ceaseSubcode.hardReset) return ""
  return ` (${describeNotification(inner)})`
}

/** RFC 9003 §2: a length that lies or text that is no UTF-8 is no reason to fail; it is not shown. */
function communicationIn(data: Uint8Array): string {
  const length = data[0] ?? 0
  if (length === 0 || length > data.length - 1) return ""
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(data.subarray(1, 1 + length))
    // The peer's words end up in logs and terminals: no control characters.
    return text.replaceAll(/\p{Cc}/gu, " ").trim()
  } catch {
    return ""
  }
}
