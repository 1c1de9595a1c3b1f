import { type Family, type Ip, ipFromBytes, ipToBytes } from "../ip.ts"
import { err, ok, type Result } from "../result.ts"
import { type Capability, capabilityBytes, capabilityFrom } from "./capability.ts"
import { afiSafiOf, families as allFamilies } from "./family.ts"
import { afi, asTrans, errorCode, headerSubcode, openSubcode } from "./iana.ts"
import { type Fault, fault } from "./notification.ts"
import { concat, u16, viewOf } from "./writer.ts"

/** RFC 4271 §4.2. */
export interface Open {
  readonly kind: "open"
  readonly version: number
  /** The 2-octet field: AS_TRANS when the number does not fit. `asnOf` gives the real one. */
  readonly myAs: number
  readonly holdSeconds: number
  readonly identifier: Ip
  readonly capabilities: readonly Capability[]
}

/** What a speaker is ready for, besides 4-octet AS numbers. */
export interface Offer {
  readonly families: readonly Family[]
  /** IPv4 routes with an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop?: boolean
  /** Route refresh, plain (RFC 2918) and enhanced (RFC 7313). */
  readonly routeRefresh?: boolean
  /** Messages up to 65535 octets (RFC 8654). */
  readonly extendedMessage?: boolean
  readonly gracefulRestart?: OfferedRestart
}

/** RFC 4724 §3; NOTIFICATIONs do not end it (RFC 8538). Forwarding goes on in all families: the kernel does it. */
export interface OfferedRestart {
  /** How long the peer may keep our routes while we are away; at most 4095. */
  readonly seconds: number
  /** We have just started, and remember nothing. */
  readonly restarting: boolean
}

/** What MetalLB's native speaker says; `openFor` with it makes the same bytes. */
export const plainOffer: Offer = { families: allFamilies }

export function openFor(asn: number, holdSeconds: number, identifier: Ip, offer = plainOffer): Open {
  const { families, extendedNextHop, routeRefresh, extendedMessage, gracefulRestart } = offer
  const capabilities: Capability[] = families.map((family) => ({ kind: "multiprotocol", ...afiSafiOf[family] }))
  if (extendedNextHop) {
    capabilities.push({ kind: "extended-next-hop", encodings: [{ ...afiSafiOf.ipv4, nextHopAfi: afi.ipv6 }] })
  }
  if (routeRefresh) capabilities.push({ kind: "route-refresh" }, { kind: "enhanced-route-refresh" })
  if (extendedMessage) capabilities.push({ kind: "extended-message" })
  if (gracefulRestart !== undefined) {
    const { seconds, restarting } = gracefulRestart
    const kept = families.map((family) => ({ ...afiSafiOf[family], forwarding: true }))
    capabilities.push({ kind: "graceful-restart", restarting, notifications: true, seconds, families: kept })
  }
  capabilities.push({ kind: "four-octet-as", asn })
  return { kind: "open", version: 4, myAs: asn > 0xffff ? asTrans : asn, holdSeconds, identifier, capabilities }
}

/** RFC 6793 §4.1: the capability, where there is one, says the real number. */
export const asnOf = (open: Open): number => fourOctetAs(open) ?? open.myAs
export const speaksFourOctetAs = (open: Open): boolean => fourOctetAs(open) !== undefined

const fourOctetAs = (open: Open): number | undefined => capability(open, "four-octet-as")?.asn

export function capability<K extends Capability["kind"]>(
  { capabilities }: Open,
  kind: K,
): Extract<Capability, { kind: K }> | undefined {
  return capabilities.find((one): one is Extract<Capability, { kind: K }> => one.kind === kind)
}

/**
 * Whether the peer waits for End-of-RIB: it names address families, or it has the graceful restart capability (RFC 4724
 * §2). To a speaker with neither it would be an UPDATE without sense.
 */
export const expectsEndOfRib = ({ capabilities }: Open): boolean =>
  capabilities.some(({ kind }) => kind === "multiprotocol" || kind === "graceful-restart")

