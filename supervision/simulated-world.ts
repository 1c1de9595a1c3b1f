import { type Conditions, Fabric, type NetworkControl } from "./simulated-network.ts"
import { SimulatedDatagrams } from "./simulated-datagrams.ts"
import { Schedule } from "./simulated-schedule.ts"
import { type SimulatedInterface, SimulatedSegments } from "./simulated-segment.ts"
import { SimulatedTcp } from "./simulated-tcp.ts"
import { SimulatedUdp } from "./simulated-udp.ts"
import type { World } from "./world.ts"

export type { Conditions, NetworkControl, Plane } from "./simulated-network.ts"
export type { SimulatedInterface } from "./simulated-segment.ts"

export interface HostOptions {
  /** `10.0.0.n` unless given. */
  readonly addresses?: readonly string[]
  /** One `eth0` on the segment `lan` with all addresses unless given. */
  readonly interfaces?: readonly SimulatedInterface[]
}

export interface SimulatorOptions {
  readonly network?: Partial<Conditions>
  /** Wall clock at the start, milliseconds since 1970. */
  readonly startMs?: number
}

export interface Simulator {
  readonly seed: number
  /** Starts a host, or starts it anew: what ran on it before is gone as after a loss of power. */
  world(host: string, options?: HostOptions): World
  readonly network: NetworkControl
  /** Until it holds, in virtual time. Rejects, naming the seed, when it does not in time. */
  runUntil(condition: () => boolean | Promise<boolean>, within: { readonly withinMs: number }): Promise<void>
  /** The value of a promise that simulated actors settle. */
  settle<T>(promise: Promise<T>, within: { readonly withinMs: number }): Promise<T>
  runFor(ms: number): Promise<void>
  nowMs(): number
  /** Steps so far: which host ran when, and what reached it. The same seed gives the same. */
  readonly trace: readonly string[]
}

/** A world in which time and chance come from one seed. Any number may run side by side. */
export function simulate(seed: number, options: SimulatorOptions = {}): Simulator {
  const schedule = new Schedule(seed)
  const fabric = new Fabric(schedule, { delayMs: [0.2, 2], loss: 0, ...options.network })
  const udp = new SimulatedUdp(fabric)
  const tcp = new SimulatedTcp(fabric)
  const segments = new SimulatedSegments(fabric)
  const datagrams = new SimulatedDatagrams(fabric, segments)
  const { startMs = Date.UTC(2026, 0, 1) } = options

  async function runUntil(condition: () => boolean | Promise<boolean>, { withinMs }: { readonly withinMs: number }) {
    const endMs = schedule.nowMs + withinMs
    // What is settled already must not cost virtual time.
    await new Promise((resolve) => setImmediate(resolve))
    while (!(await condition())) {
      if (await schedule.step(endMs)) continue
      if (await condition()) return
      throw new Error(`seed ${seed}: not within ${withinMs} ms of virtual time: ${condition.toString()}`)
    }
  }

  return {
    seed,
    runUntil,
    trace: schedule.trace,
    nowMs: () => schedule.nowMs,
    world(name, { addresses, interfaces } = {}) {
      const host = fabric.boot(name, addresses)
      segments.plug(host, interfaces ?? [{ name: "eth0", segment: "lan", addresses: host.addresses }])
      const { life } = host
      return {
        clock: { monotonicMs: () => schedule.nowMs, wallMs: () => startMs + Math.floor(schedule.nowMs) },
        timers: { after: (delayMs, run) => schedule.after(life, delayMs, "timer", run) },
        immediate: (run) => schedule.soon(life, "run", run),
        random: schedule.random,
        network: { openUdp: udp.open(host), listenTcp: tcp.listen(host), connectTcp: tcp.connect(host) },
        packets: segments.port(host),
        datagrams: datagrams.port(host),
        interleave: true,
      }
    },
    network: {
      partition: (a, b, plane) => fabric.cut(a, b, plane),
      heal: (a, b) => fabric.mend(a, b),
      lose: (from, to, share) => fabric.lose(from, to, share),
      shape(conditions) {
        fabric.conditions = { ...fabric.conditions, ...conditions }
      },
      kill(name) {
        const host = fabric.named(name)
        host.life.dead = true
        host.powered = false
      },
      killProcess(name) {
        fabric.named(name).life.dead = true
      },
      pause(name, what = "machine") {
        const host = fabric.named(name)
        host.life.paused = true
        host.kernelAwake = what === "process"
      },
      resume(name) {
        const host = fabric.named(name)
        host.kernelAwake = true
        schedule.resume(host.life)
      },
      setLink: (name, networkInterface, up) => segments.setLink(name, networkInterface, up),
    },
    async settle(promise, within) {
      let done = false
      const finish = () => {
        done = true
      }
      promise.then(finish, finish)
      await runUntil(() => done, within)
      return promise
    },
    async runFor(ms) {
      const endMs = schedule.nowMs + ms
      while (await schedule.step(endMs));
    },
  }
}
