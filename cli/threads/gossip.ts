import { gossipActor } from "../../cluster/gossip.ts"
import type { GossipConfig } from "../../cluster/gossip-config.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { type ThreadCommon, threadLog } from "./thread.ts"

export type GossipThreadConfig = GossipConfig & ThreadCommon

serveThread(gossipActor, { world: () => realWorld(), log: (_, config: GossipThreadConfig) => threadLog(config) })
