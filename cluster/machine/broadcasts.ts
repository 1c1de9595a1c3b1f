/** A message that waits to be gossiped, already encoded. */
export interface Broadcast {
  /** Queueing one replaces what waits under the same key. */
  readonly key: string
  readonly bytes: Uint8Array
  readonly transmits: number
  /** Later is larger. */
  readonly order: number
  /** Our own good-bye: somebody waits for it to have gone out. */
  readonly farewell: boolean
  /** That another is suspect or dead. */
  readonly accuses: boolean
}

const LENGTH_BYTES = 2
/** One place in a compound is the message that the gossip rides on. */
const MOST_PARTS = 254

export interface Taken {
  readonly messages: Uint8Array[]
  readonly queue: Broadcast[]
  /** Sent as often as they are to be; no longer in the queue. */
  readonly finished: Broadcast[]
}

/** Takes what fits: least transmitted first, among those the longest, then the newest. Each goes once per packet. */
export function takeBroadcasts(queue: readonly Broadcast[], budgetBytes: number, limit: number): Taken {
  const inTurn = [...queue].sort(
    (a, b) => a.transmits - b.transmits || b.bytes.length - a.bytes.length || b.order - a.order,
  )
  let budget = budgetBytes
  const messages: Uint8Array[] = []
  const kept: Broadcast[] = []
  const finished: Broadcast[] = []
  for (const broadcast of inTurn) {
    const cost = broadcast.bytes.length + LENGTH_BYTES
    if (cost > budget || messages.length === MOST_PARTS) {
      kept.push(broadcast)
      continue
    }
    budget -= cost
    messages.push(broadcast.bytes)
    const sent = { ...broadcast, transmits: broadcast.transmits + 1 }
    ;(sent.transmits >= limit ? finished : kept).push(sent)
  }
  return { messages, queue: kept, finished }
}
