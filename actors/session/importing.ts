import { ceaseSubcode, errorCode } from "../../protocols/bgp/iana.ts"
import { afiSafiOf } from "../../protocols/bgp/family.ts"
import { parsePrefixRange } from "../../protocols/bgp/import-filter.ts"
import type { Negotiated } from "../../protocols/bgp/negotiation.ts"
import { type Notification, notification } from "../../protocols/bgp/notification.ts"
import {
  emptyRibIn,
  type ImportContext,
  type ImportPolicy,
  type Rejected,
  type RibIn,
} from "../../protocols/bgp/rib-in.ts"
import { u16, u32 } from "../../protocols/bgp/writer.ts"
import type { Family, Ip } from "../../protocols/ip.ts"
import type { PeerImports } from "./kernel-plan.ts"
import type { ImportReport, ImportSettings, SessionSettings } from "./messages.ts"

/** What is taken from the peer. Lives as long as the session is established. */
export interface Importing {
  readonly settings: ImportSettings
  readonly policy: ImportPolicy
  readonly context: ImportContext
  /** Changed in place. */
  readonly rib: RibIn
  readonly telling: { due: boolean }
}

/** Undefined: nothing is to be taken. `rejected` goes on counting from session to session. */
export function beginImporting(
  { import: settings, myASN }: SessionSettings,
  local: Ip,
  negotiated: Negotiated,
  rejected: Rejected,
): Importing | undefined {
  if (settings === undefined) return undefined
  const ranges = settings.prefixes.map((text) => parsePrefixRange(text))
  return {
    settings,
    policy: { accept: ranges.flatMap((range) => (range.ok ? [range.value] : [])), maximum: settings.maximum },
    context: {
      myASN,
      peerASN: negotiated.peerASN,
      local,
      families: negotiated.families,
      extendedNextHop: negotiated.extendedNextHop,
    },
    rib: emptyRibIn(rejected),
    telling: { due: false },
  }
}

/** What the kernel's routes are made of; undefined: nothing. */
export function importsOf(
  peer: string,
  { interface: device }: SessionSettings,
  importing: Importing | undefined,
  negotiated: Negotiated | undefined,
): PeerImports | undefined {
  if (importing === undefined || negotiated === undefined || importing.rib.routes.size === 0) return undefined
  const { settings, context, rib } = importing
  return {
    peer,
    table: settings.table,
    external: context.myASN !== context.peerASN,
    peerRouterId: negotiated.peerIdentifier,
    ...(device === undefined ? {} : { device }),
    routes: [...rib.routes.values()],
  }
}

/** RFC 4486 §4, with the limit that was passed. */
export function tooManyPrefixes(family: Family, maximum: number): Notification {
  const { afi, safi } = afiSafiOf[family]
  const data = Uint8Array.of(...u16(afi), safi, ...u32(maximum))
  return notification(errorCode.cease, ceaseSubcode.maximumPrefixes, data)
}

export const importReport = (
  { maximum }: ImportSettings,
  importing: Importing | undefined,
  rejected: Rejected,
): ImportReport => ({
  accepted: importing?.rib.routes.size ?? 0,
  maximum,
  surplus: importing?.rib.surplus ?? false,
  // A copy: it is compared with the next one.
  rejected: { ...rejected },
})
