import { tellLink } from "../../io/link-messages.ts"
import { tcpWithOptions } from "../../io/tcp-socket.ts"
import { connectTcpOver, listenTcpOver } from "../../supervision/real-tcp.ts"
import type { Network } from "../../supervision/world.ts"

const { prepare, prepareListener, ...abilities } = tcpWithOptions
const connect = connectTcpOver(prepare)

/** TCP as the BGP thread has it; who waits for silence waits less long. */
export const network: Partial<Network> = {
  connectTcp: (to, on) => connect({ ...to, timeoutMs: Math.min(to.timeoutMs, 2_000) }, on),
  listenTcp: listenTcpOver(prepareListener),
  tellLink,
  ...abilities,
}
