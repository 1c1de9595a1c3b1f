import fs from "node:fs"
import http from "node:http"
import os from "node:os"
import path from "node:path"
import test from "ava"
import { healthHandler } from "../../cli/daemon/health.ts"
import { type Handler, serve, text } from "../../cli/daemon/serve.ts"
import { get } from "./get.ts"

const socket = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "troupe-serve-")), "debug.sock")
test.after.always(() => fs.rmSync(path.dirname(socket), { recursive: true }))

test.serial("readiness says why not, liveness does not care", async (t) => {
  let reason: string | undefined = "the API server has not told everything yet"
  const served = await serve({ socket }, [healthHandler(() => reason)])
  if (!served.ok) return t.fail(served.error)
  const at = { socketPath: socket }
  t.like(await get(at, "/healthz"), { status: 200 })
  t.deepEqual(await get(at, "/readyz"), {
    status: 503,
    body: "not ready: the API server has not told everything yet\n",
  })
  reason = undefined
  t.like(await get(at, "/readyz"), { status: 200 })
  t.like(await get(at, "/other"), { status: 404 })
  t.is(fs.statSync(socket).mode & 0o777, 0o600, "only its owner may ask")
  await served.value.close()
})

test.serial("a socket that a killed process left is taken over", async (t) => {
  fs.writeFileSync(socket, "")
  const served = await serve({ socket }, [() => text("here")])
  if (!served.ok) return t.fail(served.error)
  t.like(await get({ socketPath: socket }, "/"), { body: "here\n" })
  await served.value.close()
})

test("a handler that throws is a 500 that tells no details", async (t) => {
  const broken: Handler = () => {
    throw new Error("secret detail")
  }
  const at = { socket: `${socket}.broken` }
  const served = await serve(at, [broken])
  if (!served.ok) return t.fail(served.error)
  t.deepEqual(await get({ socketPath: at.socket }, "/"), { status: 500, body: "internal error\n" })
  await served.value.close()
})

test("who asks from this host itself is told apart from who does not", async (t) => {
  const served = await serve({ host: "0.0.0.0", port: 0 }, [({ local }) => text(local ? "local" : "from elsewhere")])
  if (!served.ok) return t.fail(served.error)
  const { port, close } = served.value
  t.like(await get({ host: "127.0.0.1", port }, "/"), { body: "local\n" })
  const other = Object.values(os.networkInterfaces())
    .flat()
    .find((address) => address?.family === "IPv4" && !address.internal)?.address
  if (other === undefined) t.log("this host has no other address: asking from elsewhere is not tried")
  else t.like(await get({ host: other, port }, "/"), { body: "from elsewhere\n" })
  await close()
})

test("a port in use is a sentence that names it", async (t) => {
  const blocker = http.createServer().listen(0, "127.0.0.1")
  await new Promise((resolve) => blocker.once("listening", resolve))
  const { port } = blocker.address() as { port: number }
  const served = await serve({ host: "127.0.0.1", port }, [])
  t.deepEqual(served, { ok: false, error: `cannot listen on 127.0.0.1:${port}: the address is in use` })
  blocker.close()
})
