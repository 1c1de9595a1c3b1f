import { isDeepStrictEqual } from "node:util"

/** One exchange of a client with a real kube-apiserver, as it was recorded. */
export interface Exchange {
  readonly command: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly accept?: string
    readonly contentType?: string
    readonly body?: unknown
  }
  readonly response: {
    readonly status: number
    readonly contentType?: string
    readonly closedByClient?: boolean
    readonly headers?: Readonly<Record<string, string>>
    readonly body: unknown
  }
}

type Tree = Record<string, unknown>
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * What stands for what: identifiers that a server chooses are different in every run. A pair once seen must come back as
 * the same pair, in both directions, so that "the resourceVersion stays" and "the nodePort stays" are still checked.
 */
export class Counterparts {
  readonly #ours = new Map<string, string>()
  readonly #theirs = new Map<string, string>()

  /** A complaint, or undefined when the pair fits what was seen before. */
  pair(what: string, recorded: unknown, ours: unknown): string | undefined {
    const [left, right] = [`${what} ${String(recorded)}`, String(ours)]
    const known = this.#ours.get(left)
    if (known !== undefined && known !== right) return `${what} ${String(recorded)} was ${known} and is now ${right}`
    const back = this.#theirs.get(`${what} ${right}`)
    if (back !== undefined && back !== left) return `${what} ${right} stands for ${back} and for ${left}`
    this.#ours.set(left, right)
    this.#theirs.set(`${what} ${right}`, left)
    return undefined
  }

  of(what: string, recorded: unknown): string | undefined {
    return this.#ours.get(`${what} ${String(recorded)}`)
  }

  /** A recorded text with every known identifier replaced by ours. */
  translate(text: string): string {
    let result = text
    for (const [left, right] of this.#ours) {
      const [what = "", recorded = ""] = left.split(" ")
      if (what !== "version" && recorded.length > 3) result = result.replaceAll(recorded, right)
    }
    return result
  }
}

const generated = /^gen-[b-z0-9]{5}$/
const serviceAddress = /^(10\.96\.\d+\.\d+)$/
const servicePort = /^\d+:(\d+)\/TCP$/
const duration = /^(?:\d+[smhdy])+$/
const chosenName = /\b(gen-|s4\.)[b-z0-9]{5}\b/g
const blurred = (text: string): string =>
  text.replaceAll(chosenName, "$1?").replaceAll(/too old resource version: \d+ \(\d+\)/g, "too old resource version")

/** Compares a recorded body with ours. Returns the differences, each with its path. */
export function differences(recorded: unknown, ours: unknown, known: Counterparts): string[] {
  const out: string[] = []
  walk(recorded, ours, "", known, out)
  return out
}

function walk(recorded: unknown, ours: unknown, path: string, known: Counterparts, out: string[]): void {
  if (isTree(recorded) && isTree(ours)) {
    const keys = new Set([...Object.keys(recorded), ...Object.keys(ours)])
    for (const key of keys) field(recorded, ours, key, path, known, out)
    return
  }
  if (Array.isArray(recorded) && Array.isArray(ours)) {
    if (recorded.length !== ours.length)
      out.push(`${path}: ${recorded.length} items were recorded, ours are ${ours.length}`)
    for (const [i, item] of recorded.entries()) if (i < ours.length) walk(item, ours[i], `${path}[${i}]`, known, out)
    return
  }
  const expected = typeof recorded === "string" ? blurred(known.translate(recorded)) : recorded
  const actual = typeof ours === "string" ? blurred(ours) : ours
  if (!isDeepStrictEqual(expected, actual)) {
    out.push(`${path}: recorded ${JSON.stringify(recorded)}, ours ${JSON.stringify(ours)}`)
  }
}

function field(recorded: Tree, ours: Tree, key: string, path: string, known: Counterparts, out: string[]): void {
  const [a, b] = [recorded[key], ours[key]]
  const here = `${path}.${key}`
  if (a === undefined || b === undefined) {
    const missing =
      a === undefined ? `only ours has it: ${JSON.stringify(b)}` : `missing, recorded ${JSON.stringify(a)}`
    out.push(`${here}: ${missing}`)
    return
  }
  const complain = (complaint: string | undefined) => {
    if (complaint !== undefined) out.push(`${here}: ${complaint}`)
  }
  switch (key) {
    case "uid":
      return complain(known.pair("uid", a, b))
    case "resourceVersion":
      // A list's version moves with writes that were not recorded; an object's moves with its own.
      return recorded["uid"] === undefined ? undefined : complain(known.pair("version", a, b))
    case "nodePort":
    case "healthCheckNodePort":
      return complain(known.pair("port", a, b))
    case "clusterIP":
      return complain(known.pair("address", a, b))
    case "name":
      if (typeof a === "string" && typeof b === "string" && generated.test(a) && generated.test(b)) {
        return complain(known.pair("name", a, b))
      }
      break
    case "continue":
      // Opaque: it has to be there when it was, and not when it was not.
      if ((a === "") === (b === "")) return undefined
      break
    case "clusterIPs":
      for (const [i, address] of (a as unknown[]).entries())
        complain(known.pair("address", address, (b as unknown[])[i]))
      return undefined
    case "columnDefinitions":
      return columns(a as Tree[], b as Tree[], here, out)
    case "cells":
      return cells(a as unknown[], b as unknown[], here, known, out)
    default:
      break
  }
  walk(a, b, here, known, out)
}

/** Accepted difference: the documentation text of built-in columns is in our own words. */
function columns(recorded: readonly Tree[], ours: readonly Tree[], path: string, out: string[]): void {
  const custom = (column: Tree) => String(column["description"]).startsWith("Custom resource definition column")
  const shown = (all: readonly Tree[], models: readonly Tree[]) =>
    all.map((column, i) => (models[i] !== undefined && custom(models[i]) ? column : { ...column, description: "" }))
  const [a, b] = [shown(recorded, recorded), shown(ours, recorded)]
  if (!isDeepStrictEqual(a, b)) out.push(`${path}: recorded ${JSON.stringify(a)}, ours ${JSON.stringify(b)}`)
}

function cells(
  recorded: readonly unknown[],
  ours: readonly unknown[],
  path: string,
  known: Counterparts,
  out: string[],
): void {
  for (const [i, cell] of recorded.entries()) {
    const pair = [String(cell), String(ours[i])] as const
    if (pair.every((text) => duration.test(text))) continue
    const [address, port] = [serviceAddress, servicePort].map((form) => pair.map((text) => form.exec(text)?.[1]))
    const complaints = [
      address?.[0] === undefined ? undefined : known.pair("address", address[0], address[1]),
      port?.[0] === undefined ? undefined : known.pair("port", port[0], port[1]),
    ]
    out.push(
      ...complaints.filter((complaint) => complaint !== undefined).map((complaint) => `${path}[${i}]: ${complaint}`),
    )
    walk(cell, ours[i], `${path}[${i}]`, known, out)
  }
  if (recorded.length !== ours.length)
    out.push(`${path}: ${recorded.length} cells were recorded, ours are ${ours.length}`)
}

/** The latest moment that a recorded answer mentions, in ms; undefined when it mentions none. */
export function latestTime(value: unknown): number | undefined {
  const found = [...JSON.stringify(value).matchAll(/"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"/g)].map((match) =>
    Date.parse(match[1] ?? ""),
  )
  return found.length === 0 ? undefined : Math.max(...found)
}
