import { closeDescriptor } from "./system-calls.ts"

/**
 * The descriptors a worker thread holds, in memory that outlives it. The kernel closes descriptors when the process
 * ends, not when a thread does: a worker that is terminated would leave its sockets open. Whoever comes after closes
 * what it finds here; see `reclaim`.
 *
 * A slot holds a descriptor plus one, or 0. Between the kernel's giving a number and the slot's taking it there are a
 * few machine instructions; a worker terminated exactly there leaks one descriptor.
 */
export class Descriptors {
  readonly #slots: Int32Array

  constructor(shared: SharedArrayBuffer) {
    this.#slots = new Int32Array(shared)
  }

  /** False when there is no slot left; then the caller closes the descriptor. */
  keep(fd: number): boolean {
    for (let slot = 0; slot < this.#slots.length; slot++) {
      if (Atomics.compareExchange(this.#slots, slot, 0, fd + 1) === 0) return true
    }
    return false
  }

  /** The slot goes first: freed after the close, it could name a descriptor that is somebody else's by then. */
  close(fd: number): void {
    for (let slot = 0; slot < this.#slots.length; slot++) {
      if (Atomics.compareExchange(this.#slots, slot, fd + 1, 0) === fd + 1) {
        closeDescriptor(fd)
        return
      }
    }
  }
}

/** Zeroed memory for that many open descriptors of one thread. */
export function descriptorTable(capacity = 1024): SharedArrayBuffer {
  return new SharedArrayBuffer(capacity * Int32Array.BYTES_PER_ELEMENT)
}

/** Closes what a thread that is no more left open, and says how many. Only after its `exit` event. */
export function reclaim(shared: SharedArrayBuffer): number {
  const slots = new Int32Array(shared)
  let closed = 0
  for (let slot = 0; slot < slots.length; slot++) {
    const fd = Atomics.exchange(slots, slot, 0) - 1
    if (fd < 0) continue
    closeDescriptor(fd)
    closed++
  }
  return closed
}
