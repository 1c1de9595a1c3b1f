import { type BfdCommand, type BfdReport, bfdKey, type BfdSessionReport } from "../../actors/bfd/messages.ts"
import type { Paths } from "../../actors/session/messages.ts"
import type { BfdThreadConfig } from "../../cli/threads/bfd.ts"
import { threadModule } from "../../cli/threads/thread.ts"
import { descriptorTable } from "../../io/descriptors.ts"
import type { Actor, Log } from "../../supervision/actor.ts"
import { realWorld } from "../../supervision/real-world.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { startSystem, type System } from "../../supervision/system.ts"

/** The path to one BGP peer. */
interface Watched {
  /** Of the BGP peer. */
  readonly name: string
  readonly peer: string
  readonly local: string
}

/** The BFD thread as the daemon has it; what it says of paths goes on to BGP. */
export interface Watching {
  readonly system: System
  session(watched: Watched): BfdSessionReport | undefined
}

type Message = BfdReport | { readonly kind: "started"; readonly bfd: ActorRef<BfdCommand> }

const idFor = ({ peer, local }: Watched) => ({ peer, local, multihop: false })

export function watch(all: readonly Watched[], tell: (paths: Paths) => void): Watching {
  const silent = (): void => {}
  const log: Log = { debug: silent, info: silent, warn: silent, error: silent }
  const system = startSystem({ name: "bfd", world: realWorld(), log })
  const config: BfdThreadConfig = { logLevel: "error", descriptors: descriptorTable() }
  // Slow, because the machine is busy: what is measured is that the two belong together.
  const profile = { transmitInterval: 300, receiveInterval: 300, detectMultiplier: 5 }
  let sessions: BfdReport["sessions"] = []
  const session = (watched: Watched) => sessions.find(({ key }) => key === bfdKey(idFor(watched)))
  const actor: Actor<undefined, undefined, Message> = {
    kind: "watching",
    start(_, context) {
      const entry = { kind: "module", url: threadModule("bfd.ts"), config } as const
      context.spawnThread<BfdCommand>({ id: "bfd", entry, started: (bfd) => ({ kind: "started", bfd }) })
      return undefined
    },
    receive(_, message, context) {
      if (message.kind === "started") {
        context.send(message.bfd, { kind: "subscribe", subscriber: context.self })
        context.send(message.bfd, { kind: "sessions", sessions: all.map((one) => ({ ...idFor(one), profile })) })
      } else {
        sessions = message.sessions
        const paths = all.flatMap((one) => {
          const found = session(one)
          if (found === undefined) return []
          return [[one.name, { losses: found.counters.pathLosses, up: found.state === "up" }] as const]
        })
        tell(Object.fromEntries(paths))
      }
      return undefined
    },
  }
  system.spawn({ id: "watching", actor, config: undefined })
  return { system, session }
}
