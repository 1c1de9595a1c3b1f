import { isObject, type JsonObject, listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"

/** Takes what is secret out of objects and texts, by where it stands. Pure. */

/** Told each secret that was taken out; `certain`: it is one by its place, not just by a name that sounds so. */
export type Found = (secret: string, certain: boolean) => void

export const redacted = "<redacted>"

const soundsSecret = /passw|passphrase|secret|token|credential|api[-_.]?key|private[-_.]?key|authorization/i
/** They name where a secret is, or that there is one. */
const namesOne = /(?:name|path|dir|file|ref|passthrough|type|id|mount|mode|ttl|expiration|expirationseconds)s?$/i
const flagsThatName = new Set(["webhook-secret"])

const isSecretName = (name: string): boolean =>
  soundsSecret.test(name) && !namesOne.test(name) && !flagsThatName.has(name)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
/** In every Secret with certificates or a service account's token, and known to everybody. */
const publicKeys = new Set(["ca.crt", "tls.crt", "namespace", "username"])

/** A copy of the object without its secrets and without who set which field. */
export function redactObject(object: JsonObject, found: Found): JsonObject {
  const { apiVersion, kind: _kind, metadata: _metadata, ...rest } = object
  const { managedFields: _, ...metadata } = objectAt(object, "metadata")
  const annotations = metadata["annotations"]
  const kind = textOf(object["kind"])
  const whole = {
    apiVersion,
    kind,
    metadata: { ...metadata, ...(isObject(annotations) && { annotations: redactAnnotations(annotations, found) }) },
    ...rest,
  }
  if (kind === "Secret") return withoutData(whole, found)
  if (kind === "ConfigMap") return withTextsRedacted(whole, found)
  const walked = walk(whole, found)
  return isObject(walked) ? walked : {}
}

function redactAnnotations(annotations: JsonObject, found: Found): JsonObject {
  const entries = Object.entries(annotations).map(([key, value]): [string, unknown] => {
    if (key === lastApplied) return [key, redactApplied(textOf(value), found)]
    if (!isSecretName(key)) return [key, redactText(textOf(value), found)]
    found(textOf(value), false)
    return [key, redacted]
  })
  return Object.fromEntries(entries)
}

/** The object as somebody once applied it: with all that it then held. */
function redactApplied(text: string, found: Found): string {
  try {
    const applied: unknown = JSON.parse(text)
    if (isObject(applied)) return `${JSON.stringify(redactObject(applied, found))}\n`
  } catch {
    // Not readable, so nothing of it is kept.
  }
  return redacted
}

function withoutData(secret: JsonObject, found: Found): JsonObject {
  const sized = (key: string, value: unknown, decoded: string): string => {
    const certain = !publicKeys.has(key)
    if (certain) for (const text of [decoded, textOf(value)]) found(text, true)
    return `<redacted, ${Buffer.byteLength(decoded)} bytes>`
  }
  const each = (values: unknown, decode: (value: string) => string) =>
    Object.fromEntries(
      Object.entries(isObject(values) ? values : {}).map(([key, value]) => [
        key,
        sized(key, value, decode(textOf(value))),
      ]),
    )
  return {
    ...secret,
    ...("data" in secret && { data: each(secret["data"], (value) => Buffer.from(value, "base64").toString()) }),
    ...("stringData" in secret && { stringData: each(secret["stringData"], (value) => value) }),
  }
}

function withTextsRedacted(map: JsonObject, found: Found): JsonObject {
  const { data, binaryData } = map
  const texts = Object.entries(isObject(data) ? data : {}).map(([key, value]): [string, string] => {
    if (!isSecretName(key)) return [key, redactText(textOf(value), found)]
    found(textOf(value), true)
    return [key, redacted]
  })
  const binary = Object.entries(isObject(binaryData) ? binaryData : {}).map(([key, value]): [string, string] => [
    key,
    `<left out, ${Buffer.from(textOf(value), "base64").length} bytes>`,
  ])
  return {
    ...map,
    ...(isObject(data) && { data: Object.fromEntries(texts) }),
    ...(isObject(binaryData) && { binaryData: Object.fromEntries(binary) }),
  }
}

/** Strings of fields that sound secret, environment variables and arguments that do, and what is in running text. */
function walk(value: unknown, found: Found): unknown {
  if (Array.isArray(value)) return listOf(value).map((item) => walk(item, found))
  if (typeof value === "string") return redactText(value, found)
  if (!isObject(value)) return value
  const variable = textOf(value["name"])
  const entries = Object.entries(value).map(([key, member]): [string, unknown] => {
    if (key === "annotations") return [key, member]
    if ((key === "args" || key === "command") && Array.isArray(member)) return [key, redactArguments(member, found)]
    const secret = key === "value" ? isSecretName(variable) : isSecretName(key)
    if (!secret || typeof member !== "string" || member === "") return [key, walk(member, found)]
    found(member, key === "password")
    return [key, redacted]
  })
  return Object.fromEntries(entries)
}

/** `--some-token=…`, and `--some-token` with the next one. */
function redactArguments(values: readonly unknown[], found: Found): readonly string[] {
  let next = false
  return values.map((value) => {
    const text = textOf(value)
    if (next && !text.startsWith("-")) {
      next = false
      found(text, false)
      return redacted
    }
    const parts = /^--?([^=]+)(?:=(.*))?$/s.exec(text)
    next = parts !== null && parts[2] === undefined && isSecretName(parts[1] ?? "")
    if (parts?.[2] === undefined || !isSecretName(parts[1] ?? "")) return redactText(text, found)
    found(parts[2], false)
    return `${text.slice(0, text.indexOf("="))}=${redacted}`
  })
}

const pem = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g
const bearer = /\b((?:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{8,})/gi
const jwt = /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g
/** `password: x`, `"token":"x"`, `secret=x`, also escaped within JSON, and YAML's block below it. */
const assigned =
  /((?:password|passwd|passphrase|secret|secret[-_]?key|token|api[-_]?key|private[-_]?key|credentials?)\\?["']?[ \t]*[:=][ \t]*)([|>][+-]?[ \t]*\n(?:[ \t]+.*(?:\n|$))+|\\?"(?:[^"\\]|\\(?!").)*\\?"|'[^'\n]*'|[^\s"',;{}[\]]+)/gi
/** FRR: `neighbor 192.0.2.1 password x`, `key-string x`. */
const routerSecret = /\b(neighbor\s+\S+\s+password\s+(?:[0-9]\s+)?|key-string\s+)(\S+)/gi
const userInfo = /\b([a-z][a-z0-9+.-]{0,20}:\/\/[^\s/@:]{0,100}:)([^\s/@]{1,200})@/gi

/** Running text: logs, what configuration files say, messages. */
export function redactText(text: string, found: Found): string {
  return text
    .replace(pem, (whole) => {
      found(whole, true)
      return `-----${redacted} PRIVATE KEY-----`
    })
    .replace(jwt, (whole) => {
      found(whole, true)
      return redacted
    })
    .replace(bearer, (_, before: string, credential: string) => {
      found(credential, false)
      return `${before}${redacted}`
    })
    .replace(userInfo, (_, before: string, credential: string) => {
      found(credential, false)
      return `${before}${redacted}@`
    })
    .replace(routerSecret, (_, before: string, secret: string) => {
      found(secret, false)
      return `${before}${redacted}`
    })
    .replace(assigned, (whole: string, before: string, value: string) => {
      const bare = value.trim().replace(/^\\?["']|\\?["']$/g, "")
      if (bare === "" || bare.startsWith("<")) return whole
      const lines = /^[|>][+-]?[ \t]*\n/.exec(value)
      found(
        lines
          ? value
              .slice(lines[0].length)
              .replace(/^[ \t]+/gm, "")
              .trim()
          : bare,
        false,
      )
      return lines ? `${before}${redacted}\n` : `${before}${value.replace(bare, () => redacted)}`
    })
}
