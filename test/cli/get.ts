import http from "node:http"

/** One GET on a connection of its own. */
export function get(where: http.RequestOptions, at: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    http
      .get({ ...where, path: at, agent: false }, (response) => {
        let body = ""
        response.on("data", (chunk) => {
          body += String(chunk)
        })
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }))
      })
      .on("error", reject)
  })
}
