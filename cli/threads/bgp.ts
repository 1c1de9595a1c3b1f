import { type BgpConfig, bgpActor } from "../../actors/session/bgp.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { type ThreadCommon, threadLog } from "./thread.ts"

export type BgpThreadConfig = BgpConfig & ThreadCommon

serveThread(bgpActor, { world: () => realWorld(), log: (_, config: BgpThreadConfig) => threadLog(config) })
