import { errno, family, messageFlag, netlinkGroup, netlinkRoute, netlinkType, socketType } from "./linux.ts"
import { bindNetlink } from "./interfaces.ts"
import { deletedLink, messagesIn } from "./netlink.ts"
import { failure, type Outcome } from "./outcome.ts"
import type { Cancel, RawLoop } from "./raw-loop.ts"
import { openSocket } from "./socket.ts"
import { receive } from "./system-calls.ts"

export interface LinkEvents {
  /** At most once per turn of the loop. Events can be lost (ENOBUFS), so it carries nothing: look for yourself. */
  changed(): void
  /** An interface was deleted. */
  gone(index: number): void
}

const bufferLength = 65536
const datagramsPerTurn = 64
const groups = netlinkGroup.link | netlinkGroup.ipv4Address | netlinkGroup.ipv6Address

/** Tells when links or addresses of this network namespace change, as the kernel reports it. */
export function monitorLinks(loop: RawLoop, on: LinkEvents): Outcome<Cancel> {
  const type = socketType.raw | socketType.nonBlocking | socketType.closeOnExec
  const opened = openSocket(loop.descriptors, family.netlink, type, netlinkRoute)
  if (!opened.ok) return opened
  const fd = opened.value
  const bound = bindNetlink(fd, groups)
  if (bound < 0) {
    loop.descriptors.close(fd)
    return failure("listening for link events", bound)
  }
  const buffer = new Uint8Array(bufferLength)
  const unwatch = loop.add(fd, () => {
    for (const index of drain(fd, buffer)) on.gone(index)
    on.changed()
  })
  return {
    ok: true,
    value: () => {
      unwatch()
      loop.descriptors.close(fd)
    },
  }
}

/** Reads what waits, and returns which interfaces were deleted. */
function drain(fd: number, buffer: Uint8Array): number[] {
  const gone: number[] = []
  for (let i = 0; i < datagramsPerTurn; i++) {
    const length = receive(fd, buffer, buffer.length, messageFlag.doNotWait)
    if (length === errno.again) break
    if (length < 0) continue
    for (const { type, body } of messagesIn(buffer.subarray(0, length))) {
      const index = type === netlinkType.delLink ? deletedLink(body) : undefined
      if (index !== undefined) gone.push(index)
    }
  }
  return gone
}
