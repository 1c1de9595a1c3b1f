import { exactJsonText, readExactJson } from "../client/exact-json.ts"
import { readFile, rename, writeFile } from "node:fs/promises"
import { isObject } from "./object.ts"
import type { Store, StoreDump } from "./store.ts"

/**
 * Keeps the store in a JSON file: written whole and moved into place, shortly after a change and not more often than the
 * interval says. A crash loses at most that interval.
 */
export class Persistence {
  readonly #store: Store
  readonly #file: string
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  /** The last write that failed, in words; undefined after one that worked. */
  failure: string | undefined

  constructor(store: Store, file: string, intervalMs: number) {
    this.#store = store
    this.#file = file
    this.#intervalMs = intervalMs
  }

  /** Loads what an earlier run left. False when there is no file; throws when it is none of ours. */
  async load(): Promise<boolean> {
    let text: string
    try {
      text = await readFile(this.#file, "utf8")
    } catch (error) {
      if (isObject(error) && error["code"] === "ENOENT") return false
      throw error
    }
    const dump: unknown = readExactJson(text)
    if (!isDump(dump)) throw new Error(`${this.#file} does not hold the objects of an embedded API server`)
    this.#store.load(dump)
    return true
  }

  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#write()
    }, this.#intervalMs)
  }

  /** Writes what is outstanding. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#write()
    await this.#writing
  }

  #write(): void {
    const text = exactJsonText(this.#store.dump())
    this.#writing = this.#writing.then(async () => {
      try {
        const temporary = `${this.#file}.tmp`
        await writeFile(temporary, text)
        await rename(temporary, this.#file)
        this.failure = undefined
      } catch (error) {
        this.failure = error instanceof Error ? error.message : String(error)
      }
    })
  }
}

function isDump(value: unknown): value is StoreDump {
  if (!isObject(value) || !Number.isSafeInteger(value["revision"]) || !Array.isArray(value["objects"])) return false
  return value["objects"].every((entry) => {
    if (!isObject(entry)) return false
    const { key, object } = entry
    return isObject(key) && typeof key["storageKey"] === "string" && isObject(object) && isObject(object["metadata"])
  })
}
