import type { Schema } from "../definition.ts"
import { metadataSchema } from "../schema/shape.ts"

// The built-in kinds that are checked, merged and owned field by field. `nullable` marks what is a pointer in the real
// types: such a field keeps its zero value, the others lose it.

const text: Schema = { type: "string" }
const integer: Schema = { type: "integer" }
const boolean: Schema = { type: "boolean" }
const optional = (schema: Schema): Schema => ({ ...schema, nullable: true })
const struct = (properties: Record<string, Schema>): Schema => ({ type: "object", properties })
const texts: Schema = { type: "object", additionalProperties: text }
const list = (items: Schema): Schema => ({ type: "array", items })
const keyed = (keys: readonly string[], items: Schema, patchKey: string | undefined = keys[0]): Schema => ({
  ...list(items),
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": keys,
  ...(patchKey === undefined
    ? {}
    : { "x-kubernetes-patch-merge-key": patchKey, "x-kubernetes-patch-strategy": "merge" }),
})
const whole = (schema: Schema): Schema => ({ ...schema, "x-kubernetes-map-type": "atomic" })
const open: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true }
const kind = (properties: Record<string, Schema>): Schema =>
  struct({ apiVersion: text, kind: text, metadata: metadataSchema, ...properties })

const reference = whole(
  struct({
    kind: text,
    namespace: text,
    name: text,
    uid: text,
    apiVersion: text,
    resourceVersion: text,
    fieldPath: text,
  }),
)
const conditions = keyed(
  ["type"],
  struct({
    type: text,
    status: text,
    observedGeneration: integer,
    lastTransitionTime: optional(text),
    lastHeartbeatTime: optional(text),
    lastProbeTime: optional(text),
    reason: text,
    message: text,
  }),
)

const servicePort = struct({
  name: text,
  protocol: { ...text, default: "TCP" },
  appProtocol: optional(text),
  port: integer,
  targetPort: { "x-kubernetes-int-or-string": true },
  nodePort: integer,
})

const loadBalancerIngress = struct({
  ip: text,
  hostname: text,
  ipMode: optional(text),
  ports: list(struct({ port: integer, protocol: text, error: optional(text) })),
})

export const service = kind({
  spec: struct({
    ports: keyed(["port", "protocol"], servicePort),
    selector: whole(texts),
    clusterIP: text,
    clusterIPs: list(text),
    type: text,
    externalIPs: list(text),
    sessionAffinity: text,
    loadBalancerIP: text,
    loadBalancerSourceRanges: list(text),
    externalName: text,
    externalTrafficPolicy: text,
    healthCheckNodePort: integer,
    publishNotReadyAddresses: boolean,
    sessionAffinityConfig: optional(struct({ clientIP: optional(struct({ timeoutSeconds: optional(integer) })) })),
    ipFamilies: list(text),
    ipFamilyPolicy: optional(text),
    allocateLoadBalancerNodePorts: optional(boolean),
    loadBalancerClass: optional(text),
    internalTrafficPolicy: optional(text),
    trafficDistribution: optional(text),
  }),
  status: struct({ loadBalancer: struct({ ingress: list(loadBalancerIngress) }), conditions }),
})

export const namespace = kind({
  spec: struct({ finalizers: list(text) }),
  status: struct({ phase: text, conditions }),
})

export const configMap = kind({
  data: texts,
  binaryData: texts,
  immutable: optional(boolean),
})

export const secret = kind({
  data: texts,
  stringData: texts,
  type: text,
  immutable: optional(boolean),
})

export const serviceAccount = kind({
  secrets: keyed(["name"], reference),
  imagePullSecrets: keyed(["name"], struct({ name: text })),
  automountServiceAccountToken: optional(boolean),
})

const endpoint = struct({
  addresses: list(text),
  conditions: struct({ ready: optional(boolean), serving: optional(boolean), terminating: optional(boolean) }),
  hostname: optional(text),
  targetRef: optional(reference),
  deprecatedTopology: texts,
  nodeName: optional(text),
  zone: optional(text),
  hints: optional(struct({ forZones: list(struct({ name: text })), forNodes: list(struct({ name: text })) })),
})

export const endpointSlice = kind({
  addressType: text,
  endpoints: list(endpoint),
  ports: list(
    struct({ name: optional(text), protocol: optional(text), port: optional(integer), appProtocol: optional(text) }),
  ),
})

export const lease = kind({
  spec: struct({
    holderIdentity: optional(text),
    leaseDurationSeconds: optional(integer),
    acquireTime: optional(text),
    renewTime: optional(text),
    leaseTransitions: optional(integer),
    strategy: optional(text),
    preferredHolder: optional(text),
  }),
})

const source = struct({ component: text, host: text })

export const event = kind({
  involvedObject: reference,
  reason: text,
  message: text,
  source,
  firstTimestamp: optional(text),
  lastTimestamp: optional(text),
  count: integer,
  type: text,
  eventTime: optional(text),
  series: optional(struct({ count: integer, lastObservedTime: optional(text) })),
  action: text,
  related: optional(reference),
  reportingComponent: text,
  reportingInstance: text,
})

export const eventOfEvents = kind({
  regarding: reference,
  reason: text,
  note: text,
  deprecatedSource: source,
  deprecatedFirstTimestamp: optional(text),
  deprecatedLastTimestamp: optional(text),
  deprecatedCount: integer,
  type: text,
  eventTime: optional(text),
  series: optional(struct({ count: integer, lastObservedTime: optional(text) })),
  action: text,
  related: optional(reference),
  reportingController: text,
  reportingInstance: text,
})

const taint = struct({ key: text, value: text, effect: text, timeAdded: optional(text) })

export const node = kind({
  spec: struct({
    podCIDR: text,
    podCIDRs: { ...list(text), "x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge" },
    externalID: text,
    providerID: text,
    unschedulable: boolean,
    taints: { ...list(taint), "x-kubernetes-patch-merge-key": "key", "x-kubernetes-patch-strategy": "merge" },
    configSource: optional(open),
  }),
  status: { ...open, properties: { conditions, addresses: keyed(["type"], struct({ type: text, address: text })) } },
})
