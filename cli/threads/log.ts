import type { Log } from "../../supervision/actor.ts"
import { isLogLevel, jsonLog } from "../logging.ts"

/** The module of a thread, with the process's log level in its query: a worker has no flags of its own. */
export function threadModule(file: string, logLevel: string): string {
  return new URL(`./${file}?log=${logLevel}`, import.meta.url).href
}

export function threadLog(module: string): Log {
  const level = new URL(module).searchParams.get("log") ?? "info"
  return jsonLog(isLogLevel(level) ? level : "info")
}
