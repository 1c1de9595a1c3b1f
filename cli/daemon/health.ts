import { type Handler, text } from "./serve.ts"

/** Live as long as the process answers; ready once `notReady` has nothing left to say: then `readyText` says how. */
export const healthHandler =
  (notReady: () => string | undefined | Promise<string | undefined>, readyText: () => string = () => "ok"): Handler =>
  async ({ path }) => {
    if (path === "/healthz") return text("ok")
    if (path !== "/readyz") return undefined
    const reason = await notReady()
    return reason === undefined ? text(readyText()) : text(`not ready: ${reason}`, 503)
  }
