import { type Ip, ipFromBytes, ipToBytes } from "../ip.ts"
import { err, ok, type Result } from "../result.ts"
import { afi, asTrans, capabilityCode, errorCode, headerSubcode, openSubcode, safi } from "./iana.ts"
import { type Fault, fault } from "./notification.ts"
import { concat, u16, u32, viewOf } from "./writer.ts"

/** RFC 5492 §4. Codes we do not know keep their bytes. */
export type Capability =
  | { readonly kind: "multiprotocol"; readonly afi: number; readonly safi: number }
  | { readonly kind: "route-refresh" }
  | { readonly kind: "four-octet-as"; readonly asn: number }
  | { readonly kind: "unknown"; readonly code: number; readonly value: Uint8Array }

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

/** What this speaker says of itself: IPv4 and IPv6 unicast, 4-octet AS numbers; the same bytes as MetalLB. */
export function openFor(asn: number, holdSeconds: number, identifier: Ip): Open {
  return {
    kind: "open",
    version: 4,
    myAs: asn > 0xffff ? asTrans : asn,
    holdSeconds,
    identifier,
    capabilities: [
      { kind: "multiprotocol", afi: afi.ipv4, safi: safi.unicast },
      { kind: "multiprotocol", afi: afi.ipv6, safi: safi.unicast },
      { kind: "four-octet-as", asn },
    ],
  }
}

/** RFC 6793 §4.1: the capability, where there is one, says the real number. */
export const asnOf = (open: Open): number => fourOctetAs(open) ?? open.myAs
export const speaksFourOctetAs = (open: Open): boolean => fourOctetAs(open) !== undefined

function fourOctetAs(open: Open): number | undefined {
  for (const capability of open.capabilities) if (capability.kind === "four-octet-as") return capability.asn
  return undefined
}

/**
 * Whether the peer waits for the End-of-RIB marker: it names the address family, or it has the graceful restart
 * capability (RFC 4724 §2). To a speaker with neither it would be an UPDATE without sense.
 */
export function expectsEndOfRib(open: Open): boolean {
  return open.capabilities.some((capability) => {
    if (capability.kind === "multiprotocol") return capability.afi === afi.ipv4 && capability.safi === safi.unicast
    return capability.kind === "unknown" && capability.code === capabilityCode.gracefulRestart
  })
}

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

function capabilityBytes(capability: Capability): Uint8Array {
  const [code, value] = capabilityParts(capability)
  return concat([Uint8Array.of(code, value.length), value])
}

function capabilityParts(capability: Capability): [code: number, value: Uint8Array] {
  switch (capability.kind) {
    case "multiprotocol":
      return [capabilityCode.multiprotocol, concat([u16(capability.afi), Uint8Array.of(0, capability.safi)])]
    case "route-refresh":
      return [capabilityCode.routeRefresh, new Uint8Array(0)]
    case "four-octet-as":
      return [capabilityCode.fourOctetAs, u32(capability.asn)]
    case "unknown":
      return [capability.code, capability.value]
  }
}

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

function capabilityFrom(code: number, value: Uint8Array): Capability | string {
  const view = viewOf(value)
  const wrong = `capability ${code} of ${value.length} octets`
  switch (code) {
    case capabilityCode.multiprotocol:
      return value.length === 4 ? { kind: "multiprotocol", afi: view.getUint16(0), safi: view.getUint8(3) } : wrong
    case capabilityCode.routeRefresh:
      return value.length === 0 ? { kind: "route-refresh" } : wrong
    case capabilityCode.fourOctetAs:
      return value.length === 4 ? { kind: "four-octet-as", asn: view.getUint32(0) } : wrong
    default:
      return { kind: "unknown", code, value: value.slice() }
  }
}
