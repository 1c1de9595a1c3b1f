import pino from "pino"
import type { Log } from "../supervision/actor.ts"

const levels = { all: "debug", debug: "debug", info: "info", warn: "warn", error: "error", none: "silent" } as const
export type LogLevel = keyof typeof levels

export const isLogLevel = (text: string): text is LogLevel => Object.hasOwn(levels, text)

/**
 * One JSON object a line, in MetalLB's keys: `ts`, `level`, `caller`, `msg`, then what the event has. Written
 * synchronously, so that the last line before an exit is not lost; each thread has a log of its own.
 */
export function jsonLog(level: LogLevel, fd = 1): Log {
  const log = pino(
    {
      base: null,
      messageKey: "msg",
      level: levels[level],
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: (error: unknown) => (error instanceof Error ? error.message : error) },
    },
    pino.destination({ fd, sync: true }),
  )
  const line =
    (at: "debug" | "info" | "warn" | "error"): Log["info"] =>
    (message, fields) => {
      if (log.isLevelEnabled(at)) log[at]({ caller: caller(), ...fields }, message)
    }
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") }
}

/** `announcer.ts:120`: the first frame that is neither this file nor the kernel that binds an actor's path to its log. */
function caller(): string {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 8
  const stack = new Error().stack ?? ""
  Error.stackTraceLimit = limit
  for (const frame of stack.split("\n").slice(1)) {
    const place = /([^/\\]+\.ts):(\d+):\d+\)?$/.exec(frame)
    if (place && !frame.includes("/cli/logging.ts") && !frame.includes("/supervision/"))
      return `${place[1]}:${place[2]}`
  }
  return "troupe"
}
