import v8 from "node:v8"
import { scheduler } from "./linux.ts"
import { done, failure, type Outcome } from "./outcome.ts"
import { setScheduler } from "./system-calls.ts"

/**
 * Real-time priority for the calling thread alone, the lowest there is: it runs as soon as it has something to do, before
 * every ordinary thread of the machine. For threads whose work is short; the kernel leaves 5 % to all others even so.
 * Needs CAP_SYS_NICE: EPERM without it, and everything goes on as before.
 *
 * Helper threads of V8 stay ordinary. With them it shares the collection of young objects, and then waits until they have
 * run: on a node that is short of CPU for longer than many a timer. So in this process each thread collects its own.
 */
export function preferThisThread(): Outcome<void> {
  const result = setScheduler(0, scheduler.roundRobin, Uint8Array.of(1, 0, 0, 0))
  if (result < 0) return failure("asking for real-time priority", result)
  v8.setFlagsFromString("--no-parallel-scavenge")
  return done
}
