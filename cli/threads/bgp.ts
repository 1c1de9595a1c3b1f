import { type BgpConfig, bgpActor } from "../../actors/session/bgp.ts"
import { tcpWithOptions } from "../../io/tcp-socket.ts"
import { connectTcpOver } from "../../supervision/real-tcp.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { type ThreadCommon, threadLog } from "./thread.ts"

export type BgpThreadConfig = BgpConfig & ThreadCommon

const { prepare, ...abilities } = tcpWithOptions

serveThread(bgpActor, {
  world: () => realWorld({ network: { connectTcp: connectTcpOver(prepare), ...abilities } }),
  log: (_, config: BgpThreadConfig) => threadLog(config),
})
