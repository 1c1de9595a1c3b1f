import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  parseDocument,
  type Tags,
} from "yaml"
import { isObject, type JsonObject } from "../../kubernetes/client/json.ts"

/** A file, or standard input, as it was read. */
export interface Source {
  readonly name: string
  readonly text: string
}

/** One object of a file. Items of a List stand for themselves. */
export interface Manifest {
  readonly file: string
  readonly object: JsonObject
  /** The line of a field, `spec.addresses[0]`; of the nearest one above it when it is not there. */
  readonly lineOf: (path: string) => number
}

export interface FileFault {
  readonly file: string
  readonly line: number
  readonly text: string
}

export interface Parsed {
  readonly manifests: readonly Manifest[]
  readonly faults: readonly FileFault[]
}

const maxObjects = 100_000

/** YAML documents, JSON, and Lists of either. Pure and total: what cannot be read is a fault with its line. */
export function parseManifests(sources: readonly Source[]): Parsed {
  const manifests: Manifest[] = []
  const faults: FileFault[] = []
  for (const source of sources) parseSource(source, manifests, faults)
  return { manifests, faults }
}

type Lines = (path: string) => number

function parseSource({ name: file, text }: Source, manifests: Manifest[], faults: FileFault[]): void {
  const add = (value: unknown, lineOf: Lines) => {
    if (manifests.length < maxObjects) addObject(file, value, lineOf, manifests, faults)
    else if (manifests.length === maxObjects && faults.at(-1)?.file !== file)
      faults.push({ file, line: lineOf(""), text: `more than ${maxObjects} objects: the rest is not read` })
  }
  // What a server gives is JSON, and may be large: the YAML parser, which knows lines, is asked only when one is needed.
  const json = jsonOf(text)
  if (json !== undefined) {
    let lines: Lines | undefined
    return add(json, (path) => (lines ??= linesOfJson(text))(path))
  }
  const counter = new LineCounter()
  // Without the excerpt of the source, which may hold a password.
  const documents = parseAllDocuments(text, { lineCounter: counter, prettyErrors: false, merge: true, customTags })
  for (const document of Array.isArray(documents) ? documents : []) {
    const [mistake] = document.errors
    if (mistake) {
      faults.push({ file, line: counter.linePos(mistake.pos[0]).line, text: `not YAML: ${sentence(mistake.message)}` })
      continue
    }
    const lineOf = linesOf(document, counter)
    try {
      const value: unknown = document.toJS({ maxAliasCount: 1000 })
      if (value !== null && value !== undefined) add(value, lineOf)
    } catch {
      faults.push({ file, line: lineOf(""), text: "aliases that multiply without end" })
    }
  }
}

const sentence = (message: string): string => message.split("\n")[0] ?? message

function jsonOf(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** kubectl's YAML is 1.1 in one respect that people use: `yes` and `off` are booleans. */
const customTags = (tags: Tags): Tags => [
  {
    tag: "tag:yaml.org,2002:bool",
    default: true,
    test: /^(?:yes|Yes|YES|on|On|ON|no|No|NO|off|Off|OFF)$/,
    resolve: (text: string) => /^(?:y|on$)/i.test(text),
  },
  ...tags,
]

function addObject(file: string, value: unknown, lineOf: Lines, manifests: Manifest[], faults: FileFault[]): void {
  const complain = (text: string) => void faults.push({ file, line: lineOf(""), text })
  if (!isObject(value)) return complain("a document that is no object")
  const { apiVersion, kind, items } = value
  if (typeof kind !== "string" || kind === "") return complain("an object without kind")
  if (typeof apiVersion !== "string" || apiVersion === "") return complain(`a ${kind} without apiVersion`)
  if (kind.endsWith("List") && Array.isArray(items)) {
    for (const [index, item] of items.entries()) {
      // A typed list says kind and version once for all.
      const whole =
        isObject(item) && kind !== "List" ? { apiVersion, kind: kind.slice(0, -"List".length), ...item } : item
      addObject(file, whole, (path) => lineOf(`items[${index}]${path === "" ? "" : `.${path}`}`), manifests, faults)
    }
    return
  }
  manifests.push({ file, object: value, lineOf })
}

function linesOfJson(text: string): Lines {
  const lineCounter = new LineCounter()
  return linesOf(parseDocument(text, { lineCounter, prettyErrors: false }), lineCounter)
}

function linesOf({ contents, range }: Document.Parsed, counter: LineCounter): Lines {
  return (path) => Math.max(1, counter.linePos(offsetOf(contents, path) ?? range[0]).line)
}

/** Where the deepest part of the path begins that is written down: the key, where there is one. */
function offsetOf(node: Node | null, path: string): number | undefined {
  if (path === "") return node?.range?.[0]
  if (isSeq(node)) {
    const [step, index] = /^\[(\d+)\]\.?/.exec(path) ?? []
    const item = node.items[Number(index)] as Node | null | undefined
    if (step === undefined || item === undefined) return undefined
    return offsetOf(item, path.slice(step.length)) ?? item?.range?.[0]
  }
  if (!isMap(node)) return undefined
  for (const { key, value } of node.items) {
    if (!isScalar(key)) continue
    // Keys of labels hold dots: take the whole key, then what follows.
    const name = String(key.value)
    const rest = path.slice(name.length)
    if (!path.startsWith(name) || !/^(?:$|\.|\[)/.test(rest)) continue
    const below = rest.replace(/^\./, "")
    return (below === "" ? undefined : offsetOf(value as Node | null, below)) ?? key.range?.[0]
  }
  return undefined
}
