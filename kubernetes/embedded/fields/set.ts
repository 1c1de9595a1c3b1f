import { type JsonObject, isObject, set } from "../object.ts"

/**
 * A set of field paths, as `metadata.managedFields[].fieldsV1` writes it: a trie whose steps are `f:name` (a field),
 * `k:{"port":80}` (a list item by key), `v:"text"` (an item of a set). A node is a member, or has members below, or both.
 */
export class FieldSet {
  member = false
  readonly children = new Map<string, FieldSet>()

  get empty(): boolean {
    return !this.member && this.children.size === 0
  }

  insert(path: readonly string[]): void {
    const [step, ...rest] = path
    if (step === undefined) {
      this.member = true
      return
    }
    const next = this.children.get(step) ?? new FieldSet()
    this.children.set(step, next)
    next.insert(rest)
  }

  union(other: FieldSet): FieldSet {
    const result = this.#clone()
    result.#add(other)
    return result
  }

  #clone(): FieldSet {
    const result = new FieldSet()
    result.#add(this)
    return result
  }

  #add(other: FieldSet): void {
    this.member ||= other.member
    for (const [step, child] of other.children) {
      const mine = this.children.get(step) ?? new FieldSet()
      this.children.set(step, mine)
      mine.#add(child)
    }
  }

  /** Members of this that are not members of `other`. */
  difference(other: FieldSet | undefined): FieldSet {
    const result = new FieldSet()
    result.member = this.member && other?.member !== true
    for (const [step, child] of this.children) {
      const rest = child.difference(other?.children.get(step))
      if (!rest.empty) result.children.set(step, rest)
    }
    return result
  }

  intersection(other: FieldSet | undefined): FieldSet {
    const result = new FieldSet()
    if (other === undefined) return result
    result.member = this.member && other.member
    for (const [step, child] of this.children) {
      const both = child.intersection(other.children.get(step))
      if (!both.empty) result.children.set(step, both)
    }
    return result
  }

  /** Without the node at `path` and all below it. */
  without(path: readonly string[]): FieldSet {
    const [step, ...rest] = path
    const result = this.#clone()
    if (step === undefined) return new FieldSet()
    const child = result.children.get(step)
    if (child === undefined) return result
    const left = rest.length === 0 ? new FieldSet() : child.without(rest)
    if (left.empty) result.children.delete(step)
    else result.children.set(step, left)
    return result
  }

  /** Only what is at or below one of the first steps. */
  under(step: string): FieldSet {
    const result = new FieldSet()
    const child = this.children.get(step)
    if (child !== undefined) result.children.set(step, child)
    return result
  }

  *paths(prefix: readonly string[] = []): Generator<readonly string[]> {
    if (this.member && prefix.length > 0) yield prefix
    for (const [step, child] of this.children) yield* child.paths([...prefix, step])
  }

  toJson(): JsonObject {
    const result: JsonObject = {}
    if (this.member && this.children.size > 0) result["."] = {}
    for (const [step, child] of this.children) set(result, step, child.toJson())
    return result
  }

  static fromJson(json: unknown, depth = 0): FieldSet {
    const result = new FieldSet()
    if (!isObject(json) || depth > 64) return result
    const steps = Object.entries(json)
    if (depth > 0 && (steps.length === 0 || Object.hasOwn(json, "."))) result.member = true
    for (const [step, below] of steps) {
      if (step !== ".") result.children.set(step, FieldSet.fromJson(below, depth + 1))
    }
    return result
  }
}
