import type { Context } from "../../supervision/actor.ts"
import type { Layer2Happened } from "./layer2/messages.ts"
import type { AnnouncerState, Message } from "./state.ts"

const againAfterMs = 5_000

/**
 * A member announces what is ours by all that we know. One of us has missed what the other says of itself: that it is
 * drained or not any more, or what it claims. Gossip tells everything once, and mends what was lost only with whole tables,
 * every thirty seconds or less often; these two exchange theirs now.
 */
export function compareTables(state: AnnouncerState, { happening }: Layer2Happened, context: Context<Message>): void {
  const { compared, config } = state
  if (happening.what !== "contested" || config.gossip === undefined) return
  const nowMs = context.world.clock.monotonicMs()
  for (const [name, atMs] of compared) if (nowMs - atMs >= againAfterMs) compared.delete(name)
  // A thousand addresses are one reason.
  if (compared.has(happening.by)) return
  compared.set(happening.by, nowMs)
  context.send(config.gossip, { kind: "sync", name: happening.by })
}
