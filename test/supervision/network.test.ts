import test from "ava"
import { realWorld } from "../../supervision/real-world.ts"
import type { Endpoint, TcpConnection, TcpHandlers, TcpListener, TcpTarget } from "../../supervision/world.ts"
import { until } from "./help.ts"

const { network, timers, random, packets, clock } = realWorld()

async function udp(address: string, got: string[], errors: string[] = []) {
  const opened = await network.openUdp(
    { address, port: 0 },
    {
      datagram: (bytes, from) => void got.push(`${Buffer.from(bytes).toString()} from ${from.address} ${from.port}`),
      error: (error) => void errors.push(error.code),
    },
  )
  if (!opened.ok) throw new Error(opened.error.message)
  return opened.value
}

for (const address of ["127.0.0.1", "::1"]) {
  test(`UDP on ${address}: there and back, bytes reused at once`, async (t) => {
    const got: string[] = []
    const [a, b] = [await udp(address, got), await udp(address, got)]
    const bytes = Buffer.from("one")
    a.send(bytes, b.local)
    bytes.fill(0)
    await until(() => got.length === 1)
    t.deepEqual(got, [`one from ${address} ${a.local.port}`])
    a.close()
    a.close()
    a.send(Buffer.from("closed"), b.local)
    b.close()
  })
}

test("UDP bound to :: speaks IPv4 under IPv4 addresses", async (t) => {
  const got: string[] = []
  const [wide, narrow] = [await udp("::", got), await udp("127.0.0.1", got)]
  narrow.send(Buffer.from("in"), { address: "127.0.0.1", port: wide.local.port })
  wide.send(Buffer.from("out"), narrow.local)
  await until(() => got.length === 2)
  t.deepEqual(got.sort(), [`in from 127.0.0.1 ${narrow.local.port}`, `out from 127.0.0.1 ${wide.local.port}`])
  wide.close()
  narrow.close()
})

test("UDP failures are values: address in use, not ours, nonsense; a failed send comes to `error`", async (t) => {
  const handlers = { datagram() {}, error() {} }
  const errors: string[] = []
  const port = await udp("127.0.0.1", [], errors)
  for (const [at, code] of [
    [port.local, "EADDRINUSE"],
    [{ address: "192.0.2.1", port: 0 }, "EADDRNOTAVAIL"],
    [{ address: "not-an-address", port: 0 }, "EINVAL"],
    [{ address: "127.0.0.1", port: 70_000 }, "EINVAL"],
  ] as const) {
    const outcome = await network.openUdp(at, handlers)
    t.like(outcome, { ok: false, error: { code } })
  }
  port.send(Buffer.alloc(70_000), port.local)
  port.send(Buffer.from("x"), { address: "127.0.0.1", port: 0 })
  port.send(Buffer.from("x"), { address: "nonsense", port: 9 })
  await until(() => errors.length === 3)
  t.deepEqual(errors.sort(), ["EINVAL", "EMSGSIZE", "ERR_SOCKET_BAD_PORT"])
  port.close()
})

interface Ear {
  readonly events: string[]
  readonly handlers: TcpHandlers
}
function ear(halfOpen = false): Ear {
  const events: string[] = []
  return {
    events,
    handlers: {
      opened: () => void events.push("opened"),
      data: (bytes) => void events.push(Buffer.from(bytes).toString()),
      ...(halfOpen ? { ended: () => void events.push("ended") } : {}),
      closed: (error) => void events.push(`closed ${error?.code ?? ""}`.trim()),
    },
  }
}
async function listen(address: string, on: (connection: TcpConnection) => TcpHandlers): Promise<TcpListener> {
  const outcome = await network.listenTcp({ address, port: 0 }, { connection: on, error: () => {} })
  if (!outcome.ok) throw new Error(outcome.error.message)
  return outcome.value
}
const to = (endpoint: Endpoint, more: Partial<TcpTarget> = {}): TcpTarget => ({
  ...endpoint,
  timeoutMs: 10_000,
  ...more,
})

for (const address of ["127.0.0.1", "::1"]) {
  test(`TCP on ${address}: opened, data both ways, orderly end, one closed each`, async (t) => {
    const server = ear()
    const peers: TcpConnection[] = []
    const listener = await listen(address, (connection) => {
      peers.push(connection)
      return server.handlers
    })
    const client = ear()
    const connection = network.connectTcp(to(listener.local), client.handlers)
    await until(() => client.events.includes("opened") && server.events.includes("opened"))
    t.is(connection.local?.address, address)
    t.deepEqual(peers[0]?.remote, connection.local)
    connection.send(Buffer.from("ping"))
    await until(() => server.events.includes("ping"))
    peers[0]?.send(Buffer.from("pong"))
    await until(() => client.events.includes("pong"))
    connection.end()
    t.false(connection.send(Buffer.from("too late")))
    await until(() => client.events.length === 3 && server.events.length === 3)
    t.deepEqual([client.events.at(-1), server.events.at(-1)], ["closed", "closed"])
    // Still known for the report.
    t.is(connection.local?.address, address)
    listener.close()
  })
}

