import prom from "prom-client"

let watched: prom.Registry | undefined

/** From now on how late the event loop is, and how long garbage collection takes, is measured. */
export function watchProcess(): void {
  if (watched !== undefined) return
  watched = new prom.Registry()
  prom.collectDefaultMetrics({ register: watched })
}

/** Of this process and of its main thread: the usual `process_…` and Node's `nodejs_…`, since the last time. */
export const processMetrics = (): Promise<string> | string => watched?.metrics() ?? ""
