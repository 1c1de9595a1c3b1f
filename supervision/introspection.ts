/** One actor in a snapshot of the tree. Plain data: crosses threads, prints as JSON. */
export interface TreeNode {
  readonly path: string
  readonly kind: string
  readonly thread: string
  readonly uid: number
  readonly status: "starting" | "running" | "stopping" | "restarting" | "unreachable"
  readonly mailbox: { readonly length: number; readonly capacity: number; readonly refused: number }
  readonly handled: number
  readonly restarts: number
  readonly lastError?: string
  readonly children: readonly TreeNode[]
}

export interface SystemCounters {
  readonly deadLetters: number
  readonly restarts: number
  readonly actors: number
  readonly messages: number
}
