import { hash } from "node:crypto"
import { formatMac, parseMac } from "../protocols/ethernet/mac.ts"
import { decodeSections, encodeSections } from "./mark-sections.ts"

/**
 * What our speakers say of themselves in memberlist's Meta, which MetalLB leaves empty: whether they take part in
 * liveness on the wire and in election policies, what the others need to know for both, and whether they are drained. `Tr`, the version, then
 * version 1: six bytes a MAC to the end. Version 2: how many MACs, the MACs, and sections (`mark-sections.ts`).
 */
export interface SpeakerMark {
  readonly version: number
  /** `52:54:00:12:34:56`, of the interfaces that can announce now. */
  readonly macs: readonly string[]
  /** Of those interfaces. Absent: not said yet. */
  readonly subnets?: MarkSubnets
  /** Which addresses it keeps by the policy `sticky`. Absent: not said yet, so what it said before goes on. */
  readonly claims?: readonly MarkClaim[]
  /** It hands over what it announces and takes nothing. Absent: it is not drained. */
  readonly drained?: true
  /** It does not listen on the wire. Absent: it does. */
  readonly deaf?: true
}

export interface MarkSubnets {
  readonly list: readonly MarkSubnet[]
  /** False: there are more than fit. */
  readonly complete: boolean
}
export interface MarkSubnet {
  /** `interfaceTag` of the name. */
  readonly interface: number
  /** `192.0.2.0/24`. */
  readonly prefix: string
}
export interface MarkClaim {
  /** `addressTag` of the address. */
  readonly address: number
  /** 1 to 65535: whoever takes the address next counts on from the highest that it knows. */
  readonly epoch: number
}

/** From this version on a speaker honours election policies. */
export const policiesVersion = 2
/** From this version on a speaker knows that others may be drained. */
export const drainVersion = 2
export const markVersion = 2
const prefix = [0x54, 0x72] as const
const headerBytes = 3
/** memberlist takes no more. */
const mostBytes = 512
/** A node with more interfaces than this has others that nobody can tell apart. */
const mostMacs = { 1: 84, 2: 16 } as const

/** What does not fit is left out: subnets with a note, claims from the end. */
export function encodeMark(mark: SpeakerMark): Uint8Array {
  const { version } = mark
  const macs = mark.macs.slice(0, version === 1 ? mostMacs[1] : mostMacs[2]).flatMap((mac) => {
    const bytes = parseMac(mac)
    return bytes === undefined ? [] : [bytes]
  })
  const head = [...prefix, version, ...(version === 1 ? [] : [macs.length]), ...macs.flatMap((mac) => [...mac])]
  return Uint8Array.from(version === 1 ? head : [...head, ...encodeSections(mark, mostBytes - head.length)])
}

/** Total. Undefined: not one of ours, or what it says is cut off. Later versions may add sections that we do not read. */
export function decodeMark(meta: Uint8Array | undefined): SpeakerMark | undefined {
  const [first, second, version] = meta ?? []
  if (meta === undefined || first !== prefix[0] || second !== prefix[1] || version === undefined) return undefined
  if (version === 0) return undefined
  const from = headerBytes + (version === 1 ? 0 : 1)
  const count = version === 1 ? (meta.length - headerBytes) / 6 : (meta[headerBytes] ?? 0)
  const to = from + count * 6
  if (!Number.isInteger(count) || (to > meta.length && count > 0)) return undefined
  const macs: string[] = []
  for (let at = from; at < to; at += 6) macs.push(formatMac(meta.subarray(at, at + 6)))
  if (version === 1) return { version, macs }
  const sections = decodeSections(meta.subarray(to))
  return sections && { version, macs, ...sections }
}

/** Two of a node's interfaces may have the same one, once in some thousand nodes: one then passes for the other. */
export const interfaceTag = (name: string): number => tag(name, 2)
/** Two addresses may have the same one: who claims one claims both, for everybody alike. */
export const addressTag = (ip: string): number => tag(ip, 3)

const tag = (text: string, bytes: number): number =>
  Number.parseInt(hash("sha256", text, "hex").slice(0, 2 * bytes), 16)
