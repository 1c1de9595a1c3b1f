import type { Endpoint, ListenHandlers, Network, TcpListener, UdpHandlers, UdpPort } from "../supervision/world.ts"

/** With port 0 the system picks one for UDP, which may be taken for TCP: then it picks again. */
const MOST_PICKS = 20

export interface Sockets {
  readonly udp: UdpPort
  readonly listener: TcpListener
}

/** UDP and TCP at the same port. Throws when that cannot be: without its sockets there is no member. */
export async function openSockets(
  network: Network,
  bind: Endpoint,
  onUdp: UdpHandlers,
  onTcp: ListenHandlers,
): Promise<Sockets> {
  for (let pick = 1; ; pick++) {
    const udp = await network.openUdp(bind, onUdp)
    if (!udp.ok) throw new Error(`gossip: cannot bind UDP ${bind.address} port ${bind.port}: ${udp.error.message}`)
    const { port } = udp.value.local
    const listener = await network.listenTcp({ address: bind.address, port }, onTcp)
    if (listener.ok) return { udp: udp.value, listener: listener.value }
    udp.value.close()
    if (bind.port !== 0 || listener.error.code !== "EADDRINUSE" || pick === MOST_PICKS)
      throw new Error(`gossip: cannot listen on TCP ${bind.address} port ${port}: ${listener.error.message}`)
  }
}
