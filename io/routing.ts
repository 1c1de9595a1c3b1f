import { bindNetlink } from "./interfaces.ts"
import {
  errno,
  family,
  level,
  messageFlag,
  netlinkFlag,
  netlinkOption,
  netlinkRoute,
  netlinkType,
  routeType,
  socketType,
} from "./linux.ts"
import { errorIn, messagesIn, type NetlinkMessage } from "./netlink.ts"
import {
  decodeRoute,
  decodeRule,
  type KernelRoute,
  type KernelRule,
  answeredBy,
  lookupRequest,
  numbered,
  outInterfaceOf,
  routeDump,
  routeRequest,
  ruleDump,
  ruleRequest,
} from "./netlink-routes.ts"
import { done, type Outcome, refusal } from "./outcome.ts"
import { closeDescriptor, interfaceIndex, receive, setsockopt, socket, transmit } from "./system-calls.ts"

export type RoutingChange =
  /** In place of what there is for the same table, prefix and metric. */
  | { readonly kind: "set-route"; readonly route: KernelRoute }
  | { readonly kind: "remove-route"; readonly route: KernelRoute }
  | { readonly kind: "set-rule"; readonly rule: KernelRule }
  | { readonly kind: "remove-rule"; readonly rule: KernelRule }

/** How a packet leaves: to a neighbour, or by a router. */
export interface Reach {
  readonly interfaceIndex: number
  /** Absent: the address is on the link. */
  readonly gateway?: string
}

export interface RoutingPort {
  /** All routes and rules, of both families, that carry our protocol number. */
  ours(): Outcome<{ readonly routes: readonly KernelRoute[]; readonly rules: readonly KernelRule[] }>
  /** In order; each has its own outcome. What is there already, or is gone already, is no failure. */
  apply(changes: readonly RoutingChange[]): readonly Outcome<void>[]
  /** By the kernel's routing tables as they are now. An address of this host is an error. */
  reach(address: string, device?: string): Outcome<Reach>
}

/** The kernel's tables and rules in this network namespace. Every call is done when it returns. */
export const routingPort = (protocol: number): RoutingPort => ({
  ours: () => ours(protocol),
  apply: (changes) => apply(changes, protocol),
  reach,
})

const bufferLength = 65_536
const attempts = 5
/** Failures wait in the socket's buffer until all of a batch has been worked on. */
const batchSize = 128

function withSocket<T>(use: (fd: number) => Outcome<T>): Outcome<T> {
  const fd = socket(family.netlink, socketType.raw | socketType.closeOnExec, netlinkRoute)
  if (fd < 0) return refusal("opening a netlink socket", fd)
  try {
    const bound = bindNetlink(fd, 0)
    return bound < 0 ? refusal("binding a netlink socket", bound) : use(fd)
  } finally {
    closeDescriptor(fd)
  }
}

function ours(protocol: number): ReturnType<RoutingPort["ours"]> {
  return withSocket((fd) => {
    // Refused by old kernels, which filter less.
    setsockopt(fd, level.netlink, netlinkOption.strictCheck, Uint8Array.of(1, 0, 0, 0), 4)
    const routes: KernelRoute[] = []
    const rules: KernelRule[] = []
    for (const one of [family.ipv4, family.ipv6]) {
      const someRoutes = dump(fd, routeDump(one, protocol), netlinkType.newRoute, decodeRoute)
      if (!someRoutes.ok) return someRoutes
      const someRules = dump(fd, ruleDump(one), netlinkType.newRule, decodeRule)
      if (!someRules.ok) return someRules
      for (const { protocol: by, type: _, ...route } of someRoutes.value) if (by === protocol) routes.push(route)
      for (const { protocol: by, ...rule } of someRules.value) if (by === protocol) rules.push(rule)
    }
    return { ok: true, value: { routes, rules } }
  })
}

function dump<T>(
  fd: number,
  request: Uint8Array,
  type: number,
  decode: (body: DataView) => T | undefined,
): Outcome<T[]> {
  for (let attempt = 1; ; attempt++) {
    const sent = transmit(fd, request, request.length, messageFlag.noSignal)
    if (sent < 0) return refusal("asking for routes", sent)
    const found = answers(fd, (message) => message.type === netlinkType.done)
    if (!found.ok) return found
    const changed = found.value.some(({ flags }) => (flags & netlinkFlag.dumpInterrupted) !== 0)
    if (changed && attempt < attempts) continue
    const failed = found.value.find((message) => message.type === netlinkType.error)
    // A family that this kernel does not have, or a table that nobody has made yet.
    if (failed !== undefined && errorIn(failed.body) !== errno.noEntry) {
      return refusal("reading routes", errorIn(failed.body))
    }
    const values = found.value.filter((message) => message.type === type).map(({ body }) => decode(body))
    return { ok: true, value: values.filter((value) => value !== undefined) }
  }
}

