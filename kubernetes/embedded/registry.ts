import type { ResourceDefinition } from "./definition.ts"
import type { Kind } from "./kinds/kind.ts"
import type { JsonObject } from "./object.ts"
import { type Conversion, customKinds } from "./kinds/custom.ts"

/** The resources that are served now: the built-in ones, and one set per registered definition. */
export class Registry {
  readonly #builtin: readonly Kind[]
  readonly #custom = new Map<string, readonly Kind[]>()
  readonly #conversions: Readonly<Record<string, Conversion>>
  #byPath = new Map<string, Kind>()
  #kinds: readonly Kind[] = []
  #openApi: JsonObject | undefined

  /** `conversions` by resource, e.g. `bgppeers.metallb.io`. */
  constructor(builtin: readonly Kind[], conversions: Readonly<Record<string, Conversion>>) {
    this.#builtin = builtin
    this.#conversions = conversions
    this.#index()
  }

  get kinds(): readonly Kind[] {
    return this.#kinds
  }

  /** What is computed from all kinds, once until they change: it takes some 40 ms. */
  openApi(compute: () => JsonObject): JsonObject {
    this.#openApi ??= compute()
    return this.#openApi
  }

  find(group: string, version: string, resource: string): Kind | undefined {
    return this.#byPath.get(`${group}/${version}/${resource}`)
  }

  ofKind(apiVersion: string, kind: string): Kind | undefined {
    return this.kinds.find(
      (row) => row.kind === kind && `${row.group === "" ? "" : `${row.group}/`}${row.version}` === apiVersion,
    )
  }

  define(definition: ResourceDefinition): readonly Kind[] {
    const name = `${definition.spec.names.plural}.${definition.spec.group}`
    const kinds = customKinds(definition, this.#conversions[name])
    this.#custom.set(name, kinds)
    this.#index()
    return kinds
  }

  remove(name: string): readonly Kind[] {
    const kinds = this.#custom.get(name) ?? []
    this.#custom.delete(name)
    this.#index()
    return kinds
  }

  #index(): void {
    this.#openApi = undefined
    this.#kinds = [...this.#builtin, ...[...this.#custom.values()].flat()]
    this.#byPath = new Map(this.kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.resource}`, kind]))
  }
}
