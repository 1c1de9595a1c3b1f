import type { Redis, RedisOptions } from "ioredis"
import type {
  Claimant,
  WitnessAnswer,
  WitnessClaim,
  WitnessQuestion,
  WitnessStore,
} from "../../cluster/witness/messages.ts"
import { script } from "./script.ts"
import type { WitnessAddress } from "./address.ts"

const addressesPerScript = 64
/** An epoch has to outlast every claim, and what a node on the other side of a partition remembers. */
const counterTtlMs = 30 * 24 * 3600 * 1000
const connectWithinMs = 2000
const commandWithinMs = 1500
const reconnectMs = { first: 200, most: 10_000 }

/**
 * Redis as the witness. ioredis is loaded here and nowhere else, and only when a witness is asked for. While there is no
 * connection everything is refused at once: the actor has its own pace.
 */
export async function redisStore({ where, prefix, ...connection }: WitnessAddress): Promise<WitnessStore> {
  const { Redis } = await import("ioredis")
  const options = {
    ...connection,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: connectWithinMs,
    commandTimeout: commandWithinMs,
    disableClientInfo: true,
    protocol: 2,
    retryStrategy: (times: number) => Math.min(reconnectMs.most, reconnectMs.first * 2 ** Math.min(10, times - 1)),
    // A master that has become a replica takes no writes: another connection may find the new master.
    reconnectOnError: ({ message }: Error) => message.startsWith("READONLY"),
  } satisfies RedisOptions
  const redis: Redis = new Redis(options)
  let lastError = "not connected"
  // Said with each exchange that fails for it; without a listener it would end the process.
  redis.on("error", (error: Error) => void (lastError = plainError(error, connection.password)))
  let connecting: Promise<void> | undefined
  const ready = async () => {
    if (redis.status === "wait") connecting = redis.connect().catch(() => undefined)
    await connecting
    if (redis.status !== "ready") throw new Error(lastError)
  }
  const ask = async (by: Claimant, questions: readonly WitnessQuestion[]): Promise<readonly WitnessAnswer[]> => {
    await ready()
    if (questions.length === 0) await redis.ping()
    const answers: WitnessAnswer[] = []
    for (let at = 0; at < questions.length; at += addressesPerScript) {
      const some = questions.slice(at, at + addressesPerScript)
      const { keys, args } = asked(prefix, by, some)
      answers.push(...readAnswers(await redis.eval(script, keys.length, ...keys, ...args), some.length))
    }
    return answers
  }
  return {
    where,
    close: () => redis.disconnect(),
    // The client's errors carry the command that failed, which may be the one with the password: their text is enough.
    exchange: (by, questions) =>
      ask(by, questions).catch((error: unknown) => Promise.reject(new Error(plainError(error, connection.password)))),
  }
}

function asked(prefix: string, { node, macs, ttlMs }: Claimant, questions: readonly WitnessQuestion[]) {
  const keys = questions.flatMap(({ ip }) => [`${prefix}claims:${ip}`, `${prefix}epoch:${ip}`])
  const wants = questions.map(({ what }) => {
    if (what.kind === "claim") return what.epoch ?? 0
    return what.kind === "watch" ? -1 : -2
  })
  const args: (string | number)[] = [node, macs.join(" "), ttlMs, counterTtlMs, ...wants]
  return { keys, args }
}

/** What Redis says of itself, without what we have said to it. */
function plainError(error: unknown, password: string | undefined): string {
  const text = error instanceof Error ? error.message || error.name : "unknown error"
  return password ? text.replaceAll(password, "…") : text
}

/** Another program may have the same keys, or it may be no Redis at all. */
function readAnswers(reply: unknown, expected: number): readonly WitnessAnswer[] {
  if (!Array.isArray(reply) || reply.length !== expected) throw new Error("the answer is not that of our script")
  return reply.map((one: unknown) => {
    const [own, others] = Array.isArray(one) ? (one as unknown[]) : []
    if (!Array.isArray(own) || !Array.isArray(others)) throw new Error("the answer is not that of our script")
    return { ...(own.length > 0 && { own: readClaim(own) }), others: others.map(readClaim) }
  })
}

function readClaim(reply: unknown): WitnessClaim {
  const [node, epoch, sinceMs, renewedMs, macs] = Array.isArray(reply) ? (reply as unknown[]) : []
  if (typeof node !== "string" || typeof macs !== "string" || ![epoch, sinceMs, renewedMs].every(Number.isSafeInteger))
    throw new Error("a claim is not one of ours")
  const numbers = { epoch: Number(epoch), sinceMs: Number(sinceMs), renewedMs: Number(renewedMs) }
  return { node, macs: macs === "" ? [] : macs.split(" "), ...numbers }
}
