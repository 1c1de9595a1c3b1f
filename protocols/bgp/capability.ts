import type { AfiSafi } from "./family.ts"
import { capabilityCode } from "./iana.ts"
import { concat, u16, u32, viewOf } from "./writer.ts"

/** RFC 5492 §4. Codes we do not know keep their bytes. */
export type Capability =
  /** RFC 4760 §8. */
  | ({ readonly kind: "multiprotocol" } & AfiSafi)
  /** RFC 2918. */
  | { readonly kind: "route-refresh" }
  /** RFC 8950 §4. */
  | { readonly kind: "extended-next-hop"; readonly encodings: readonly (AfiSafi & { readonly nextHopAfi: number })[] }
  /** RFC 8654. */
  | { readonly kind: "extended-message" }
  | GracefulRestart
  /** RFC 6793. */
  | { readonly kind: "four-octet-as"; readonly asn: number }
  /** RFC 7313. */
  | { readonly kind: "enhanced-route-refresh" }
  | { readonly kind: "unknown"; readonly code: number; readonly value: Uint8Array }

/** RFC 4724 §3. */
export interface GracefulRestart {
  readonly kind: "graceful-restart"
  readonly restarting: boolean
  /** A NOTIFICATION other than Cease/Hard Reset keeps the routes too (RFC 8538 §2). */
  readonly notifications: boolean
  /** 0 to 4095. */
  readonly seconds: number
  readonly families: readonly (AfiSafi & { readonly forwarding: boolean })[]
}

const restartFlag = 0x8000
const notificationFlag = 0x4000
const forwardingFlag = 0x80

export function capabilityBytes(capability: Capability): Uint8Array {
  const [code, value] = capabilityParts(capability)
  return concat([Uint8Array.of(code, value.length), value])
}

function capabilityParts(capability: Capability): [code: number, value: Uint8Array] {
  switch (capability.kind) {
    case "multiprotocol":
      return [capabilityCode.multiprotocol, concat([u16(capability.afi), Uint8Array.of(0, capability.safi)])]
    case "route-refresh":
      return [capabilityCode.routeRefresh, new Uint8Array(0)]
    case "extended-next-hop":
      return [
        capabilityCode.extendedNextHop,
        concat(capability.encodings.flatMap(({ afi, safi, nextHopAfi }) => [u16(afi), u16(safi), u16(nextHopAfi)])),
      ]
    case "extended-message":
      return [capabilityCode.extendedMessage, new Uint8Array(0)]
    case "graceful-restart":
      return [capabilityCode.gracefulRestart, restartBytes(capability)]
    case "four-octet-as":
      return [capabilityCode.fourOctetAs, u32(capability.asn)]
    case "enhanced-route-refresh":
      return [capabilityCode.enhancedRouteRefresh, new Uint8Array(0)]
    case "unknown":
      return [capability.code, capability.value]
  }
}

function restartBytes({ restarting, notifications, seconds, families }: GracefulRestart): Uint8Array {
  const flags = (restarting ? restartFlag : 0) | (notifications ? notificationFlag : 0)
  return concat([
    u16(flags | Math.min(seconds, 0xfff)),
    ...families.flatMap(({ afi, safi, forwarding }) => [
      u16(afi),
      Uint8Array.of(safi, forwarding ? forwardingFlag : 0),
    ]),
  ])
}

/** The value of one capability, or what is wrong with it. */
export function capabilityFrom(code: number, value: Uint8Array): Capability | string {
  const view = viewOf(value)
  const wrong = `capability ${code} of ${value.length} octets`
  switch (code) {
    case capabilityCode.multiprotocol:
      return value.length === 4 ? { kind: "multiprotocol", afi: view.getUint16(0), safi: view.getUint8(3) } : wrong
    case capabilityCode.routeRefresh:
      return value.length === 0 ? { kind: "route-refresh" } : wrong
    case capabilityCode.extendedNextHop:
      return value.length % 6 === 0 ? { kind: "extended-next-hop", encodings: encodingsFrom(view) } : wrong
    case capabilityCode.extendedMessage:
      return value.length === 0 ? { kind: "extended-message" } : wrong
    case capabilityCode.gracefulRestart:
      return value.length % 4 === 2 ? restartFrom(view) : wrong
    case capabilityCode.fourOctetAs:
      return value.length === 4 ? { kind: "four-octet-as", asn: view.getUint32(0) } : wrong
    case capabilityCode.enhancedRouteRefresh:
      return value.length === 0 ? { kind: "enhanced-route-refresh" } : wrong
    default:
      return { kind: "unknown", code, value: value.slice() }
  }
}

const encodingsFrom = (view: DataView): (AfiSafi & { nextHopAfi: number })[] =>
  Array.from({ length: view.byteLength / 6 }, (_, i) => ({
    afi: view.getUint16(i * 6),
    safi: view.getUint16(i * 6 + 2),
    nextHopAfi: view.getUint16(i * 6 + 4),
  }))

function restartFrom(view: DataView): GracefulRestart {
  const flags = view.getUint16(0)
  return {
    kind: "graceful-restart",
    restarting: (flags & restartFlag) !== 0,
    notifications: (flags & notificationFlag) !== 0,
    seconds: flags & 0xfff,
    families: Array.from({ length: (view.byteLength - 2) / 4 }, (_, i) => ({
      afi: view.getUint16(2 + i * 4),
      safi: view.getUint8(4 + i * 4),
      forwarding: (view.getUint8(5 + i * 4) & forwardingFlag) !== 0,
    })),
  }
}
