import type { Cell, Spec } from "./cell.ts"
import type { TreeNode } from "./introspection.ts"
import { defaultLimits } from "./mailbox.ts"

/** What a snapshot shows of an actor and all below it. */
export async function treeNode(cell: Cell, restarts: number, lastError: string | undefined): Promise<TreeNode> {
  const children: Promise<TreeNode>[] = []
  for (const child of cell.family?.members() ?? []) {
    const { spec, restarts, lastError } = child
    if (child.cell !== undefined) children.push(child.cell.subtree(restarts, lastError))
    else children.push(Promise.resolve(awaited(cell, spec, restarts, lastError)))
  }
  const { mailbox } = cell
  return {
    path: cell.location === "" ? "/" : cell.location,
    kind: cell.spec.actor.kind,
    thread: cell.kernel.thread,
    uid: cell.uid,
    status: statusOf[cell.phase],
    mailbox: { length: mailbox.length, capacity: mailbox.capacity, refused: mailbox.refused },
    handled: cell.handled,
    restarts,
    ...(lastError === undefined ? {} : { lastError }),
    children: await Promise.all(children),
  }
}

const statusOf = {
  waiting: "starting",
  starting: "starting",
  running: "running",
  stopping: "stopping",
  dead: "stopping",
} as const

/** A child between its exit and its restart. */
function awaited(parent: Cell, spec: Spec, restarts: number, lastError: string | undefined): TreeNode {
  return {
    path: `${parent.location}/${spec.id}`,
    kind: spec.actor.kind,
    thread: parent.kernel.thread,
    uid: 0,
    status: "restarting",
    mailbox: { length: 0, capacity: (spec.mailbox ?? defaultLimits).capacity, refused: 0 },
    handled: 0,
    restarts,
    ...(lastError === undefined ? {} : { lastError }),
    children: [],
  }
}
