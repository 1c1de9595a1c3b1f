import type { LivenessSettings } from "./settings.ts"

/** What is known of a member whose speaker has left a probe unanswered. */
export interface Evidence {
  /** Probes without an answer since the last answer. */
  readonly missed: number
  /** Since the first of them was sent. */
  readonly silentMs: number
  /**
   * Its gossip port, over TCP. `refused`: its kernel says that nobody listens; counts only where connections were
   * accepted before. `accepts`: its kernel is there; that alone does not say that the process moves.
   */
  readonly port: "unknown" | "refused" | "accepts" | "no-answer"
  /** Its kernel, asked by ARP or NDP for the node's own address. `elsewhere`: it never answered on this segment. */
  readonly kernel: "unknown" | "answers" | "silent" | "elsewhere"
  /** Kernels of other members on this segment: whether we ourselves hear anybody. */
  readonly witnesses: "unknown" | "answer" | "silent" | "none"
  /** Gossip's own ping, directly and through others. */
  readonly gossip: "unknown" | "alive" | "silent"
  /** It says itself, in gossip, that the MAC we know it by announces no more. */
  readonly linkWithdrawn: boolean
}

/** `let-go`: not by `judge`; it lives, and does not answer for what gossip says is ours. */
export type Cause = "process-dead" | "node-gone" | "link-withdrawn" | "speaker-hung" | "let-go"

/** One case for each rule that played a part. */
export type LivenessReason =
  | { readonly rule: "unanswered"; readonly missed: number; readonly silentMs: number }
  | { readonly rule: "connection-refused" }
  | { readonly rule: "kernel-silent" }
  | { readonly rule: "machine-answers" }
  | { readonly rule: "gossip-silent" }
  | { readonly rule: "gossip-answers" }
  | { readonly rule: "gossip-unknown" }
  | { readonly rule: "witness-answers" }
  | { readonly rule: "no-witness" }
  | { readonly rule: "isolated" }
  | { readonly rule: "link-withdrawn" }
  | { readonly rule: "evidence-missing"; readonly of: "kernel" | "witnesses" | "gossip" | "port" }
  | { readonly rule: "too-soon"; readonly leftMs: number }
  | { readonly rule: "let-go"; readonly silentMs: number }

export interface LivenessVerdict {
  readonly decision: { readonly kind: "take-over"; readonly cause: Cause } | { readonly kind: "wait" }
  readonly because: readonly LivenessReason[]
}

/**
 * Whether the silence of a speaker is reason enough to take its addresses. In the order of what is certain and quick: a
 * refused connection; a machine that is gone; a link that its owner calls down; a speaker that does not move on a machine
 * that does. A speaker that gossip still hears keeps its addresses: its own supervision brings its packet thread back, or
 * it has stopped answering on purpose.
 */
export function judge(evidence: Evidence, settings: LivenessSettings): LivenessVerdict {
  const { missed, silentMs, port, kernel, witnesses, gossip, linkWithdrawn } = evidence
  const because: LivenessReason[] = [{ rule: "unanswered", missed, silentMs }]
  const wait = (...more: LivenessReason[]): LivenessVerdict => ({
    decision: { kind: "wait" },
    because: [...because, ...more],
  })
  const take = (cause: Cause, ...more: LivenessReason[]): LivenessVerdict => ({
    decision: { kind: "take-over", cause },
    because: [...because, ...more],
  })
  const long = silentMs >= settings.silentMs
  const tooSoon = (limitMs: number): LivenessVerdict => wait({ rule: "too-soon", leftMs: limitMs - silentMs })

  if (missed === 0) return wait()
  if (port === "refused") return take("process-dead", { rule: "connection-refused" })
  // It says so itself: that its machine is reached in another way changes nothing here.
  const isOff = linkWithdrawn && missed >= 2 && (kernel === "silent" || (kernel === "elsewhere" && long))
  if (isOff && (witnesses === "answer" || witnesses === "none"))
    return take("link-withdrawn", { rule: "link-withdrawn" })
  const thereBy = kernel === "answers" || port === "accepts"

  if (thereBy) {
    because.push({ rule: "machine-answers" })
    if (gossip === "alive") return wait({ rule: "gossip-answers" })
    if (silentMs < settings.hungMs) return tooSoon(settings.hungMs)
    // Without gossip's word it may be that only its packet thread is away.
    if (gossip === "unknown") return wait({ rule: "evidence-missing", of: "gossip" })
    return take("speaker-hung", { rule: "gossip-silent" })
  }

  if (kernel === "unknown") return wait({ rule: "evidence-missing", of: "kernel" })
  if (kernel === "silent") because.push({ rule: "kernel-silent" })
  if (witnesses === "unknown") return wait({ rule: "evidence-missing", of: "witnesses" })
  if (witnesses === "silent") return wait({ rule: "isolated" })
  because.push({ rule: witnesses === "none" ? "no-witness" : "witness-answers" })
  if (gossip === "alive") return wait({ rule: "gossip-answers" })
  // Its kernel was never heard here, so its silence says nothing; only the port does.
  if (kernel === "elsewhere" && port !== "no-answer") return wait({ rule: "evidence-missing", of: "port" })
  const certain = kernel === "silent" && witnesses === "answer" && gossip === "silent"
  if (!certain && !long) return tooSoon(settings.silentMs)
  return take("node-gone", { rule: gossip === "silent" ? "gossip-silent" : "gossip-unknown" })
}

export function describeLiveness(reason: LivenessReason): string {
  switch (reason.rule) {
    case "unanswered":
      return `${reason.missed} probes without an answer in ${Math.round(reason.silentMs)} ms`
    case "connection-refused":
      return "its machine refuses connections to its gossip port"
    case "kernel-silent":
      return "its machine does not answer for its own address"
    case "machine-answers":
      return "its machine answers, its speaker does not"
    case "gossip-silent":
      return "gossip gets no answer from it, directly or through others"
    case "gossip-answers":
      return "it answers gossip"
    case "gossip-unknown":
      return "gossip could not say in time"
    case "witness-answers":
      return "other members answer on this segment"
    case "no-witness":
      return "no other member is on this segment"
    case "isolated":
      return "no other member answers either: it is this node that is cut off"
    case "link-withdrawn":
      return "it says itself that this link is down"
    case "evidence-missing":
      return `not known yet: ${reason.of}`
    case "let-go":
      return `it lives, and has not answered for this address for ${Math.round(reason.silentMs)} ms`
    case "too-soon":
      return `${Math.round(reason.leftMs)} ms too soon`
  }
}
