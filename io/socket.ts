import type { Descriptors } from "./descriptors.ts"
import { errno } from "./linux.ts"
import { failure, type Outcome } from "./outcome.ts"
import { closeDescriptor, socket } from "./system-calls.ts"

/** A socket whose number is in the thread's table; closed by `descriptors.close`. */
export function openSocket(descriptors: Descriptors, family: number, type: number, protocol: number): Outcome<number> {
  const fd = socket(family, type, protocol)
  if (fd < 0) return failure("opening a socket", fd)
  if (descriptors.keep(fd)) return { ok: true, value: fd }
  closeDescriptor(fd)
  return failure("opening a socket: the thread's descriptor table is full", errno.tooManyFiles)
}
