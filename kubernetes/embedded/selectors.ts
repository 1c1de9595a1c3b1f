import type { KubeObject } from "./object.ts"
import { badRequest } from "./status.ts"
import type { Kind } from "./kinds/kind.ts"

export type Match = (object: KubeObject) => boolean
const all: Match = () => true

const labelName = /^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/

/** `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Throws 400 on anything else. */
export function labelSelector(text: string): Match {
  if (text.trim() === "") return all
  const matches = splitOutsideBrackets(text).map((part) => labelRequirement(part.trim(), text))
  return (object) => matches.every((match) => match(object.metadata.labels ?? {}))
}

type LabelMatch = (labels: Readonly<Record<string, string>>) => boolean

function labelRequirement(part: string, whole: string): LabelMatch {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part)
  if (set !== null) {
    const key = checkedKey(set[1] ?? "", whole)
    const values = (set[3] ?? "").split(",").map((value) => value.trim())
    const among = (labels: Readonly<Record<string, string>>) =>
      Object.hasOwn(labels, key) && values.includes(labels[key] ?? "")
    return set[2] === "in" ? among : (labels) => !among(labels)
  }
  const comparison = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(part)
  if (comparison !== null) {
    const key = checkedKey(comparison[1] ?? "", whole)
    const value = comparison[3] ?? ""
    return comparison[2] === "!="
      ? (labels) => !Object.hasOwn(labels, key) || labels[key] !== value
      : (labels) => Object.hasOwn(labels, key) && labels[key] === value
  }
  const negated = part.startsWith("!")
  const key = checkedKey(negated ? part.slice(1).trim() : part, whole)
  return (labels) => Object.hasOwn(labels, key) !== negated
}

function checkedKey(key: string, whole: string): string {
  if (!labelName.test(key)) {
    throw badRequest(`unable to parse requirement: found '${key}', expected: identifier (labelSelector "${whole}")`)
  }
  return key
}

function splitOutsideBrackets(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]
    if (letter === "(") depth++
    else if (letter === ")") depth--
    else if (letter === "," && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** `metadata.name=a,spec.type!=b`. Only fields that the kind offers; 400 otherwise. */
export function fieldSelector(kind: Kind, text: string): Match {
  if (text.trim() === "") return all
  const matches = text
    .split(/(?<!\\),/)
    .filter((part) => part !== "")
    .map((part) => fieldRequirement(kind, part, text))
  return (object) => matches.every((match) => match(object))
}

function fieldRequirement(kind: Kind, part: string, whole: string): Match {
  const [, name, operator, text = ""] = /^([^=!]+)(==|=|!=)(.*)$/s.exec(part) ?? []
  const field = name?.trim()
  const read = field === undefined ? undefined : reader(kind, field)
  if (read === undefined) {
    const why = field === undefined ? `invalid selector: '${part}'` : `field label not supported: ${field}`
    const resource = `${kind.group}/${kind.version}, Resource=${kind.resource}`
    throw badRequest(
      `Unable to find ${JSON.stringify(resource)} that match label selector "", field selector ${JSON.stringify(whole)}: ${why}`,
    )
  }
  const value = text.replaceAll(/\\([\\,=])/g, "$1")
  return operator === "!=" ? (object) => read(object) !== value : (object) => read(object) === value
}

function reader(kind: Kind, field: string): ((object: KubeObject) => string) | undefined {
  if (field === "metadata.name") return (object) => object.metadata.name ?? ""
  if (field === "metadata.namespace") return (object) => object.metadata.namespace ?? ""
  const own = kind.rules.selectable
  return own !== undefined && Object.hasOwn(own, field) ? own[field] : undefined
}
