import type { Answers } from "../../../protocols/ethernet/answers.ts"
import { sameBytes } from "../../../protocols/ethernet/mac.ts"
import { familyOf, type Ip } from "../../../protocols/ip.ts"
import type { Actor, Context } from "../../../supervision/actor.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import type { NetworkInterface } from "../../../supervision/world.ts"
import { type Bursts, heard, nextInMs, takeDue } from "./bursts.ts"
import { type Counts, Ledger } from "./counts.ts"
import { type Protocol, Responder } from "./responder.ts"

export interface InterfaceConfig {
  readonly parent: ActorRef<{ readonly kind: "counted"; readonly counts: Counts }>
}

/** What the interface should do, always all of it. */
export interface InterfaceDesired {
  readonly kind: "desired"
  readonly link: NetworkInterface
  readonly arp: boolean
  readonly ndp: boolean
  readonly answers: Answers
}
export type InterfaceMessage =
  | InterfaceDesired
  | { readonly kind: "burst" }
  | { readonly kind: "flush" }
  | { readonly kind: "failed"; readonly error: Error }

export interface InterfaceState {
  readonly config: InterfaceConfig
  readonly ledger: Ledger
  readonly desired: InterfaceDesired | undefined
  readonly responders: Readonly<Partial<Record<Protocol, Responder>>>
  /** The addresses whose announcements reach somebody: wanted here, and their protocol has a socket. */
  readonly audible: ReadonlySet<Ip>
  readonly bursts: Bursts
}
type Self = Context<InterfaceMessage>

const flushMs = 200

/** Answers ARP and NDP on one interface and announces what is new there. Told its table, it converges; see `settle`. */
export const interfaceActor: Actor<InterfaceConfig, InterfaceState, InterfaceMessage> = {
  kind: "interface",
  start: (config, context) => ({
    config,
    ledger: new Ledger(() => context.timers.set("flush", flushMs, { kind: "flush" })),
    desired: undefined,
    responders: {},
    audible: new Set(),
    bursts: new Map(),
  }),
  receive(state, message, context) {
    switch (message.kind) {
      case "desired":
        return settle({ ...state, desired: message }, context)
      case "burst":
        return announce(state, context)
      case "flush":
        flush(state, context)
        return state
      case "failed":
        throw message.error
      default:
        return message satisfies never
    }
  },
  stop(state, context) {
    for (const responder of Object.values(state.responders)) responder.stop()
    flush(state, context)
  },
}

/** Makes what is what should be: sockets, their tables, groups, announcements. The same if called twice. */
function settle(state: InterfaceState, context: Self): InterfaceState {
  const { desired } = state
  if (desired === undefined) return state
  const arp = responderFor("arp", state, desired, context)
  const ndp = responderFor("ndp", state, desired, context)
  const responders = { ...(arp === undefined ? {} : { arp }), ...(ndp === undefined ? {} : { ndp }) }
  const here = Array.from(desired.answers).flatMap(([ip, where]) => (where === "here" ? [ip] : []))
  const audible = new Set(here.filter((ip) => responders[protocolOf(ip)] !== undefined))
  ndp?.listenFor(new Set([...audible].filter((ip) => familyOf(ip) === "ipv6")))
  // A socket that is new has announced nothing: what another one said before does not count.
  const before = new Set([...state.audible].filter((ip) => sameResponder(state, responders, protocolOf(ip))))
  const bursts = heard(state.bursts, before, audible, context.world.clock.monotonicMs())
  return announce({ ...state, responders, audible, bursts }, context)
}

const protocolOf = (ip: Ip): Protocol => (familyOf(ip) === "ipv4" ? "arp" : "ndp")

const sameResponder = (state: InterfaceState, now: InterfaceState["responders"], protocol: Protocol): boolean =>
  state.responders[protocol] === now[protocol]

/** The one there is when it still fits, a new one when it does not; undefined when none is wanted or it cannot be. */
function responderFor(
  protocol: Protocol,
  state: InterfaceState,
  desired: InterfaceDesired,
  context: Self,
): Responder | undefined {
  const { link, answers } = desired
  const present = state.responders[protocol]
  const fits = present?.open === true && present.index === link.index && sameBytes(present.mac, link.mac)
  if (!desired[protocol] || !fits) present?.stop()
  if (!desired[protocol]) return undefined
  const { world, log } = context
  const failed = (error: Error) => context.send(context.self, { kind: "failed", error })
  const responder = fits ? present : new Responder(protocol, link, { world, log, ledger: state.ledger, failed })
  responder.answers = answers
  if (!fits) responder.start()
  return responder.open ? responder : undefined
}

function announce(state: InterfaceState, context: Self): InterfaceState {
  const { due, bursts } = takeDue(state.bursts, context.world.clock.monotonicMs())
  for (const ip of due) state.responders[protocolOf(ip)]?.announce(ip)
  const waitMs = nextInMs(bursts, context.world.clock.monotonicMs())
  if (waitMs === undefined) context.timers.cancel("burst")
  else context.timers.set("burst", waitMs, { kind: "burst" })
  return { ...state, bursts }
}

function flush({ ledger, config }: InterfaceState, context: Self): void {
  const counts = ledger.take()
  if (counts !== undefined) context.send(config.parent, { kind: "counted", counts })
}
