import { err, ok, type Result } from "../protocols/result.ts"
import type { ConfigurationKind } from "./fault.ts"

/**
 * The JSON types of each spec. The schemas at the API edge say more; this much must hold so that reading a spec cannot
 * fail, wherever it comes from.
 */
type Shape = "text" | "number" | "flag" | "labels" | readonly [Shape] | { readonly [field: string]: Shape }

const selector = {
  matchLabels: "labels",
  matchExpressions: [{ "key!": "text", "operator!": "text", values: ["text"] }],
} as const
const selectors = [selector] as const
const selecting = {
  ipAddressPools: ["text"],
  ipAddressPoolSelectors: selectors,
  nodeSelectors: selectors,
  serviceSelectors: selectors,
} as const

/** A field with `!` must be there. */
const shapes: Readonly<Record<ConfigurationKind, Shape>> = {
  IPAddressPool: {
    "addresses!": ["text"],
    autoAssign: "flag",
    avoidBuggyIPs: "flag",
    serviceAllocation: {
      priority: "number",
      namespaces: ["text"],
      namespaceSelectors: selectors,
      serviceSelectors: selectors,
    },
  },
  L2Advertisement: {
    ...selecting,
    interfaces: ["text"],
    preferredNodeSelectors: [{ "weight!": "number", "preference!": selector }],
  },
  BGPAdvertisement: {
    ...selecting,
    aggregationLength: "number",
    aggregationLengthV6: "number",
    localPref: "number",
    communities: ["text"],
    peers: ["text"],
  },
  BGPPeer: {
    "myASN!": "number",
    peerASN: "number",
    localASN: "number",
    dynamicASN: "text",
    peerAddress: "text",
    interface: "text",
    sourceAddress: "text",
    peerPort: "number",
    holdTime: "text",
    keepaliveTime: "text",
    connectTime: "text",
    routerID: "text",
    nodeSelectors: selectors,
    password: "text",
    passwordSecret: { name: "text", namespace: "text" },
    bfdProfile: "text",
    enableGracefulRestart: "flag",
    ebgpMultiHop: "flag",
    vrf: "text",
    disableMP: "flag",
    dualStackAddressFamily: "flag",
  },
  Community: { communities: [{ name: "text", value: "text" }] },
  BFDProfile: {
    receiveInterval: "number",
    transmitInterval: "number",
    detectMultiplier: "number",
    echoInterval: "number",
    echoMode: "flag",
    passiveMode: "flag",
    minimumTtl: "number",
  },
}

export interface ShapeFault {
  /** `spec.addresses[0]`. */
  readonly path: string
  readonly text: string
}

/** The spec without nulls (they mean absent), or what keeps it from being read. Unknown fields are left alone. */
export const shaped = (kind: ConfigurationKind, spec: unknown): Result<unknown, ShapeFault> =>
  fit(spec ?? {}, shapes[kind], "spec")

function fit(value: unknown, shape: Shape, path: string): Result<unknown, ShapeFault> {
  const must = (what: string) => err({ path, text: `${path} must be ${what}` })
  if (shape === "text") return typeof value === "string" ? ok(value) : must("a string")
  if (shape === "number") return typeof value === "number" ? ok(value) : must("a number")
  if (shape === "flag") return typeof value === "boolean" ? ok(value) : must("true or false")
  if (isList(shape)) return Array.isArray(value) ? fitItems(value, shape[0], path) : must("a list")
  if (typeof value !== "object" || value === null || Array.isArray(value)) return must("an object")
  if (shape === "labels") {
    const wrong = Object.entries(value).find(([, text]) => typeof text !== "string")
    return wrong ? err({ path, text: `${path}.${wrong[0]} must be a string` }) : ok(value)
  }
  return fitFields(value as Readonly<Record<string, unknown>>, shape, path)
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape)

function fitItems(items: readonly unknown[], shape: Shape, path: string): Result<unknown, ShapeFault> {
  const fitted: unknown[] = []
  for (const [index, item] of items.entries()) {
    const one = fit(item, shape, `${path}[${index}]`)
    if (!one.ok) return one
    fitted.push(one.value)
  }
  return ok(fitted)
}

function fitFields(
  value: Readonly<Record<string, unknown>>,
  shape: Readonly<Record<string, Shape>>,
  path: string,
): Result<unknown, ShapeFault> {
  const fitted = new Map(Object.entries(value))
  for (const [key, below] of Object.entries(shape)) {
    const field = key.replace("!", "")
    const present = Object.hasOwn(value, field) ? value[field] : undefined
    if (present === undefined || present === null) {
      if (key.endsWith("!")) return err({ path: `${path}.${field}`, text: `${path}.${field} is required` })
      fitted.delete(field)
      continue
    }
    const one = fit(present, below, `${path}.${field}`)
    if (!one.ok) return one
    fitted.set(field, one.value)
  }
  return ok(Object.fromEntries(fitted))
}
