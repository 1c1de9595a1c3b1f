import type { BfdCounters } from "./messages.ts"

export const noCounters: BfdCounters = {
  controlPacketInput: 0,
  controlPacketOutput: 0,
  echoPacketInput: 0,
  echoPacketOutput: 0,
  sessionUpEvents: 0,
  sessionDownEvents: 0,
  pathLosses: 0,
  notifications: 0,
  sendErrors: 0,
}

export const counted = (counters: BfdCounters, ...names: readonly (keyof BfdCounters)[]): BfdCounters => {
  const next = { ...counters }
  for (const name of names) next[name]++
  return next
}

export const sum = (a: BfdCounters, b: BfdCounters): BfdCounters => ({
  controlPacketInput: a.controlPacketInput + b.controlPacketInput,
  controlPacketOutput: a.controlPacketOutput + b.controlPacketOutput,
  echoPacketInput: a.echoPacketInput + b.echoPacketInput,
  echoPacketOutput: a.echoPacketOutput + b.echoPacketOutput,
  sessionUpEvents: a.sessionUpEvents + b.sessionUpEvents,
  sessionDownEvents: a.sessionDownEvents + b.sessionDownEvents,
  pathLosses: a.pathLosses + b.pathLosses,
  notifications: a.notifications + b.notifications,
  sendErrors: a.sendErrors + b.sendErrors,
})
