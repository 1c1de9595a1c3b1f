import { tcpWithOptions } from "../../io/tcp-socket.ts"
import { connectTcpOver } from "../../supervision/real-tcp.ts"
import type { Network } from "../../supervision/world.ts"

const { prepare, ...abilities } = tcpWithOptions
const connect = connectTcpOver(prepare)

/** TCP as the BGP thread has it; who waits for silence waits less long. */
export const network: Pick<Network, "connectTcp" | "tcpMd5" | "tcpAo" | "tcpRouting"> = {
  connectTcp: (to, on) => connect({ ...to, timeoutMs: Math.min(to.timeoutMs, 2_000) }, on),
  ...abilities,
}
