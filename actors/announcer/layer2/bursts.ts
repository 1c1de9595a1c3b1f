import type { Ip } from "../../../protocols/ip.ts"

/**
 * When to announce an address that is new on an interface: five times, at 0, 1.1, 2.2, 3.3 and 4.4 seconds, as MetalLB
 * does after a fail-over. Once would do on a perfect network; the rest is for lost frames and slow switches. On request it
 * is announced again for ever, for switches that forget.
 */
export type Bursts = ReadonlyMap<Ip, Burst>
interface Burst {
  readonly left: number
  readonly dueMs: number
}

const burstsPerAddress = 5
const intervalMs = 1100
/** Announced in one go; the others follow at once, after requests that came meanwhile. */
const batch = 64

/** New addresses begin; those that are heard no more end; all others go on as they were. */
export function heard(bursts: Bursts, before: ReadonlySet<Ip>, now: ReadonlySet<Ip>, nowMs: number): Bursts {
  const next = new Map<Ip, Burst>()
  for (const [ip, burst] of bursts) if (now.has(ip)) next.set(ip, burst)
  for (const ip of now) if (!before.has(ip)) next.set(ip, { left: burstsPerAddress, dueMs: nowMs })
  return next
}

/** From the beginning, for an address that is not new. */
export const again = (bursts: Bursts, ip: Ip, nowMs: number): Bursts =>
  new Map([...bursts, [ip, { left: burstsPerAddress, dueMs: nowMs }]])

/** `repeatMs`: from one announcement to the next when the five are over; absent: they were all. */
export function takeDue(
  bursts: Bursts,
  nowMs: number,
  repeatMs?: number,
): { readonly due: readonly Ip[]; readonly bursts: Bursts } {
  const due: Ip[] = []
  const next = new Map(bursts)
  for (const [ip, { dueMs }] of bursts) {
    if (dueMs > nowMs) continue
    if (due.push(ip) === batch) break
  }
  for (const ip of due) {
    const left = (bursts.get(ip)?.left ?? 0) - 1
    if (left > 0) next.set(ip, { left, dueMs: nowMs + intervalMs })
    else if (repeatMs !== undefined) next.set(ip, { left: 0, dueMs: nowMs + repeatMs })
    else next.delete(ip)
  }
  return { due, bursts: next }
}

/** How long until the next one; undefined when there is none. */
export function nextInMs(bursts: Bursts, nowMs: number): number | undefined {
  if (bursts.size === 0) return undefined
  let firstMs = Number.POSITIVE_INFINITY
  for (const { dueMs } of bursts.values()) firstMs = Math.min(firstMs, dueMs)
  return Math.max(0, firstMs - nowMs)
}
