import type { WitnessAnswer, WitnessClaim, WitnessStore } from "../../cluster/witness/messages.ts"

/** The rules of the script in Redis, on a clock of the test's; `store.test.ts` holds both to the same. */
export class MemoryWitness {
  readonly #nowMs: () => number
  readonly #claims = new Map<string, Map<string, WitnessClaim>>()
  readonly #epochs = new Map<string, number>()
  /** What becomes of an exchange; by default it is answered at once. */
  mode: "answers" | "refuses" | "hangs" = "answers"
  exchanges = 0

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  forget(): void {
    this.#claims.clear()
    this.#epochs.clear()
  }

  holders(ip: string): readonly string[] {
    return [...(this.#claims.get(ip)?.keys() ?? [])].sort()
  }

  store(): WitnessStore {
    return {
      where: "memory",
      close: () => undefined,
      exchange: async ({ node, macs, ttlMs }, questions) => {
        this.exchanges++
        if (this.mode === "refuses") throw new Error("ECONNREFUSED")
        if (this.mode === "hangs") return new Promise(() => undefined)
        return questions.map(({ ip, what }): WitnessAnswer => {
          const nowMs = this.#nowMs()
          const claims = this.#claims.get(ip) ?? new Map<string, WitnessClaim>()
          this.#claims.set(ip, claims)
          for (const [name, { renewedMs }] of claims) if (renewedMs + ttlMs < nowMs) claims.delete(name)
          const others = [...claims.values()].filter((claim) => claim.node !== node)
          if (what.kind === "release") claims.delete(node)
          if (what.kind !== "claim") return { others }
          const before = claims.get(node)
          const kept = before !== undefined && nowMs - before.renewedMs <= ttlMs / 2
          const counted = this.#epochs.get(ip) ?? 0
          const epoch = Math.max(what.epoch ?? 0, before?.epoch ?? 0) || counted + 1
          this.#epochs.set(ip, Math.max(counted, epoch))
          const own = { node, macs, epoch, sinceMs: kept ? before.sinceMs : nowMs, renewedMs: nowMs }
          claims.set(node, own)
          return { own, others }
        })
      },
    }
  }
}
