/**
 * One gossip node as a process, for tests that kill it: `node node.ts '<GossipConfig as JSON>' [thread]`. Standard input
 * takes a command a line: `peers ADDRESS…`, `leave`, `counters`. Standard output answers in JSON, a line each.
 */
import { createInterface } from "node:readline"
import type { GossipConfig } from "../../cluster/gossip-config.ts"
import { gossipActor } from "../../cluster/gossip.ts"
import type { GossipCommand, GossipCounters, Members } from "../../cluster/messages.ts"
import type { Actor, Log } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { startSystem } from "../../supervision/system.ts"

const config = JSON.parse(process.argv[2] ?? "") as GossipConfig
const inThread = process.argv[3] === "thread"
const say = (line: object) => process.stdout.write(`${JSON.stringify({ ...line, atMs: Date.now() })}\n`)
const at =
  (level: string): Log["info"] =>
  (message, fields) =>
    process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`)
const log: Log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }

type Message =
  | Members
  | GossipCounters
  | { readonly kind: "left" }
  | { readonly kind: "started"; readonly gossip: ActorRef<GossipCommand> }
  | { readonly kind: "line"; readonly text: string }

interface State {
  gossip: ActorRef<GossipCommand>
  peers: string[]
}

const owner: Actor<null, State, Message> = {
  kind: "owner",
  start(_, context) {
    const id = "gossip"
    const started = (gossip: ActorRef<GossipCommand>): Message => ({ kind: "started", gossip })
    const url = new URL("../../cli/threads/gossip.ts", import.meta.url).href
    const gossip = inThread
      ? context.spawnThread<GossipCommand>({
          id,
          entry: { kind: "module", url, config: { ...config, logLevel: "error" } },
          started,
        })
      : (context.spawn({ id, actor: gossipActor, config, started }) as ActorRef<GossipCommand>)
    createInterface({ input: process.stdin })
      .on("line", (text) => system.send(context.self, { kind: "line", text }))
      .on("close", () => void system.stop())
    return { gossip, peers: [] }
  },
  receive(state, message, context) {
    const { gossip } = state
    switch (message.kind) {
      case "started":
        context.send(message.gossip, { kind: "subscribe", subscriber: context.self })
        context.send(message.gossip, { kind: "peers", addresses: state.peers })
        return state
      case "line": {
        const [command, ...rest] = message.text.split(" ")
        if (command === "peers") {
          context.send(gossip, { kind: "peers", addresses: rest })
          return { ...state, peers: rest }
        }
        if (command === "leave") context.send(gossip, { kind: "leave", replyTo: context.self })
        if (command === "counters") context.send(gossip, { kind: "counters", replyTo: context.self })
        return state
      }
      case "members":
      case "left":
      case "gossip-counters":
        say(message)
        return state
    }
  },
}

const system = startSystem({ name: "node", world: realWorld(), log })
system.spawn({ id: "owner", actor: owner, config: null })
