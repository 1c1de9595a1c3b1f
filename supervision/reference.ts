declare const accepts: unique symbol

/**
 * The address of an actor: plain data that can be sent to another thread or written to a log. `M` is what the actor
 * accepts; it exists for the compiler only, so that a wrong message does not compile.
 */
export interface ActorRef<in M> {
  /** Where the actor runs: `main`, or the id of a thread. */
  readonly thread: string
  /** Full path in the tree, across threads: `/speaker/layer2/eth0`. */
  readonly path: string
  /** The incarnation. 0 means whoever lives at the path now: such a reference survives restarts. */
  readonly uid: number
  readonly [accepts]?: (message: M) => void
}
