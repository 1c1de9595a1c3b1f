import { isObject } from "../../kubernetes/client/json.ts"

/** What the old configuration says is wrong in a way that ends the conversion: one sentence. */
export class MigrationFault extends Error {}

/**
 * One mapping of the old format, whose scalars are the texts as they stand in the file: a password `0123` stays what it is.
 * Keys count whatever their case; unknown ones are passed over, as MetalLB does.
 */
export class Section {
  readonly #values: ReadonlyMap<string, unknown>
  readonly path: string

  constructor(value: unknown, path: string) {
    if (!isAbsent(value) && !isObject(value))
      throw new MigrationFault(`${path || "the configuration"} must be a mapping`)
    const entries = isObject(value) ? Object.entries(value) : []
    this.#values = new Map(entries.map(([key, one]) => [key.toLowerCase(), one]))
    this.path = path
  }

  text(key: string): string {
    const value = this.#get(key)
    if (isAbsent(value)) return ""
    if (typeof value !== "string") throw this.#must(key, "a text")
    return value
  }

  /** A whole number of 0 or more, or nothing. */
  number(key: string): number | undefined {
    const text = this.text(key)
    if (text === "") return undefined
    if (!/^\d{1,15}$/.test(text)) throw this.#must(key, "a whole number")
    return Number(text)
  }

  flag(key: string): boolean | undefined {
    const text = this.text(key)
    if (text === "") return undefined
    if (/^(?:true|yes|on)$/i.test(text)) return true
    if (/^(?:false|no|off)$/i.test(text)) return false
    throw this.#must(key, "true or false")
  }

  texts(key: string): readonly string[] {
    return this.#list(key).map((item) => {
      if (typeof item !== "string") throw this.#must(key, "a list of texts")
      return item
    })
  }

  sections(key: string): readonly Section[] {
    return this.#list(key).map((item, index) => new Section(item, `${this.#at(key)}[${index}]`))
  }

  /** A mapping of texts. */
  labels(key: string): Readonly<Record<string, string>> {
    const value = this.#get(key)
    if (isAbsent(value)) return {}
    if (!isObject(value)) throw this.#must(key, "a mapping")
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => {
        if (typeof one !== "string") throw this.#must(`${key}.${name}`, "a text")
        return [name, one]
      }),
    )
  }

  #get(key: string): unknown {
    return this.#values.get(key)
  }

  #list(key: string): readonly unknown[] {
    const value = this.#get(key)
    if (isAbsent(value)) return []
    if (!Array.isArray(value)) throw this.#must(key, "a list")
    return value
  }

  #at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`
  }

  #must(key: string, what: string): MigrationFault {
    return new MigrationFault(`${this.#at(key)} must be ${what}`)
  }
}

const isAbsent = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || value === "~" || value === "null"
