import type { Context } from "../../../supervision/actor.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import type { HandedOver } from "./messages.ts"

/** Who wants to know when nothing lingers any more, and the interfaces that have not said so yet. */
export interface HandingOver {
  readonly askers: readonly ActorRef<HandedOver>[]
  readonly waitingFor: ReadonlySet<string>
}

const mostAskers = 16

export const asked = (
  before: HandingOver | undefined,
  asker: ActorRef<HandedOver>,
  interfaces: Iterable<string>,
): HandingOver => ({
  askers: [...(before?.askers ?? []), asker].slice(-mostAskers),
  waitingFor: new Set(interfaces),
})

/** An interface has handed over, or it is gone or new, and answers for nothing that it did before. */
export const without = (handing: HandingOver | undefined, name: string): HandingOver | undefined =>
  handing && { ...handing, waitingFor: new Set([...handing.waitingFor].filter((other) => other !== name)) }

/** Undefined when everybody has been answered. */
export function answerIfDone(handing: HandingOver | undefined, context: Context<never>): HandingOver | undefined {
  if (handing === undefined || handing.waitingFor.size > 0) return handing
  for (const asker of handing.askers) context.send(asker, { kind: "handed-over" })
  return undefined
}
