import { isDeepStrictEqual } from "node:util"
import { sameBytes } from "../../../protocols/ethernet/mac.ts"
import { type Ip, parseIp } from "../../../protocols/ip.ts"
import type { Actor, Context } from "../../../supervision/actor.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import type { Cancel, NetworkInterface } from "../../../supervision/world.ts"
import { answersOf, type Table, tableOf } from "./answers.ts"
import type { Answering as OnWire, LivenessCounts } from "../../../cluster/liveness/state.ts"
import { type Counts, noCounts, sum } from "./counts.ts"
import { answerIfDone, asked, type HandingOver, without } from "./handing-over.ts"
import {
  interfaceActor,
  type InterfaceDesired,
  type InterfaceMessage,
  type InterfaceNews,
  type InterfaceSettings,
} from "./interface.ts"
import type { Layer2Command, Layer2Happened, Layer2Report, Layer2Wire } from "./messages.ts"
import { linksOf, reportOf } from "./report.ts"
import { compilePattern, type InterfacePattern, judgeInterface } from "./selection.ts"
import type { WatchCounted } from "./watch.ts"
import { watchOf } from "./watch-of.ts"
import { noLivenessCounts, plus } from "./wire.ts"

/** Survives structured clone. */
export interface Layer2Config {
  /** Interfaces whose name this regular expression finds are as if they were not there; see `compilePattern`. */
  readonly excludeInterfaces?: string
  /** Interfaces whose name this finds receive frames for everybody: for cards or drivers that lose ARP broadcasts. */
  readonly promiscuousInterfaces?: string
  /** Interfaces whose name this finds receive every multicast group: for cards that lose the solicited-node groups. */
  readonly allMulticastInterfaces?: string
  /** Each address is announced again this often; absent: when it is new on an interface. */
  readonly repeatSeconds?: number
}

/** The commands, and what its children, its timers and the kernel tell it. */
export type Layer2Message =
  | Layer2Command
  | InterfaceNews
  | WatchCounted
  | Layer2Happened
  | { readonly kind: "links-changed" }
  | { readonly kind: "scan" }
  | { readonly kind: "ready"; readonly name: string }
  | { readonly kind: "report" }

/** An interface that answers, and the actor that does it. */
interface Answering {
  readonly child: ActorRef<InterfaceMessage>
  readonly link: NetworkInterface
  readonly arp: boolean
  readonly ndp: boolean
}

export interface Layer2State {
  readonly exclude: RegExp | undefined
  readonly settingsOf: (name: string) => InterfaceSettings
  readonly stopWatching: Cancel | undefined
  readonly table: Table
  readonly wire: Layer2Wire | undefined
  readonly leaving: boolean
  readonly present: readonly string[]
  readonly answering: ReadonlyMap<string, Answering>
  readonly scannedMs: number
  readonly totals: Counts
  readonly wireTotals: LivenessCounts
  /** By interface, where the wire knows better than the table. */
  readonly wired: ReadonlyMap<string, OnWire>
  readonly reportedMs: number
  readonly subscribers: readonly ActorRef<Layer2Report>[]
  readonly told: ActorRef<Layer2Happened> | undefined
  readonly handingOver: HandingOver | undefined
}
type Self = Context<Layer2Message>

/** MetalLB's period. The kernel's events come at once; this is for what they missed and what failed. */
const scanEveryMs = 10_000
/** A node that starts many pods changes its links in bulk: once for all of them. */
const scanPauseMs = 50
const reportPauseMs = 1000
const mostSubscribers = 16

