import type { Result } from "../../protocols/result.ts"
import { err, ok } from "../../protocols/result.ts"

/**
 * One flag of a daemon. The value is text until the daemon's options are made of it; a boolean flag may stand without a
 * value, as Go's flag package has it.
 */
export interface Flag {
  readonly name: string
  readonly kind: "text" | "number" | "boolean"
  readonly default: string
  /** Environment variable that replaces the default; the flag wins over it. */
  readonly env?: string
  readonly help: string
  /** Why it does nothing yet: accepted, so that existing manifests start, with a warning when it is set. */
  readonly unsupported?: string
}

export interface FlagValues {
  readonly text: (name: string) => string
  readonly number: (name: string) => number
  readonly boolean: (name: string) => boolean
  /** Flags that were set but do nothing yet, each as a sentence. */
  readonly warnings: readonly string[]
}

/**
 * Go's flag syntax: `-x` and `--x` are the same, `=value` or the next argument, booleans only with `=` or alone.
 * The error is one sentence that names the flag.
 */
export function parseFlags(
  flags: readonly Flag[],
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<FlagValues, string> {
  const byName = new Map(flags.map((flag) => [flag.name, flag]))
  const given = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ""
    const parts = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg)
    if (!parts) return err(`unexpected argument ${JSON.stringify(arg)}: flags begin with - or --`)
    const name = parts[1] ?? ""
    const flag = byName.get(name)
    if (!flag) return err(`flag provided but not defined: -${name}${nearest(name, flags)}`)
    let value = parts[2]
    if (value === undefined && flag.kind !== "boolean") {
      value = args[++i]
      if (value === undefined) return err(`flag needs an argument: -${name}`)
    }
    given.set(name, value ?? "true")
  }
  const values = new Map<string, string>()
  const warnings: string[] = []
  for (const flag of flags) {
    const fromEnv = flag.env === undefined ? undefined : env[flag.env]
    const value = given.get(flag.name) ?? (fromEnv === "" ? undefined : fromEnv) ?? flag.default
    const source = given.has(flag.name) ? `flag -${flag.name}` : `environment variable ${flag.env}`
    if (flag.kind === "number" && !/^\d{1,9}$/.test(value)) {
      return err(`invalid value ${JSON.stringify(value)} for ${source}: must be a whole number`)
    }
    if (flag.kind === "boolean" && booleanOf(value) === undefined) {
      return err(`invalid value ${JSON.stringify(value)} for ${source}: must be true or false`)
    }
    if (flag.unsupported !== undefined && value !== flag.default) {
      warnings.push(`${source} is not supported yet and does nothing: ${flag.unsupported}`)
    }
    values.set(flag.name, value)
  }
  const text = (name: string) => {
    const value = values.get(name)
    if (value === undefined) throw new Error(`no such flag: ${name}`)
    return value
  }
  return ok({
    text,
    number: (name) => Number(text(name)),
    boolean: (name) => booleanOf(text(name)) ?? false,
    warnings,
  })
}

function booleanOf(text: string): boolean | undefined {
  if (["true", "TRUE", "True", "t", "T", "1"].includes(text)) return true
  if (["false", "FALSE", "False", "f", "F", "0"].includes(text)) return false
  return undefined
}

function nearest(name: string, flags: readonly Flag[]): string {
  const near = flags.find((flag) => flag.name.startsWith(name) || name.startsWith(flag.name))
  return near ? ` (did you mean -${near.name}?)` : ""
}

/** The text of `--help`: every flag with its default and environment variable. */
export function flagHelp(flags: readonly Flag[]): string {
  const lines = flags.flatMap((flag) => {
    const kind = flag.kind === "boolean" ? "" : ` ${flag.kind}`
    const notes = [
      flag.default === "" ? undefined : `default ${flag.default}`,
      flag.env === undefined ? undefined : `environment ${flag.env}`,
      flag.unsupported === undefined ? undefined : "not supported yet",
    ].filter((note) => note !== undefined)
    return [`  --${flag.name}${kind}`, `        ${flag.help}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}`]
  })
  return lines.join("\n")
}
