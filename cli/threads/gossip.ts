import { gossipActor } from "../../cluster/gossip.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { threadLog } from "./log.ts"

serveThread(gossipActor, { world: () => realWorld(), log: () => threadLog(import.meta.url) })
