import { encode } from "../../protocols/bgp/packet.ts"
import type { Notification } from "../../protocols/bgp/notification.ts"
import type { Endpoint, NetworkError, TcpConnection, TcpHandlers, World } from "../../supervision/world.ts"

/** A connection that a listener has accepted. What arrives is kept until somebody takes it. */
export interface Incoming {
  readonly remote: Endpoint
  /** Once. It is open already: `opened` is not called. */
  take(on: TcpHandlers): TcpConnection
  /** Closes it, with a word to the peer where there is one. */
  refuse(notification?: Notification): void
}

/** More than any OPEN. */
const longestKept = 8_192
const takenWithinMs = 5_000
/** As for our last words on any connection. */
const lingerMs = 1_000

export function receiveConnection(world: World, tcp: TcpConnection, hand: (incoming: Incoming) => void): TcpHandlers {
  let taker: TcpHandlers | undefined
  let kept: Uint8Array[] = []
  let over: { readonly error?: NetworkError } | undefined
  const stopWaiting = world.timers.after(takenWithinMs, () => tcp.destroy())

  function flush(): void {
    const waiting = kept
    kept = []
    for (const bytes of waiting) taker?.data(bytes)
    if (over !== undefined) taker?.closed(over.error)
  }

  const incoming: Incoming = {
    remote: tcp.remote,
    take(on) {
      stopWaiting()
      taker = on
      if (kept.length > 0 || over !== undefined) world.immediate(flush)
      return tcp
    },
    refuse(notification) {
      stopWaiting()
      if (notification === undefined) return tcp.destroy()
      tcp.send(encode(notification, { fourOctet: false }))
      tcp.end()
      world.timers.after(lingerMs, () => tcp.destroy())
    },
  }
  return {
    opened: () => hand(incoming),
    data(bytes) {
      if (taker !== undefined && kept.length === 0) return taker.data(bytes)
      kept.push(bytes)
      if (kept.reduce((sum, { length }) => sum + length, 0) > longestKept) tcp.destroy()
    },
    drained: () => taker?.drained?.(),
    closed(error) {
      stopWaiting()
      over = error === undefined ? {} : { error }
      if (taker !== undefined && kept.length === 0) taker.closed(error)
    },
  }
}
