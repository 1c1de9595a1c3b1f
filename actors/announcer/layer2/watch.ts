import { livenessSettings } from "../../../cluster/liveness/settings.ts"
import {
  type Answering,
  answering,
  type Desired,
  type Effect,
  type Event,
  type Happening,
  initialState,
  type LivenessCounts,
  type State as MachineState,
} from "../../../cluster/liveness/state.ts"
import { step } from "../../../cluster/liveness/step.ts"
import type { Verified, Verify } from "../../../cluster/messages.ts"
import { formatMac, sameBytes } from "../../../protocols/ethernet/mac.ts"
import type { Ip } from "../../../protocols/ip.ts"
import type { Actor, Context } from "../../../supervision/actor.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import type { NetworkInterface } from "../../../supervision/world.ts"
import { ClaimSockets } from "./claim-sockets.ts"
import { logHappening } from "./log-happening.ts"
import type { Layer2Happened } from "./messages.ts"
import { isNews, minus, noLivenessCounts, sameAnswering } from "./wire.ts"

export interface WatchConfig {
  readonly parent: ActorRef<WatchSays>
  readonly reporter: ActorRef<Layer2Happened | WatchCounted>
}

/** What its interface is told. */
export type WatchSays =
  /** Where the table differs from what is to be answered; the answer to a `desired` of that generation, or news. */
  | { readonly kind: "wire"; readonly generation: number; readonly wire: Answering }
  | { readonly kind: "announce"; readonly ip: Ip; readonly how: "burst" | "once" }

export interface WatchCounted {
  readonly kind: "wire-counted"
  readonly name: string
  /** Since the last time. */
  readonly counts: LivenessCounts
  readonly wire: Answering
  /** Frames that no honest host would have sent, since the last time. */
  readonly dropped: ReadonlyMap<string, number>
}

export interface WatchDesired {
  readonly kind: "desired"
  readonly generation: number
  readonly link: NetworkInterface
  readonly arp: boolean
  readonly ndp: boolean
  readonly desired: Desired
  /** Absent: nobody is in doubt, so there is nothing to ask. */
  readonly gossip?: ActorRef<Verify>
  /** What was in force when this actor began anew. */
  readonly adopt: Answering
}
export type WatchMessage =
  | WatchDesired
  | Verified
  | { readonly kind: "tick" }
  | { readonly kind: "count" }
  | { readonly kind: "say" }
  | { readonly kind: "tell" }
  | { readonly kind: "failed"; readonly error: Error }

type Self = Context<WatchMessage>

const roundingMs = 0.001
const countSoonMs = 200
const countEveryMs = 10_000
const namesCounted = "count-soon"
const newsAtOnce = 64

/**
 * Watches, on one interface, those that come before us for an address, and the claims of others for ours. All decisions
 * are the machine's (`cluster/liveness`); here are its sockets and its clock. A frame is taken in within the call that
 * brings it: an answer that lies in the socket must count before the timer that would miss it.
 */
class Watch {
  readonly #config: WatchConfig
  readonly #context: Self
  #machine: MachineState = initialState(livenessSettings)
  #told: WatchDesired | undefined
  #sockets: ClaimSockets | undefined
  #said: Answering | undefined
  #saying = false
  #telling = false
  /** What people are to know, told when what it is about has been done. */
  readonly #news: Happening[] = []
  #counted: LivenessCounts = noLivenessCounts
  #countDue = false
  /** Since they were told last. */
  #dropped = new Map<string, number>()

  constructor(config: WatchConfig, context: Self) {
    this.#config = config
    this.#context = context
  }

