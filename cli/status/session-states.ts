import { type JsonObject, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { elapsed, table } from "./table.ts"

/** The status of a BGPSessionState. */
interface SeenState {
  readonly node: string
  readonly peerName: string
  readonly peer: string
  readonly bgpStatus: string
  readonly bfdStatus: string
  readonly establishedSince: string
  readonly lastError: string
}

export function sessionStateIn(object: JsonObject): SeenState {
  const status = objectAt(object, "status")
  const text = (field: keyof SeenState): string => textOf(status[field])
  return {
    node: text("node"),
    peerName: text("peerName"),
    peer: text("peer"),
    bgpStatus: text("bgpStatus"),
    bfdStatus: text("bfdStatus"),
    establishedSince: text("establishedSince"),
    lastError: text("lastError"),
  }
}

/** A line for each, by node and peer. */
export function describeSessionStates(states: readonly SeenState[], nowMs: number): string {
  const sorted = [...states].sort((a, b) => (`${a.node} ${a.peerName}` < `${b.node} ${b.peerName}` ? -1 : 1))
  return table([
    ["NODE", "PEER", "ADDRESS", "STATE", "SINCE", "BFD", "LAST ERROR"],
    ...sorted.map(({ node, peerName, peer, bgpStatus, bfdStatus, establishedSince, lastError }) => {
      const sinceMs = Date.parse(establishedSince)
      return [
        node,
        peerName,
        peer,
        bgpStatus,
        Number.isNaN(sinceMs) ? "-" : elapsed(nowMs - sinceMs),
        bfdStatus,
        lastError,
      ]
    }),
  ])
}