test("TCP half-open only for those who want it", async (t) => {
  const server = ear(true)
  const peers: TcpConnection[] = []
  const listener = await listen("127.0.0.1", (connection) => {
    peers.push(connection)
    return server.handlers
  })
  const client = ear(true)
  const connection = network.connectTcp(to(listener.local), client.handlers)
  await until(() => client.events.length === 1)
  connection.end()
  await until(() => server.events.includes("ended"))
  peers[0]?.send(Buffer.from("still"))
  await until(() => client.events.includes("still"))
  peers[0]?.end()
  await until(() => client.events.at(-1) === "closed" && server.events.at(-1) === "closed")
  t.deepEqual(client.events, ["opened", "still", "ended", "closed"])
  listener.close()
})

test("TCP failures: refused, timed out, bad port, a name for an address, a source that is not ours; one closed each", async (t) => {
  const listener = await listen("127.0.0.1", () => ear().handlers)
  const { port } = listener.local
  listener.close()
  const cases: [TcpTarget, RegExp][] = [
    [to({ address: "127.0.0.1", port }), /^closed ECONNREFUSED$/],
    [to({ address: "127.0.0.1", port: 70_000 }), /^closed EINVAL$/],
    [to({ address: "localhost", port }), /^closed EINVAL$/],
    [to({ address: "127.0.0.1", port }, { sourceAddress: "192.0.2.1" }), /^closed EADDRNOTAVAIL$/],
  ]
  for (const [target, expected] of cases) {
    const { events, handlers } = ear()
    const connection = network.connectTcp(target, handlers)
    // Not before the call has returned.
    t.deepEqual(events, [])
    await until(() => events.length > 0)
    connection.destroy()
    await new Promise((resolve) => setImmediate(resolve))
    t.is(events.length, 1)
    t.regex(events[0] ?? "", expected)
  }
})

test("TCP: nobody answers in time", async (t) => {
  const full = await listen("127.0.0.1", () => ear().handlers)
  const { events, handlers } = ear()
  // A time-out of nothing is over before the handshake is.
  const connection = network.connectTcp(to(full.local, { timeoutMs: 0 }), handlers)
  const endMs = clock.monotonicMs() + 20
  while (clock.monotonicMs() < endMs);
  await until(() => events.some((event) => event.startsWith("closed")) || events.includes("opened"))
  connection.destroy()
  await until(() => events.some((event) => event.startsWith("closed")))
  t.is(events.filter((event) => event.startsWith("closed")).length, 1)
  full.close()
})

test("TCP source address is used; destroy closes both sides", async (t) => {
  const server = ear()
  const peers: TcpConnection[] = []
  const listener = await listen("127.0.0.1", (connection) => {
    peers.push(connection)
    return server.handlers
  })
  const client = ear()
  const connection = network.connectTcp(to(listener.local, { sourceAddress: "127.0.0.2" }), client.handlers)
  await until(() => peers.length === 1 && client.events.length === 1)
  t.is(peers[0]?.remote.address, "127.0.0.2")
  connection.destroy()
  await until(() => client.events.length === 2 && server.events.length === 2)
  t.deepEqual([client.events[1], server.events[1]], ["closed", "closed"])
  listener.close()
  t.like(
    await network.listenTcp({ address: "192.0.2.1", port: 0 }, { connection: () => client.handlers, error() {} }),
    {
      ok: false,
      error: { code: "EADDRNOTAVAIL" },
    },
  )
})

test("a delay longer than Node's timers take does not fire at once", async (t) => {
  let rang = false
  const cancel = timers.after(2 ** 33, () => {
    rang = true
  })
  let sooner = false
  timers.after(20, () => {
    sooner = true
  })
  await until(() => sooner)
  t.false(rang)
  cancel()
})

test("random numbers fill their range; packets without a port are an error in words", (t) => {
  const drawn = Array.from({ length: 2_000 }, () => random.u32())
  t.true(Math.min(...drawn) < 2 ** 28 && Math.max(...drawn) > 2 ** 32 - 2 ** 28)
  t.is(new Set(drawn).size > 1_990, true)
  t.is(random.bytes(33).length, 33)
  t.like(packets.interfaces(), {
    ok: false,
    error: { code: "ENOSYS", message: "this thread was given no packet sockets" },
  })
})
