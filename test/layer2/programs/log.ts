import { writeSync } from "node:fs"
import type { Log } from "../../../supervision/actor.ts"

/** One JSON line on standard output, written at once: a worker's stream would wait for the main thread. */
export const tell = (line: Readonly<Record<string, unknown>>): void => {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

const logged = (level: string) => (msg: string, fields?: Readonly<Record<string, unknown>>) => {
  tell({ ...fields, kind: "log", level, msg })
}
export const log: Log = {
  debug: logged("debug"),
  info: logged("info"),
  warn: logged("warn"),
  error: logged("error"),
}
