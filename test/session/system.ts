import { bgpActor, type BgpConfig } from "../../actors/session/bgp.ts"
import type { BgpCommand, BgpReport, DesiredPeer, SessionReport } from "../../actors/session/messages.ts"
import type { Actor, ThreadEntry } from "../../supervision/actor.ts"
import { realWorld, type WorldParts } from "../../supervision/real-world.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { World } from "../../supervision/world.ts"
import { refTo, startSystem, type System } from "../../supervision/system.ts"

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error"
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** The BGP actor below a parent that tells it what is wanted, as the speaker's tree does. */
export interface Speaker {
  readonly system: System
  readonly lines: LogLine[]
  readonly reports: BgpReport[]
  want(...peers: DesiredPeer[]): void
  session(name: string): SessionReport | undefined
  /** Waits for the session to be so. */
  reached(name: string, state: SessionReport["state"], boundMs?: number): Promise<SessionReport>
  shutDown(): Promise<boolean>
}

type ParentMessage =
  | BgpReport
  | { readonly kind: "want"; readonly peers: readonly DesiredPeer[] }
  | { readonly kind: "started"; readonly bgp: ActorRef<BgpCommand> }

interface ParentState {
  readonly bgp: ActorRef<BgpCommand>
  readonly peers?: readonly DesiredPeer[]
}

function parentActor(
  entry: ThreadEntry<BgpCommand>,
  reported: (report: BgpReport) => void,
): Actor<undefined, ParentState, ParentMessage> {
  return {
    kind: "speaker",
    start: (_config, context) => ({
      bgp: context.spawnThread({ id: "bgp", entry, started: (bgp) => ({ kind: "started", bgp }) }),
    }),
    receive(state, message, context) {
      switch (message.kind) {
        case "bgp-report":
          reported(message)
          return state
        case "want":
          context.send(state.bgp, { kind: "peers", peers: message.peers })
          return { ...state, peers: message.peers }
        case "started":
          context.send(message.bgp, { kind: "subscribe", subscriber: context.self })
          if (state.peers !== undefined) context.send(message.bgp, { kind: "peers", peers: state.peers })
          return state
      }
    },
  }
}

export interface SpeakerOptions {
  readonly config?: BgpConfig
  /** Parts of the world that a test replaces. */
  readonly parts?: WorldParts
  /** Another world altogether. */
  readonly world?: World
  /** In a worker thread of its own, as in the daemon; its log says nothing. */
  readonly thread?: boolean
}

/** Tries at short intervals: BIRD refuses connections for a second or two after an error. */
const quick: BgpConfig = { retry: { firstMs: 50, maxMs: 500 } }

export function startSpeaker({
  config = quick,
  parts = {},
  world = realWorld(parts),
  thread = false,
}: SpeakerOptions = {}): Speaker {
  const lines: LogLine[] = []
  const reports: BgpReport[] = []
  const write =
    (level: LogLine["level"]) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void lines.push({ level, message, fields })
  const system = startSystem({
    name: "bgp-test",
    world,
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
  })
  const entry: ThreadEntry<BgpCommand> = thread
    ? { kind: "module", url: new URL("bgp-thread.ts", import.meta.url).href, config }
    : { kind: "inline", actor: bgpActor as unknown as Actor<unknown, unknown, BgpCommand>, config }
  const actor = parentActor(entry, (report) => reports.push(report))
  const parent = system.spawn({ id: "speaker", actor, config: undefined })
  const bgp = refTo<BgpCommand>("/speaker/bgp")
  const session = (name: string): SessionReport | undefined => reports.at(-1)?.sessions.find((one) => one.name === name)
  return {
    system,
    lines,
    reports,
    want: (...peers) => system.send(parent, { kind: "want", peers }),
    session,
    async reached(name, state, boundMs) {
      const seen = (): string => JSON.stringify(session(name))
      await until(`${name} ${state}`, () => session(name)?.state === state, boundMs, seen)
      const report = session(name)
      if (report === undefined) throw new Error(`${name} is gone`)
      return report
    },
    async shutDown() {
      const answer = await system.ask<BgpCommand, { readonly kind: "shut-down" }>(
        bgp,
        (replyTo) => ({ kind: "shutdown", replyTo }),
        10_000,
      )
      return answer.ok
    },
  }
}

/** Waits for a condition; what is still missing after the bound is the failure. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  boundMs = 30_000,
  seen: () => string = () => "",
): Promise<void> {
  const endMs = Date.now() + boundMs
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`not within ${boundMs} ms: ${what} ${seen()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