/** One actor per interface below it: `/…/layer2/eth0`. Nothing here is per frame. */
export const layer2Actor: Actor<Layer2Config, Layer2State, Layer2Message> = {
  kind: "layer2",
  start(config, context) {
    const exclude = compiled("excludeInterfaces", config.excludeInterfaces)
    context.timers.every("scan", scanEveryMs, { kind: "scan" })
    context.send(context.self, { kind: "scan" })
    return {
      exclude,
      settingsOf: settingsOf(config),
      stopWatching: watchLinks(context),
      table: tableOf([]),
      wire: undefined,
      leaving: false,
      present: [],
      answering: new Map(),
      scannedMs: Number.NEGATIVE_INFINITY,
      totals: noCounts,
      wireTotals: noLivenessCounts,
      wired: new Map(),
      reportedMs: Number.NEGATIVE_INFINITY,
      subscribers: [],
      told: undefined,
      handingOver: undefined,
    }
  },
  receive(state, message, context) {
    switch (message.kind) {
      case "table":
        return tabled({ ...state, wire: message.wire }, tableOf(message.entries), context)
      case "leaving":
        return tabled({ ...state, leaving: true }, state.table, context)
      case "subscribe":
        return subscribed(state, message.subscriber, context)
      case "links-changed":
        return changed(state, context)
      case "scan":
        return scan(state, "told-again", context)
      case "ready":
        // One that has crashed knows nothing of what it had taken.
        tell(state, message.name, context, state.wired.get(message.name)?.taken ?? takenBefore(state))
        return handedOver(state, message.name, context)
      case "tell-when-handed-over": {
        const { answering } = state
        for (const [name, { child }] of answering) context.send(child, { kind: "tell-when-handed-over", name })
        const handingOver = asked(state.handingOver, message.replyTo, answering.keys())
        return { ...state, handingOver: answerIfDone(handingOver, context) }
      }
      case "interface-handed-over":
        return handedOver(state, message.name, context)
      case "counted":
        return reportSoon({ ...state, totals: sum(state.totals, message.counts, state.table.entries) }, context)
      case "wire-counted": {
        const wired = new Map([...state.wired, [message.name, message.wire]])
        const totals = sum(state.totals, { ...noCounts, dropped: message.dropped }, state.table.entries)
        return reportSoon({ ...state, wired, totals, wireTotals: plus(state.wireTotals, message.counts) }, context)
      }
      case "layer2-happened":
        if (state.told !== undefined) context.send(state.told, message)
        return state
      case "tell-happenings":
        return { ...state, told: message.to }
      case "report":
        return report(state, context)
      default:
        return message satisfies never
    }
  },
  stop: (state) => state.stopWatching?.(),
}

function compiled(field: InterfacePattern, pattern: string | undefined): RegExp | undefined {
  const result = compilePattern(field, pattern)
  if (!result.ok) throw new Error(`${result.error.field}: ${result.error.message}`)
  return result.value
}

function settingsOf(config: Layer2Config): (name: string) => InterfaceSettings {
  const promiscuous = compiled("promiscuousInterfaces", config.promiscuousInterfaces)
  const allMulticast = compiled("allMulticastInterfaces", config.allMulticastInterfaces)
  const repeat = config.repeatSeconds === undefined ? {} : { repeatMs: config.repeatSeconds * 1000 }
  return (name) => {
    if (promiscuous?.test(name) === true) return { receive: "promiscuous", ...repeat }
    if (allMulticast?.test(name) === true) return { receive: "all-multicast", ...repeat }
    return repeat
  }
}

const handedOver = (state: Layer2State, name: string, context: Self): Layer2State => ({
  ...state,
  handingOver: answerIfDone(without(state.handingOver, name), context),
})

function watchLinks(context: Self): Cancel | undefined {
  const watch = context.world.packets.watchInterfaces(() => context.send(context.self, { kind: "links-changed" }))
  if (watch.ok) return watch.value
  context.log.error("couldn't watch interfaces", { op: "watchInterfaces", error: watch.error.message })
  return undefined
}

function tabled(state: Layer2State, table: Table, context: Self): Layer2State {
  for (const ip of table.refused) context.log.error("not an IP address", { op: "setTable", ip })
  const next = { ...state, table }
  for (const name of next.answering.keys()) tell(next, name, context, takenBefore(next))
  return next
}

/** By the thread before this one. */
const takenBefore = ({ wire }: Layer2State): ReadonlySet<Ip> | undefined =>
  wire?.taken && new Set(wire.taken.flatMap((text) => parseIp(text) ?? []))

