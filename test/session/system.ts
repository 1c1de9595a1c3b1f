import { bgpActor, type BgpConfig } from "../../actors/session/bgp.ts"
import type { BgpCommand, BgpReport, DesiredPeer, SessionReport } from "../../actors/session/messages.ts"
import type { Actor } from "../../supervision/actor.ts"
import { realWorld, type WorldParts } from "../../supervision/real-world.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { startSystem, type System } from "../../supervision/system.ts"

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error"
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** The BGP actor in a system of its own, with whoever subscribed to it. */
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

export function startSpeaker(config: BgpConfig = {}, parts: WorldParts = {}): Speaker {
  const lines: LogLine[] = []
  const reports: BgpReport[] = []
  const write =
    (level: LogLine["level"]) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void lines.push({ level, message, fields })
  const system = startSystem({
    name: "bgp-test",
    world: realWorld(parts),
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
  })
  const subscriber: Actor<undefined, undefined, BgpReport> = {
    kind: "subscriber",
    start: () => undefined,
    receive(_state, report) {
      reports.push(report)
      return undefined
    },
  }
  const bgp: ActorRef<BgpCommand> = system.spawn({ id: "bgp", actor: bgpActor, config })
  system.send(bgp, {
    kind: "subscribe",
    subscriber: system.spawn({ id: "subscriber", actor: subscriber, config: undefined }),
  })
  const session = (name: string): SessionReport | undefined => reports.at(-1)?.sessions.find((one) => one.name === name)
  return {
    system,
    lines,
    reports,
    want: (...peers) => system.send(bgp, { kind: "peers", peers }),
    session,
    async reached(name, state, boundMs) {
      await until(
        `${name} ${state}`,
        () => session(name)?.state === state,
        boundMs,
        () => JSON.stringify(session(name)),
      )
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
