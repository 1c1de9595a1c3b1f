import { loadavg } from "node:os"
import { readFileSync } from "node:fs"

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)

export const median = (numbers: readonly number[]): number => sorted(numbers)[numbers.length >> 1] ?? Number.NaN

export const percentile = (numbers: readonly number[], share: number): number =>
  sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))] ?? Number.NaN

/** `3.1 (2.8–4.0)`: median, least and most. */
export const spread = (numbers: readonly number[], digits = 1): string =>
  numbers.length === 0
    ? "–"
    : `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)}–${Math.max(...numbers).toFixed(digits)})`

/** How busy the machine is with other things; benchmarks are only as good as that. */
export const machine = (): string =>
  `${readFileSync("/proc/cpuinfo", "utf8").match(/^processor/gm)?.length ?? "?"} cores, load ${loadavg()
    .map((load) => load.toFixed(1))
    .join(" ")}`

export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)))
  for (const row of all)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
}
