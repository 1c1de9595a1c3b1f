import { parseExactJson, readExactJson } from "../client/exact-json.ts"
import type { IncomingMessage } from "node:http"
import { parse as parseYaml } from "yaml"
import { isObject, type JsonObject, set } from "./object.ts"
import { decodeProtobuf } from "./protobuf.ts"
import { ApiError, badRequest, unsupportedMediaType } from "./status.ts"

const MAX_BYTES = 3 * 1024 * 1024
const MAX_DEPTH = 200
const MAX_SHOWN = 1024

/** The whole request body. Rejects with 413 above 3 MiB; the rest is read and thrown away, so that the client hears it. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size <= MAX_BYTES) chunks.push(chunk)
      else {
        chunks.length = 0
        const text = `Request entity too large: limit is ${MAX_BYTES}`
        reject(new ApiError(413, "RequestEntityTooLarge", text, undefined, { connection: "close" }))
      }
    })
    request.on("end", () => resolve(Buffer.concat(chunks)))
    request.on("error", reject)
    request.on("close", () => reject(new ConnectionLost()))
  })
}

/** The client went away before its request was complete. */
export class ConnectionLost extends Error {}

export function mediaType(header: string | undefined): string {
  return (header ?? "").split(";")[0]?.trim().toLowerCase() ?? ""
}

/** An object body in any of the spoken encodings. `kindName` is what the error text expects. Throws 400 or 415. */
export function parseObject(bytes: Buffer, type: string, kindName: string, custom: boolean): unknown {
  switch (type) {
    case "":
    case "application/json":
      return parseJson(bytes, kindName)
    case "application/yaml":
    case "application/x-yaml":
      return parseYamlText(bytes)
    case "application/vnd.kubernetes.protobuf":
      if (!custom) return decodeProtobuf(bytes)
      throw unsupportedMediaType(["application/json", "application/yaml"])
    default:
      throw unsupportedMediaType([
        "application/json",
        "application/yaml",
        ...(custom ? [] : ["application/vnd.kubernetes.protobuf"]),
      ])
  }
}

function parseJson(bytes: Buffer, kindName: string): unknown {
  const text = bytes.toString("utf8")
  let value: unknown
  try {
    value = readExactJson(text)
  } catch (error) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kindName}): couldn't get version/kind; json parse error: ${jsonFault(text, error)} (${text.slice(0, MAX_SHOWN) || "<empty>"})`,
    )
  }
  return checkedDepth(value)
}

/** YAML, of which JSON is a part: what server-side apply sends. */
export function parseYamlText(bytes: Buffer): unknown {
  let value: unknown
  try {
    const text = bytes.toString("utf8")
    value = parseExactJson(text) ?? exactYaml(text)
  } catch (error) {
    throw badRequest(`error decoding YAML: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : ""}`)
  }
  return checkedDepth(value)
}

function exactYaml(text: string): unknown {
  const value: unknown = parseYaml(text, { maxAliasCount: 50, intAsBigInt: true })
  return withNumbers(value)
}

/** What a number holds exactly is one. */
function withNumbers(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) return value.map(withNumbers)
  if (!isObject(value)) return value
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value)) set(result, key, withNumbers(item))
  return result
}

export function parsePatch(bytes: Buffer): unknown {
  const text = bytes.toString("utf8")
  try {
    return checkedDepth(readExactJson(text))
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw badRequest(`error decoding patch: ${jsonFault(text, error)}`)
  }
}

/** In the words of Go's decoder. */
function jsonFault(text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : ""
  const position = /position (\d+)/.exec(message)?.[1]
  if (message.includes("end of JSON") || position === undefined || Number(position) >= text.length)
    return "unexpected end of JSON input"
  return `invalid character '${text[Number(position)] ?? ""}' at offset ${position}`
}

/** Everything that walks objects does so recursively; a bound here is one for all. */
function checkedDepth(value: unknown): unknown {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw badRequest(`the object is nested more than ${MAX_DEPTH} levels deep`)
    level = level.flatMap((item) => (Array.isArray(item) ? item : isObject(item) ? Object.values(item) : []))
  }
  return value
}
