const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Go duration text (`90s`, `1m30s`, `1.5h`, `500ms`) in milliseconds, fractions included. Undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1
  const body = text.replace(/^[-+]/, "")
  if (body === "0") return 0
  if (body === "") return undefined
  const part = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y
  let total = 0
  while (part.lastIndex < body.length) {
    const match = part.exec(body)
    if (match === null) return undefined
    total += Number(match[1]) * (unitsMs[match[2] ?? ""] ?? Number.NaN)
  }
  // Go counts nanoseconds in 63 bits: about 292 years.
  return total > 9_223_372_036_854 ? undefined : sign * total
}

/** As Go prints a duration: `1m30s`, `2.5s`, `900ms`, `0s`. */
export function durationText(ms: number): string {
  if (ms === 0) return "0s"
  if (ms < 0) return `-${durationText(-ms)}`
  if (ms < 1e-3) return `${Math.round(ms * 1e6)}ns`
  if (ms < 1) return `${decimal(ms * 1e3, 3)}\u00b5s`
  if (ms < 1000) return `${decimal(ms, 6)}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor(ms / 60_000) % 60
  const seconds = `${decimal((ms % 60_000) / 1000, 9)}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}

const decimal = (value: number, places: number): string => String(Number(value.toFixed(places)))
