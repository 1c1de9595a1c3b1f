import { familyOf, parseIp } from "../../../protocols/ip.ts"
import { err, ok, type Result } from "../../../protocols/result.ts"
import type { NetworkInterface } from "../../../supervision/world.ts"
import type { Verdict } from "../../verdict.ts"

/** What this node does on one of its interfaces. */
export interface InterfaceUse {
  /** The interface exists for announcements; false: excluded by configuration, as if it were not there. */
  readonly present: boolean
  readonly arp: boolean
  readonly ndp: boolean
}

export type InterfaceBecause =
  | { readonly rule: "excluded"; readonly pattern: string }
  /** Administratively down or without carrier. */
  | { readonly rule: "down" }
  /** A port of a bridge, bond, team or VRF: the master answers, with its own MAC. */
  | { readonly rule: "has-master" }
  | { readonly rule: "no-arp" }
  | { readonly rule: "no-broadcast" }
  | { readonly rule: "no-link-local" }

const silent = { present: true, arp: false, ndp: false }

/**
 * MetalLB's rules for a host interface, in its order. An interface needs no IPv4 address to answer ARP (VLAN interfaces
 * without addresses work); for NDP it needs a usable IPv6 link-local address.
 */
export function judgeInterface(
  link: NetworkInterface,
  exclude: RegExp | undefined,
): Verdict<InterfaceUse, InterfaceBecause> {
  if (exclude?.test(link.name) === true) {
    return { decision: { ...silent, present: false }, because: [{ rule: "excluded", pattern: exclude.source }] }
  }
  if (!link.up) return { decision: silent, because: [{ rule: "down" }] }
  if (link.hasMaster) return { decision: silent, because: [{ rule: "has-master" }] }
  if (link.noArp) return { decision: silent, because: [{ rule: "no-arp" }] }
  const arp = link.broadcast && link.mac.length === 6
  const ndp = link.mac.length === 6 && link.addresses.some(isUsableLinkLocal)
  const because: InterfaceBecause[] = []
  if (!arp) because.push({ rule: "no-broadcast" })
  if (!ndp) because.push({ rule: "no-link-local" })
  return { decision: { present: true, arp, ndp }, because }
}

/** fe80::/10, RFC 4291 §2.5.6, past duplicate address detection. */
function isUsableLinkLocal({ address, tentative }: NetworkInterface["addresses"][number]): boolean {
  const ip = parseIp(address)
  return ip !== undefined && !tentative && familyOf(ip) === "ipv6" && /^fe[89ab]/.test(ip)
}

export type InterfacePattern = "excludeInterfaces" | "promiscuousInterfaces" | "allMulticastInterfaces"
export interface PatternError {
  readonly field: InterfacePattern
  readonly pattern: string
  readonly message: string
}

/**
 * An unanchored search, in Go's syntax as far as JavaScript shares it; flags at the start, `(?i)`, are understood.
 * Undefined, for an empty one: no name is meant.
 */
export function compilePattern(
  field: InterfacePattern,
  pattern: string | undefined,
): Result<RegExp | undefined, PatternError> {
  if (pattern === undefined || pattern === "") return ok(undefined)
  const [whole = "", flags = ""] = /^\(\?([ims]+)\)/.exec(pattern) ?? []
  try {
    return ok(new RegExp(pattern.slice(whole.length), flags))
  } catch (error) {
    return err({ field, pattern, message: error instanceof Error ? error.message : String(error) })
  }
}
