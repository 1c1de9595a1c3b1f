import { isDeepStrictEqual } from "node:util"
import type { Snapshot } from "../../config/snapshot.ts"
import type { Context } from "../../supervision/actor.ts"
import {
  conditionOf,
  type ConfigurationVerdict,
  decideConfiguration,
  describeFault,
  describeRefusal,
  refusal,
} from "./configuration.ts"
import { surroundingsChanged } from "./deciding.ts"
import { type AnnouncerState, announcementsOf, type Message } from "./state.ts"

/** Brings the newest resources into force, if they may; called again when what stood against it may have gone. */
export function configure(state: AnnouncerState, context: Context<Message>): void {
  if (state.facts === undefined) return
  const { log } = context
  state.configuring.begin("configuration")
  const verdict = decideConfiguration(state.facts, state.config.nodeName, state.snapshot, announcementsOf(state))
  state.configuring.end("configuration", verdict.kind === "refused" ? "error" : "success")
  const refusedBefore = state.refusedFor
  state.refusedFor = undefined
  state.faults = []
  state.stale = verdict.kind === "invalid" || verdict.kind === "refused"
  report(state, verdict)
  switch (verdict.kind) {
    case "accepted":
      log.info("config reloaded", { event: "config reloaded" })
      context.send(state.config.keeper, { kind: "accepted", snapshot: verdict.snapshot })
      return adopt(state, verdict.snapshot, context)
    case "unchanged":
      return log.debug("configuration did not change, ignoring")
    case "invalid":
      state.faults = verdict.faults.map(describeFault)
      return log.error("failed to parse the configuration", { error: state.faults[0], faults: state.faults })
    case "refused": {
      state.refusedFor = verdict.service
      state.faults = [describeRefusal(verdict.service)]
      if (refusedBefore === verdict.service) return
      state.updateErrors++
      return log.error("new configuration rejected", { op: "setConfig", service: verdict.service, error: refusal })
    }
  }
}

export function adopt(state: AnnouncerState, snapshot: Snapshot, context: Context<Message>): void {
  state.snapshot = snapshot
  surroundingsChanged(state, context)
}

/** Once for as long as it is so. */
function report(state: AnnouncerState, verdict: ConfigurationVerdict): void {
  const condition = conditionOf(verdict)
  if (isDeepStrictEqual(condition, state.reported)) return
  state.reported = condition
  const { api, nodeName } = state.config
  api.reportConfiguration({ component: "speaker", nodeName, condition })
}
