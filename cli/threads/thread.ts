import type { Log } from "../../supervision/actor.ts"
import { jsonLog, type LogLevel } from "../logging.ts"

/** What every thread of a daemon is told beside its actor's own configuration: a worker has no flags. */
export interface ThreadCommon {
  readonly logLevel: LogLevel
}

/** The module of a thread, beside this file. */
export const threadModule = (file: string): string => new URL(`./${file}`, import.meta.url).href

/** Lines of the thread go to the process's standard output, in one write each. */
export const threadLog = ({ logLevel }: ThreadCommon): Log => jsonLog(logLevel)