/** The body that follows the message header. One optional parameter holds all capabilities. */
export function encodeOpenBody(open: Open): Uint8Array {
  const capabilities = concat(open.capabilities.map(capabilityBytes))
  const parameters =
    capabilities.length === 0
      ? new Uint8Array(0)
      : concat([Uint8Array.of(capabilitiesParameter, capabilities.length), capabilities])
  return concat([
    Uint8Array.of(open.version),
    u16(open.myAs),
    u16(open.holdSeconds),
    ipToBytes(open.identifier),
    Uint8Array.of(parameters.length),
    parameters,
  ])
}

const capabilitiesParameter = 2

/**
 * Syntax only; whether the values suit us is the session's business. A version other than 4 is refused here, because
 * nothing after it can be read.
 */
export function decodeOpenBody(body: Uint8Array): Result<Open, Fault> {
  if (body.length < 10) return err(badLength(body.length + 19))
  const view = viewOf(body)
  const version = view.getUint8(0)
  if (version !== 4) {
    return err(fault(errorCode.open, openSubcode.unsupportedVersion, `BGP version ${version}, want 4`, u16(4)))
  }
  const identifier = ipFromBytes(body.subarray(5, 9))
  if (identifier === undefined) return err(badLength(body.length + 19))
  const capabilities = decodeParameters(body)
  if (!capabilities.ok) return capabilities
  return ok({
    kind: "open",
    version,
    myAs: view.getUint16(1),
    holdSeconds: view.getUint16(3),
    identifier,
    capabilities: capabilities.value,
  })
}

const badLength = (length: number): Fault =>
  fault(errorCode.header, headerSubcode.badLength, `OPEN of ${length} octets`, u16(length))

/** RFC 4271 §4.2, or RFC 9072 when the first parameter says that lengths take two octets. */
function decodeParameters(body: Uint8Array): Result<readonly Capability[], Fault> {
  const extended = body[9] === 255 && body[10] === 255 && body.length >= 13
  const start = extended ? 13 : 10
  const declared = extended ? viewOf(body).getUint16(11) : (body[9] ?? 0)
  const parameters = body.subarray(start)
  if (declared !== parameters.length) {
    return malformed(`optional parameters say ${declared} octets, there are ${parameters.length}`)
  }
  const header = extended ? 3 : 2
  const capabilities: Capability[] = []
  let at = 0
  while (at < parameters.length) {
    if (parameters.length - at < header) return malformed("optional parameter without a length")
    const type = parameters[at] ?? 0
    const length = extended ? viewOf(parameters).getUint16(at + 1) : (parameters[at + 1] ?? 0)
    const value = parameters.subarray(at + header, at + header + length)
    if (value.length < length) return malformed(`optional parameter ${type} runs past the end`)
    if (type !== capabilitiesParameter) {
      const because = `unknown optional parameter ${type}`
      return err(fault(errorCode.open, openSubcode.unsupportedParameter, because))
    }
    const problem = decodeCapabilities(value, capabilities)
    if (problem !== undefined) return malformed(problem)
    at += header + length
  }
  return ok(capabilities)
}

/** RFC 4271 §6.2: a parameter that is recognized but malformed gets subcode 0. */
const malformed = (because: string): { ok: false; error: Fault } => err(fault(errorCode.open, 0, because))

function decodeCapabilities(bytes: Uint8Array, into: Capability[]): string | undefined {
  let at = 0
  while (at < bytes.length) {
    const code = bytes[at] ?? 0
    const length = bytes[at + 1]
    if (length === undefined) return `capability ${code} without a length`
    const value = bytes.subarray(at + 2, at + 2 + length)
    if (value.length < length) return `capability ${code} runs past the end of its parameter`
    const capability = capabilityFrom(code, value)
    if (typeof capability === "string") return capability
    into.push(capability)
    at += 2 + length
  }
  return undefined
}