  desire(told: WatchDesired): void {
    const { link, arp, ndp } = told
    const before = this.#told
    const fits =
      before !== undefined &&
      before.link.index === link.index &&
      sameBytes(before.link.mac, link.mac) &&
      before.arp === arp &&
      before.ndp === ndp
    this.#told = told
    if (!fits || this.#sockets?.open !== true) this.#openSockets(told)
    else this.#sockets.link = link
    this.happen({ kind: "desired", desired: told.desired, adopt: told.adopt })
    this.#say(told.generation)
  }

  happen(event: Event): void {
    const { world } = this.#context
    const [machine, effects] = step(this.#machine, event, world.clock.monotonicMs())
    const { dueMs, counts } = this.#machine
    this.#machine = machine
    for (const effect of effects) this.#perform(effect)
    this.#tellSoon()
    if (machine.dueMs !== dueMs || event.kind === "tick") this.#wake()
    if (machine.counts !== counts && isNews(minus(machine.counts, this.#counted))) this.#countSoon()
  }

  /** Once set it stays: the probes that go on meanwhile must not put it off. */
  #countSoon(): void {
    if (this.#countDue) return
    this.#countDue = true
    this.#context.timers.set(namesCounted, countSoonMs, { kind: "count" })
  }

  count(): void {
    this.#countDue = false
    const { counts } = this.#machine
    const name = this.#told?.link.name
    if (name === undefined) return
    const since = minus(counts, this.#counted)
    this.#counted = counts
    const dropped = this.#dropped
    this.#dropped = new Map()
    this.#context.send(this.#config.reporter, {
      kind: "wire-counted",
      name,
      counts: since,
      wire: this.#wire(),
      dropped,
    })
  }

  stop(): void {
    this.#sockets?.close()
    for (const happening of this.#news.splice(0)) this.#tell(happening)
    this.count()
  }

  #wire(): Answering {
    return answering(this.#machine)
  }

  #wake(): void {
    const { timers, world } = this.#context
    const { dueMs } = this.#machine
    if (dueMs === Number.POSITIVE_INFINITY) timers.cancel("tick")
    // A difference may be rounded down, and then nothing would be due when the timer fires.
    else timers.set("tick", Math.max(0, dueMs - world.clock.monotonicMs()) + roundingMs, { kind: "tick" })
  }

  #openSockets({ link, arp, ndp }: WatchDesired): void {
    this.#sockets?.close()
    const { world, log, self } = this.#context
    this.#sockets = new ClaimSockets(link, { arp, ndp }, world.packets, log, {
      heard: (ip, mac, gratuitous) => {
        try {
          this.#heard(ip, mac, gratuitous)
        } catch (error) {
          this.#context.send(self, { kind: "failed", error: error instanceof Error ? error : new Error(String(error)) })
        }
      },
      dropped: (reason) => {
        this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
        if (this.#dropped.get(reason) === 1) this.#countSoon()
      },
    })
  }

  /** Most of what is said on a segment is about others. */
  #heard(ip: Ip, mac: Uint8Array, gratuitous: boolean): void {
    const { addresses, byAddress } = this.#machine
    if (addresses.has(ip) || byAddress.has(ip)) this.happen({ kind: "heard", ip, mac: formatMac(mac), gratuitous })
  }

  #perform(effect: Effect): void {
    const { self } = this.#context
    switch (effect.kind) {
      case "probe":
        return this.#sockets?.ask(effect.ip, effect.to)
      case "ask-kernel":
        return this.#sockets?.ask(effect.address, effect.to)
      case "connect":
        return this.#connect(effect.name, effect.address, effect.port)
      case "verify": {
        const { name, at, timeoutMs } = effect
        const gossip = this.#told?.gossip
        if (gossip !== undefined) this.#context.send(gossip, { kind: "verify", name, at, timeoutMs, replyTo: self })
        return
      }
      case "answering-changed":
        // A leader that is back claims all it has, one by one: together they are one change.
        if (this.#said === undefined || this.#saying) return
        this.#saying = true
        return this.#context.send(self, { kind: "say" })
      case "announce":
        return this.#context.send(this.#config.parent, effect)
      case "happened":
        return void this.#news.push(effect.happening)
      default:
        return effect satisfies never
    }
  }

  sayChanged(): void {
    this.#saying = false
    if (this.#said === undefined || sameAnswering(this.#said, this.#wire())) return
    this.#say(this.#told?.generation ?? 0)
    this.#countSoon()
  }

  /** A few at a time: a thousand lines for the log must not hold up what they are about. */
  tellSome(): void {
    for (const happening of this.#news.splice(0, newsAtOnce)) this.#tell(happening)
    this.#telling = false
    this.#tellSoon()
  }

  #tellSoon(): void {
    if (this.#telling || this.#news.length === 0) return
    this.#telling = true
    this.#context.send(this.#context.self, { kind: "tell" })
  }

  #say(generation: number): void {
    this.#said = this.#wire()
    this.#context.send(this.#config.parent, { kind: "wire", generation, wire: this.#said })
  }

  /** Opened or refused is all we want to know; not a byte is sent. */
  #connect(name: string, address: string, port: number): void {
    const said = (outcome: "accepts" | "refused" | "no-answer") => this.happen({ kind: "connected", name, outcome })
    const timeoutMs = livenessSettings.connectWithinMs
    let opened = false
    const connection = this.#context.world.network.connectTcp(
      { address, port, timeoutMs },
      {
        opened: () => {
          opened = true
          connection.destroy()
          said("accepts")
        },
        data: () => undefined,
        closed: (error) => {
          if (!opened) said(error?.code === "ECONNREFUSED" ? "refused" : "no-answer")
        },
      },
    )
  }

  #tell(happening: Happening): void {
    const link = this.#told?.link
    if (link === undefined) return
    const mac = formatMac(link.mac)
    logHappening(happening, { interface: link.name, ownMAC: mac }, this.#context.log)
    if (happening.what === "paused") return
    this.#context.send(this.#config.reporter, { kind: "layer2-happened", interface: link.name, mac, happening })
  }
}

export const watchActor: Actor<WatchConfig, Watch, WatchMessage> = {
  kind: "watch",
  start(config, context) {
    context.timers.every("count", countEveryMs, { kind: "count" })
    return new Watch(config, context)
  },
  receive(watch, message) {
    switch (message.kind) {
      case "desired":
        watch.desire(message)
        break
      case "verified":
        watch.happen({ kind: "verified", name: message.name, outcome: message.outcome })
        break
      case "tick":
        watch.happen({ kind: "tick" })
        break
      case "count":
        watch.count()
        break
      case "say":
        watch.sayChanged()
        break
      case "tell":
        watch.tellSome()
        break
      case "failed":
        throw message.error
      default:
        return message satisfies never
    }
    return watch
  },
  stop: (watch) => watch.stop(),
}
