import { bgpActor } from "../../actors/session/bgp.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { threadLog } from "./log.ts"

serveThread(bgpActor, { world: () => realWorld(), log: () => threadLog(import.meta.url) })
