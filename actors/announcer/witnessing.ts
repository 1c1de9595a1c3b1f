import { isDeepStrictEqual } from "node:util"
import type { WitnessCommand } from "../../cluster/witness/messages.ts"
import type { Context } from "../../supervision/actor.ts"
import type { AnnouncerState, Message } from "./state.ts"

export function listenToWitness(state: AnnouncerState, context: Context<Message>): void {
  const { witness } = state.config
  if (witness === undefined) return
  state.witnessTold = undefined
  context.send(witness.ref, { kind: "subscribe", subscriber: context.self })
  tellWitness(state, context)
}

/** Behind everything else that is told: nobody waits for the witness. */
export function tellWitness(state: AnnouncerState, context: Context<Message>): void {
  const { config, table, layer2, left } = state
  if (config.witness === undefined || table === undefined) return
  const macs = layer2?.macs ?? []
  const yielded = new Set(layer2?.wire?.yielded)
  const answered = table.entries.map(({ ip }) => ip).filter((ip) => !yielded.has(ip))
  const told: WitnessCommand = {
    kind: "announced",
    macs,
    // Without an interface that can answer nothing is announced, whatever the table says.
    claim: macs.length === 0 ? [] : [...new Set([...answered, ...(layer2?.wire?.taken ?? [])])].sort(),
    watch: [...left],
  }
  if (isDeepStrictEqual(told, state.witnessTold)) return
  state.witnessTold = told
  context.send(config.witness.ref, told)
}
