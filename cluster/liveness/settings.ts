/** Milliseconds throughout. */
export interface LivenessSettings {
  /** How often a member that others rely on is probed on each segment: at best, … */
  readonly probeEveryMs: number
  /** … with so much more for each that is, so that a node which watches many has no more to do, … */
  readonly probeEachMs: number
  /** … and at worst. */
  readonly probeManyEveryMs: number
  /** A probe without an answer for so long is missed; on a LAN answers take less than one. */
  readonly answerWithinMs: number
  /** How often it is probed, and its port tried, while in doubt. */
  readonly doubtEveryMs: number
  /** How often, and at what distance, kernels are asked for their own addresses while in doubt. */
  readonly kernelProbes: number
  readonly kernelEveryMs: number
  /** How long a TCP connection to the gossip port may take. */
  readonly connectWithinMs: number
  /** How long gossip may take to say whether a member answers: the first time, when its machine may be gone, … */
  readonly verifyFirstMs: number
  /** … and later, when all that is left is a speaker that may only be slow. */
  readonly verifyWithinMs: number
  /** How old gossip's word may be while the doubt goes on. */
  readonly verifyEveryMs: number
  /**
   * Silence of a speaker whose machine is there and whom gossip does not hear either: paused or hung. Pauses of 300 ms are
   * to be borne, and were seen to end 65 ms late where processors are busy; the last question (`confirmMs`) comes on top.
   */
  readonly hungMs: number
  /** Silence where not all that would prove it is known. */
  readonly silentMs: number
  /** Each candidate that comes before us gets so much longer. */
  readonly stepMs: number
  /** How long a last question to everybody must stay unanswered before a take-over. */
  readonly confirmMs: number
  /** A timer that was later than this means that we slept. */
  readonly pauseMs: number
  /** How often a member that gossip calls dead or gone, or one that leads now, is asked for an address of its that we have. */
  readonly seekEveryMs: number
  /** Members may disagree for so long between two announcements of the same address. */
  readonly sayEveryMs: number
  /** For how long whoever had what we took and lead now is asked for it: gossip exchanges whole tables once a minute or two. */
  readonly askBackMs: number
  /** RFC 5227 DEFEND_INTERVAL. */
  readonly defendEveryMs: number
  /** Gossip and the wire may disagree for so long before it is called a split. */
  readonly splitAfterMs: number
  /** Whom neither gossip nor the API server knows any more keeps its name for so long after it was heard last. */
  readonly rememberMs: number
  /** How often kernels of others are asked while all is well, to know who is on the segment. */
  readonly acquaintEveryMs: number
  /** An address that a stranger has made us give up is tried again after so much quiet. */
  readonly ceaseMs: number
  /** How long an address that another leads now is answered for at most, while that one is not heard: by who has to go, … */
  readonly lingerMs: number
  /** … and by a candidate, which may as well go on: a better one that has just started may need a while. */
  readonly lingerStandbyMs: number
  /** How much longer once it was heard: a question may have reached it too soon, and reach us late. */
  readonly crossingMs: number
}

export const livenessSettings: LivenessSettings = {
  probeEveryMs: 50,
  probeEachMs: 5,
  probeManyEveryMs: 100,
  answerWithinMs: 40,
  doubtEveryMs: 50,
  kernelProbes: 3,
  kernelEveryMs: 20,
  connectWithinMs: 100,
  verifyFirstMs: 60,
  verifyWithinMs: 200,
  verifyEveryMs: 250,
  hungMs: 400,
  silentMs: 700,
  stepMs: 150,
  confirmMs: 30,
  pauseMs: 100,
  seekEveryMs: 300,
  sayEveryMs: 2000,
  askBackMs: 120_000,
  defendEveryMs: 10_000,
  splitAfterMs: 1500,
  rememberMs: 30_000,
  acquaintEveryMs: 10_000,
  ceaseMs: 60_000,
  lingerMs: 2000,
  lingerStandbyMs: 10_000,
  crossingMs: 50,
}
