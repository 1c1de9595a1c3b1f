import { parseIp } from "../../protocols/ip.ts"
import type { PacketMessage, PushPullNode, StreamMessage } from "../../protocols/memberlist/message.ts"
import { versionBytes } from "../../protocols/memberlist/numbers.ts"
import { decodePacket } from "../../protocols/memberlist/packet.ts"
import { profiles, type Settings } from "../../cluster/machine/settings.ts"
import { type Effect, type Event, initialState, type Node, type State } from "../../cluster/machine/state.ts"
import { step } from "../../cluster/machine/step.ts"
import { fixedRandom } from "./random.ts"

const loopback = parseIp("10.0.0.1")
if (!loopback) throw new Error("an address")

/** One machine on the desk: what is put in, what comes out, one step at a time. */
export class Desk {
  state: State
  nowMs = 0
  effects: readonly Effect[] = []
  readonly #random = fixedRandom(42)

  constructor(settings: Partial<Settings> = {}, overheadBytes = 0) {
    const advertise = { address: loopback as NonNullable<typeof loopback>, port: 7946 }
    const config = { name: "self", advertise, settings: { ...profiles.lan, ...settings }, overheadBytes }
    this.state = initialState(config)
    this.put({ kind: "start" })
  }

  put(event: Event): this {
    ;[this.state, this.effects] = step(this.state, event, this.nowMs, this.#random)
    return this
  }
  timer(timer: string): this {
    return this.put({ kind: "timer", timer })
  }
  hear(message: PacketMessage, from = { address: "10.0.0.99", port: 7946 }): this {
    return this.put({ kind: "packet", message, from })
  }
  request(message: StreamMessage): this {
    return this.put({ kind: "request", exchange: "in/1", message })
  }
  after(ms: number): this {
    this.nowMs += ms
    return this
  }
  /** Others, alive at incarnation 1, each at the address 10.0.0.n; what was queued about them is forgotten. */
  with(...names: readonly string[]): this {
    for (const name of names) this.hear(aliveAt(name, 1))
    return this.quiet()
  }
  quiet(): this {
    this.state = { ...this.state, queue: [] }
    return this
  }
  change(name: string, changes: Partial<Node>): this {
    const node = this.node(name)
    this.state = { ...this.state, nodes: new Map([...this.state.nodes, [name, { ...node, ...changes }]]) }
    return this
  }

  node(name: string): Node {
    const node = this.state.nodes.get(name)
    if (!node) throw new Error(`no node ${name}`)
    return node
  }
  of<K extends Effect["kind"]>(kind: K): Extract<Effect, { kind: K }>[] {
    return this.effects.filter((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind)
  }
  /** What was sent, whom to, unwrapped. */
  sent(): { to: string; messages: readonly PacketMessage[] }[] {
    return this.of("send").map(({ to, payload }) => {
      const packet = decodePacket(payload, { label: new Uint8Array(), keys: [] })
      if (!packet.ok) throw new Error(packet.error.kind)
      return { to: `${to.address}:${to.port}`, messages: packet.value.messages }
    })
  }
  timers(): Record<string, number> {
    return Object.fromEntries(this.of("set-timer").map(({ timer, afterMs }) => [timer, afterMs]))
  }
  cancelled(): string[] {
    return this.of("cancel-timer").map(({ timer }) => timer)
  }
}

/** a is at 10.0.0.10, b at 10.0.0.11, and so on. */
export const hostOf = (name: string): number => 10 + name.charCodeAt(0) - "a".charCodeAt(0)
export const addrOf = (name: string): Uint8Array => Uint8Array.of(10, 0, 0, hostOf(name))
export const at = (name: string): string => `10.0.0.${hostOf(name)}:7946`

export function aliveAt(node: string, incarnation: number): PacketMessage {
  return { kind: "alive", node, incarnation, addr: addrOf(node), port: 7946, meta: undefined, vsn: versionBytes }
}

export function tableEntry(name: string, state = 0, incarnation = 1): PushPullNode {
  return { name, addr: addrOf(name), port: 7946, meta: undefined, incarnation, state, vsn: versionBytes }
}
