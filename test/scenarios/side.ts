import { readFileSync } from "node:fs"
import http from "node:http"
import https from "node:https"
import path from "node:path"
import { type JsonObject, listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly warnings: string
  /** JSON where it is JSON, else the text. */
  readonly body: unknown
}

/** A request as a client sends it; nothing is in between. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
}

/** One of two servers that are asked the same. */
export type Side = (asked: Asked) => Promise<Answer>

/** By a kubeconfig of ours: a file with the CA, a token. */
export function sideOf(kubeconfig: string): Side {
  const config = JSON.parse(readFileSync(kubeconfig, "utf8")) as JsonObject
  const cluster = objectAt(listOf(config["clusters"])[0], "cluster")
  const token = textOf(objectAt(listOf(config["users"])[0], "user")["token"])
  const authority = textOf(cluster["certificate-authority"])
  const server = textOf(cluster["server"])
  const ca = authority === "" ? undefined : readFileSync(path.join(path.dirname(kubeconfig), authority))
  return ({ method, path: at, body, contentType = "application/json", accept = "application/json" }) =>
    new Promise((resolve, reject) => {
      const headers = {
        accept,
        "user-agent": "curl/8.0",
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": contentType }),
      }
      const begin = server.startsWith("https:") ? https.request : http.request
      const request = begin(`${server}${at}`, { method, headers, ...(ca !== undefined && { ca }) }, (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          text += chunk
        })
        response.on("end", () => {
          const type = response.headers["content-type"] ?? ""
          resolve({
            status: response.statusCode ?? 0,
            contentType: type,
            warnings: response.headers.warning ?? "",
            body: type.includes("json") ? (JSON.parse(text) as unknown) : text,
          })
        })
      })
      request.on("error", reject)
      request.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body))
    })
}
