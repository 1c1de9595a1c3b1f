import type { IncomingMessage, ServerResponse } from "node:http"
import { aggregated, legacy, serverVersion } from "./discovery.ts"
import { negotiate } from "./negotiate.ts"
import { openApiV2 } from "./openapi-v2.ts"
import { openApiDocument, openApiIndex } from "./openapi.ts"
import type { Registry } from "./registry.ts"
import { finish, respond, respondText } from "./respond.ts"
import { PageNotFound } from "./routes.ts"

/** Everything that is no resource: health, version, discovery, OpenAPI. True when it was answered. */
export function answerDocument(
  registry: Registry,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  parts: readonly string[],
  query: URLSearchParams,
): boolean {
  if (["/healthz", "/livez", "/readyz"].some((root) => path === root || path.startsWith(`${root}/`))) {
    respondText(response, 200, "ok")
    return true
  }
  if (path === "/version") {
    respond(response, 200, serverVersion)
    return true
  }
  if (path === "/openapi/v2") {
    const { type, bytes } = openApiV2(registry, request.headers.accept)
    response.setHeader("content-type", type)
    finish(response, 200, bytes)
    return true
  }
  if (path === "/openapi/v3") {
    response.setHeader("content-type", "text/plain; charset=utf-8")
    respond(
      response,
      200,
      registry.openApi(() => openApiIndex(registry)),
    )
    return true
  }
  if (path.startsWith("/openapi/v3/")) {
    const document = openApiDocument(registry, parts.slice(2))
    if (document === undefined) throw new PageNotFound()
    response.setHeader("cache-control", query.has("hash") ? "public, immutable" : "no-cache, private")
    respond(response, 200, document)
    return true
  }
  const short = (parts[0] === "api" && parts.length <= 2) || (parts[0] === "apis" && parts.length <= 3)
  if (!short) return false
  if (parts.length === 1 && (parts[0] === "api" || parts[0] === "apis")) {
    const wanted = negotiate(request.headers.accept, true)
    if (wanted.as === "APIGroupDiscoveryList") {
      response.setHeader("content-type", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
      response.setHeader("cache-control", "public")
      respond(response, 200, aggregated(registry, parts[0] === "api"))
      return true
    }
  }
  const document = legacy(registry, parts)
  if (document === undefined) throw new PageNotFound()
  respond(response, 200, document)
  return true
}