/** The kernel prepares each part when it is asked for: nothing here waits. */
function answers(fd: number, last: (message: NetlinkMessage) => boolean): Outcome<NetlinkMessage[]> {
  const all: NetlinkMessage[] = []
  for (;;) {
    const buffer = new Uint8Array(bufferLength)
    const length = receive(fd, buffer, bufferLength, messageFlag.doNotWait)
    if (length === errno.intr) continue
    if (length < 0) return refusal("reading routes", length)
    for (const message of messagesIn(buffer.subarray(0, length))) {
      all.push(message)
      if (last(message) || message.type === netlinkType.error) return { ok: true, value: all }
    }
  }
}

function apply(changes: readonly RoutingChange[], protocol: number): readonly Outcome<void>[] {
  const outcomes: Outcome<void>[] = []
  for (let at = 0; at < changes.length; at += batchSize) {
    const batch = changes.slice(at, at + batchSize)
    const result = withSocket((fd) => applyBatch(fd, batch, protocol))
    outcomes.push(...(result.ok ? result.value : batch.map(() => result)))
  }
  return outcomes
}

/** Many messages at once; the kernel has worked on all of them when `transmit` returns, and speaks of failures only. */
function applyBatch(fd: number, batch: readonly RoutingChange[], protocol: number): Outcome<readonly Outcome<void>[]> {
  const requests = batch.map((change, i) => {
    const request = requestFor(change, protocol)
    return request === undefined ? undefined : numbered(request, i)
  })
  const bytes = Buffer.concat(requests.filter((request) => request !== undefined))
  const sent = bytes.length === 0 ? 0 : transmit(fd, bytes, bytes.length, messageFlag.noSignal)
  if (sent < 0) return refusal("changing routes", sent)
  const failed = failures(fd)
  if (!failed.ok) return failed
  const outcomes = batch.map((change, i) => {
    const result = requests[i] === undefined ? errno.invalid : (failed.value.get(i) ?? 0)
    const already = change.kind === "set-rule" ? [errno.exists] : [errno.noProcess, errno.noEntry]
    const harmless = change.kind !== "set-route" && already.some((one) => one === result)
    return result === 0 || harmless ? done : refusal(describe(change), result)
  })
  return { ok: true, value: outcomes }
}

/** Errors by the number of the message that they answer. */
function failures(fd: number): Outcome<ReadonlyMap<number, number>> {
  const found = new Map<number, number>()
  const buffer = new Uint8Array(bufferLength)
  for (;;) {
    const length = receive(fd, buffer, bufferLength, messageFlag.doNotWait)
    if (length === errno.intr) continue
    if (length === errno.again) return { ok: true, value: found }
    if (length < 0) return refusal("changing routes", length)
    for (const { type, body } of messagesIn(buffer.subarray(0, length))) {
      if (type === netlinkType.error) found.set(answeredBy(body), errorIn(body))
    }
  }
}

function requestFor(change: RoutingChange, protocol: number): Uint8Array | undefined {
  switch (change.kind) {
    case "set-route":
      return routeRequest("set", change.route, protocol)
    case "remove-route":
      return routeRequest("remove", change.route, protocol)
    case "set-rule":
      return ruleRequest("set", change.rule, protocol)
    case "remove-rule":
      return ruleRequest("remove", change.rule, protocol)
  }
}

function describe(change: RoutingChange): string {
  const doing = change.kind.startsWith("set") ? "setting" : "removing"
  return "route" in change
    ? `${doing} route ${change.route.prefix} in table ${change.route.table}`
    : `${doing} rule from ${change.rule.from} lookup ${change.rule.table}`
}

function reach(address: string, device?: string): Outcome<Reach> {
  const index = device === undefined ? undefined : interfaceIndex(device)
  const doing = `looking for a way to ${address}`
  if (index !== undefined && index <= 0) return refusal(`${doing} by "${device}"`, errno.noDevice)
  const request = lookupRequest(address, index)
  if (request === undefined) return refusal(doing, errno.invalid)
  return withSocket((fd) => {
    const sent = transmit(fd, request, request.length, messageFlag.noSignal)
    if (sent < 0) return refusal(doing, sent)
    const answered = answers(fd, (message) => message.type === netlinkType.newRoute)
    if (!answered.ok) return answered
    const [answer] = answered.value
    if (answer === undefined || answer.type !== netlinkType.newRoute) {
      return refusal(doing, answer === undefined ? errno.noEntry : errorIn(answer.body))
    }
    return reachIn(answer.body, address)
  })
}

function reachIn(body: DataView, address: string): Outcome<Reach> {
  const route = decodeRoute(body)
  const [hop] = route?.nextHops ?? []
  const out = outInterfaceOf(body)
  if (route?.type === routeType.local) {
    return { ok: false, error: { code: "EADDRINUSE", message: `${address} is an address of this host` } }
  }
  if (route?.type !== routeType.unicast || (hop === undefined && out === undefined)) {
    return { ok: false, error: { code: "EHOSTUNREACH", message: `there is no way to ${address}` } }
  }
  return { ok: true, value: hop === undefined ? { interfaceIndex: out ?? 0 } : hop }
}
