import { exactJsonText } from "../client/exact-json.ts"
import type { ServerResponse } from "node:http"
import type { JsonObject } from "./object.ts"

export function warn(response: ServerResponse, warnings: readonly string[]): void {
  const unique = [...new Set(warnings)].slice(0, 20)
  if (unique.length === 0) return
  const quoted = unique.map((text) => `299 - "${printable(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`)
  response.setHeader("warning", quoted)
}

/** Header values carry no control characters and no letters beyond Latin-1. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 1000)
}

export function respond(response: ServerResponse, code: number, body: JsonObject): void {
  const text = exactJsonText(body)
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "application/json")
  finish(response, code, text)
}

export function respondText(response: ServerResponse, code: number, text: string): void {
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "text/plain; charset=utf-8")
  finish(response, code, text)
}

export function finish(response: ServerResponse, code: number, text: string | Uint8Array): void {
  if (!response.hasHeader("cache-control")) response.setHeader("cache-control", "no-cache, private")
  response.statusCode = code
  response.setHeader("content-length", Buffer.byteLength(text))
  response.end(text)
}
