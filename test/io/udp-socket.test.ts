import { networkInterfaces } from "node:os"
import test from "ava"
import { createRawLoop } from "../../io/raw-loop.ts"
import { datagramPort } from "../../io/udp-socket.ts"
import type { Arrival, DatagramPort, DatagramSocket, Endpoint } from "../../supervision/world.ts"

const loop = createRawLoop()
const port: DatagramPort = datagramPort(loop)
test.after.always(() => loop.stop())

interface Got {
  readonly text: string
  readonly from: Endpoint
  readonly arrival: Arrival
}

/** On some port that is free now. */
function listener(address: string, got: (it: Got) => void): { readonly socket: DatagramSocket; readonly port: number } {
  for (let tries = 0; tries < 100; tries++) {
    const free = 20_000 + ((process.pid * 37 + tries * 101) % 10_000)
    const opened = port.open(
      { address, port: free, ttl: 64 },
      {
        datagram: (bytes, from, arrival) => got({ text: Buffer.from(bytes).toString(), from, arrival }),
        error: ({ message }) => {
          throw new Error(message)
        },
      },
    )
    if (opened.ok) return { socket: opened.value, port: free }
  }
  throw new Error("no free port")
}

function sender(address: string, ttl: number): DatagramSocket {
  const opened = port.open({ address, port: 0, ttl }, { datagram: () => {}, error: () => {} })
  if (!opened.ok) throw new Error(opened.error.message)
  return opened.value
}

const withIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === "::1"))
const families = [["0.0.0.0", "127.0.0.1"] as const, ...(withIpv6 ? [["::", "::1"] as const] : [])]

for (const [any, loopback] of families) {
  for (const ttl of [255, 7]) {
    test(`${loopback}: TTL ${ttl}, interface and both addresses arrive with the bytes`, async (t) => {
      const { promise, resolve } = Promise.withResolvers<Got>()
      const { socket, port: at } = listener(any, resolve)
      const out = sender(loopback, ttl)
      t.true(out.send(Buffer.from("hello"), { address: loopback, port: at }).ok)
      const { text, from, arrival } = await promise
      t.is(text, "hello")
      t.is(from.address, loopback)
      t.deepEqual(arrival, { to: loopback, ttl, interfaceIndex: 1 })
      out.close()
      socket.close()
    })
  }
}

test("what cannot be is told, with what was tried", (t) => {
  const { socket, port: taken } = listener("127.0.0.1", () => {})
  const none = { datagram: () => {}, error: () => {} }
  const errorOf = (at: { readonly address: string; readonly port: number; readonly interface?: string }): string => {
    const opened = port.open({ ...at, ttl: 255 }, none)
    return opened.ok ? "opened" : `${opened.error.code} ${opened.error.message}`
  }
  t.regex(errorOf({ address: "127.0.0.1", port: taken }), /^EADDRINUSE binding to 127\.0\.0\.1 port/)
  t.regex(errorOf({ address: "localhost", port: 0 }), /^EINVAL binding to localhost/)
  t.regex(errorOf({ address: "127.0.0.1", port: 65_536 }), /^EINVAL/)
  t.regex(errorOf({ address: "192.0.2.77", port: 0 }), /^EADDRNOTAVAIL/)
  t.regex(errorOf({ address: "127.0.0.1", port: 0, interface: "none0" }), /binding to interface none0/)
  t.false(socket.send(new Uint8Array(1), { address: "::1", port: 9 }).ok, "another family")
  t.false(socket.send(new Uint8Array(4096), { address: "127.0.0.1", port: 9 }).ok, "too long")
  socket.close()
  socket.close()
  t.false(socket.send(new Uint8Array(1), { address: "127.0.0.1", port: 9 }).ok, "closed")
  t.is(errorOf({ address: "127.0.0.1", port: taken }), "opened")
})