function tell(state: Layer2State, name: string, context: Self, taken?: ReadonlySet<Ip>): void {
  const answering = state.answering.get(name)
  if (answering === undefined) return
  const { child, link, arp, ndp } = answering
  const watch = state.leaving ? "frozen" : state.wire && watchOf(state.table, state.wire, { link, arp, ndp })
  const desired: InterfaceDesired = { kind: "desired", link, arp, ndp, answers: answersOf(state.table, name) }
  if (watch === undefined) return context.send(child, desired)
  context.send(child, { ...desired, watch: watch === "frozen" || taken === undefined ? watch : { ...watch, taken } })
}

function changed(state: Layer2State, context: Self): Layer2State {
  const sinceMs = context.world.clock.monotonicMs() - state.scannedMs
  if (sinceMs >= scanPauseMs) return scan(state, "changes-only", context)
  context.timers.set("links", scanPauseMs - sinceMs, { kind: "links-changed" })
  return state
}

/** `told-again`: every interface hears what it should do, changed or not, and tries again what failed. */
function scan(state: Layer2State, how: "changes-only" | "told-again", context: Self): Layer2State {
  const scannedMs = context.world.clock.monotonicMs()
  const links = context.world.packets.interfaces()
  if (!links.ok) {
    context.log.error("couldn't list interfaces", { op: "getInterfaces", error: links.error.message })
    return { ...state, scannedMs }
  }
  const judged = links.value.map((link) => ({ link, use: judgeInterface(link, state.exclude).decision }))
  const wanted = judged.filter(({ use }) => use.arp || use.ndp)
  const names = new Set(wanted.map(({ link }) => link.name))
  for (const [name, { child }] of state.answering) if (!names.has(name)) context.stop(child)
  const wired = new Map([...state.wired].filter(([name]) => names.has(name)))
  const answering = new Map<string, Answering>()
  for (const { link, use } of wanted) {
    const child = state.answering.get(link.name)?.child ?? spawn(link.name, state.settingsOf(link.name), context)
    answering.set(link.name, { child, link, arp: use.arp, ndp: use.ndp })
  }
  const present = judged.filter(({ use }) => use.present).map(({ link }) => link.name)
  const handed = [...state.answering.keys()].filter((name) => !names.has(name)).reduce(without, state.handingOver)
  const next = { ...state, scannedMs, present, answering, wired, handingOver: answerIfDone(handed, context) }
  for (const [name, now] of answering) {
    if (how === "told-again" || !sameUse(state.answering.get(name), now)) tell(next, name, context)
  }
  const same = isDeepStrictEqual(linksOf(next), linksOf(state))
  // Elections depend on it; a burst of changes is one scan already.
  return same ? next : report(next, context)
}

function spawn(name: string, settings: InterfaceSettings, context: Self): ActorRef<InterfaceMessage> {
  return context.spawn({
    id: name,
    actor: interfaceActor,
    config: { parent: context.self, settings },
    started: () => ({ kind: "ready", name }),
  })
}

function sameUse(before: Answering | undefined, now: Answering): boolean {
  if (before === undefined) return false
  const { link, arp, ndp } = before
  return link.index === now.link.index && sameBytes(link.mac, now.link.mac) && arp === now.arp && ndp === now.ndp
}

function subscribed(state: Layer2State, subscriber: ActorRef<Layer2Report>, context: Self): Layer2State {
  const others = state.subscribers.filter(
    ({ path, thread }) => path !== subscriber.path || thread !== subscriber.thread,
  )
  context.send(subscriber, reportOf(state))
  return { ...state, subscribers: [...others, subscriber].slice(-mostSubscribers) }
}

function reportSoon(state: Layer2State, context: Self): Layer2State {
  const sinceMs = context.world.clock.monotonicMs() - state.reportedMs
  if (sinceMs >= reportPauseMs) return report(state, context)
  context.timers.set("report", reportPauseMs - sinceMs, { kind: "report" })
  return state
}

function report(state: Layer2State, context: Self): Layer2State {
  context.timers.cancel("report")
  for (const subscriber of state.subscribers) context.send(subscriber, reportOf(state))
  return { ...state, reportedMs: context.world.clock.monotonicMs() }
}
