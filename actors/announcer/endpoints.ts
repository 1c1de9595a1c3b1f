import type { Endpoint, EndpointFacts, ServiceFacts } from "../../config/facts.ts"

/**
 * Ready is asked before serving, so that `publishNotReadyAddresses` (ready forced to true) works. A terminating pod that
 * still passes its probe (not ready, but serving) counts.
 */
export const canServe = (endpoint: Endpoint): boolean => endpoint.ready !== false || endpoint.serving === true

export const servable = (endpoints: EndpointFacts | undefined): readonly Endpoint[] =>
  endpoints?.endpoints.filter(canServe) ?? []

/** Each endpoint is judged for itself: an unhealthy one does not hide a healthy one with the same address. */
export const nodesOf = (endpoints: readonly Endpoint[]): ReadonlySet<string> =>
  new Set(endpoints.flatMap(({ nodeName }) => (nodeName === undefined ? [] : [nodeName])))

/** `internalTrafficPolicy` plays no part. */
export const isLocal = (service: ServiceFacts): boolean => service.externalTrafficPolicy === "Local"
