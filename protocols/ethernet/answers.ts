import type { Ip } from "../ip.ts"

/**
 * What one interface answers for. `here`: answer. `elsewhere`: this node announces the address, but not on this
 * interface. Not in the map: not announced by this node. ARP and NDP decide by the same table.
 */
export type Answers = ReadonlyMap<Ip, "here" | "elsewhere">

/** Why a frame for an address gets no answer, the part that ARP and NDP share. Undefined: it gets one. */
export function refusal(answers: Answers, target: Ip): "announce-ip" | "not-match-interface" | undefined {
  const answer = answers.get(target)
  if (answer === undefined) return "announce-ip"
  return answer === "here" ? undefined : "not-match-interface"
}
