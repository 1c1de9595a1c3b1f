// What benchmarks take on the command line. A slip of the pen must not measure something else, or nothing for ever: whatever
// is not understood ends the benchmark with an error before it has begun.
import path from "node:path"
import { parseArgs } from "node:util"

type Default = number | boolean | string | readonly number[] | readonly string[]
type Given<D> = D extends number
  ? number
  : D extends boolean
    ? boolean
    : D extends string
      ? string
      : D extends readonly number[]
        ? readonly number[]
        : readonly string[]

/**
 * `--runs 5 --nodes 3,5 --only drain,taint --realtime`. Of what kind an option is, its default says. Numbers are 0 or more;
 * a list of words may name those of its default only.
 */
export function takeOptions<const D extends Readonly<Record<string, Default>>>(
  defaults: D,
): { readonly [K in keyof D]: Given<D[K]> } {
  const types = Object.entries(defaults).map(([name, value]) => {
    const type = typeof value === "boolean" ? ("boolean" as const) : ("string" as const)
    return [name, { type }] as const
  })
  const { values } = parsed(() => parseArgs({ options: Object.fromEntries(types) }))
  const given = Object.entries(defaults).map(([name, value]) => {
    const text = values[name]
    return [name, typeof text === "string" ? valueOf(`--${name}`, text, value) : (text ?? value)] as const
  })
  return Object.fromEntries(given) as { readonly [K in keyof D]: Given<D[K]> }
}

/** `short` or numbers above 0, at most so many: `10000 1000`. */
export function takeNumbers(most: number): { readonly short: boolean; readonly numbers: readonly number[] } {
  const { positionals } = parsed(() => parseArgs({ options: {}, allowPositionals: true }))
  return shortOrNumbers(positionals, most)
}

/** As `takeNumbers` with any number of them, and one option beside them: `short --rounds=3`. */
export function takeNumbersAnd(option: string): {
  readonly short: boolean
  readonly numbers: readonly number[]
  readonly option: number | undefined
} {
  const options = { [option]: { type: "string" } } as const
  const { positionals, values } = parsed(() => parseArgs({ options, allowPositionals: true }))
  const text = values[option]
  const numbers = shortOrNumbers(positionals, Number.POSITIVE_INFINITY)
  return { ...numbers, option: text === undefined ? undefined : above0(`--${option}`, text) }
}

function shortOrNumbers(words: readonly string[], most: number) {
  const texts = words.filter((word) => word !== "short")
  if (texts.length > most) refuse(`too many arguments: ${texts.slice(most).join(" ")}`)
  return { short: texts.length < words.length, numbers: texts.map((text) => above0("argument", text)) }
}

function valueOf(what: string, text: string, value: Default): Default {
  if (typeof value === "string") return text
  if (!Array.isArray(value)) return number(what, text)
  const items = text.split(",").filter((item) => item !== "")
  if (value.every((item) => typeof item === "number")) return items.map((item) => number(what, item))
  const unknown = items.find((item) => !value.includes(item))
  if (unknown !== undefined) refuse(`${what}: not one of ${value.join(", ")}: ${unknown}`)
  return items
}

function number(what: string, text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text)
  return Number.isFinite(value) && value >= 0 ? value : refuse(`${what}: not a number: ${text}`)
}

const above0 = (what: string, text: string): number =>
  number(what, text) || refuse(`${what}: not a number above 0: ${text}`)

function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

/** Also for what a benchmark finds wrong by itself. */
export function refuse(why: string): never {
  console.error(`bench/${path.basename(process.argv[1] ?? "")}: ${why}`)
  process.exit(2)
}
