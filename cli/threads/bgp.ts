import { importProtocol } from "../../actors/session/kernel-plan.ts"
import { type BgpConfig, bgpActor } from "../../actors/session/bgp.ts"
import { routingPort } from "../../io/routing.ts"
import { tellLink } from "../../io/link-messages.ts"
import { tcpWithOptions } from "../../io/tcp-socket.ts"
import { connectTcpOver, listenTcpOver } from "../../supervision/real-tcp.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { type ThreadCommon, threadLog } from "./thread.ts"

export type BgpThreadConfig = BgpConfig & ThreadCommon

const { prepare, prepareListener, ...abilities } = tcpWithOptions
const network = {
  connectTcp: connectTcpOver(prepare),
  listenTcp: listenTcpOver(prepareListener),
  tellLink,
  ...abilities,
}

serveThread(bgpActor, {
  world: () => realWorld({ network, routing: routingPort(importProtocol) }),
  log: (_, config: BgpThreadConfig) => threadLog(config),
})
