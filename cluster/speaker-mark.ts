import { formatMac, parseMac } from "../protocols/ethernet/mac.ts"

/**
 * What our speakers say of themselves in memberlist's Meta, which MetalLB leaves empty: that they take part in liveness
 * on the wire, and which MACs announce for them. Version 1: `Tr`, the version, then six bytes a MAC.
 */
export interface SpeakerMark {
  readonly version: number
  /** `52:54:00:12:34:56`, of the interfaces that can announce now. */
  readonly macs: readonly string[]
}

export const markVersion = 1
const prefix = [0x54, 0x72] as const
const headerBytes = 3
/** memberlist takes at most 512 bytes; a node with more interfaces than this has others that nobody can tell apart. */
const mostMacs = 84

export function encodeMark({ version, macs }: SpeakerMark): Uint8Array {
  const bytes = macs.slice(0, mostMacs).flatMap((mac) => [...(parseMac(mac) ?? [])])
  return Uint8Array.from([...prefix, version, ...bytes])
}

/** Total. Undefined: not one of ours, or what it says is cut off. Later versions may add what we do not read. */
export function decodeMark(meta: Uint8Array | undefined): SpeakerMark | undefined {
  const [first, second, version] = meta ?? []
  if (meta === undefined || first !== prefix[0] || second !== prefix[1] || version === undefined) return undefined
  if (version === 0 || (meta.length - headerBytes) % 6 !== 0) return undefined
  const macs: string[] = []
  for (let at = headerBytes; at < meta.length; at += 6) macs.push(formatMac(meta.subarray(at, at + 6)))
  return { version, macs }
}
