import test, { type ExecutionContext } from "ava"
import type { Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { authenticationKey, authenticationRemoval, md5Signature } from "../../io/tcp-options.ts"
import { explainSilence, tcpExtension } from "../../io/tcp-counters.ts"
import { listenTcp, prepareTcp, type TcpListener, type TcpTarget } from "../../io/tcp-socket.ts"

/** What it came to within the time: connected, the error's code, or nothing. */
function tryTo(t: ExecutionContext, to: TcpTarget, withinMs: number): Promise<string> {
  const prepared = prepareTcp(to)
  if (!prepared.ok) return Promise.resolve(prepared.error.message)
  const { socket, host } = prepared.value
  t.teardown(() => socket.destroy())
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`silence: ${prepared.value.explain() ?? ""}`), withinMs)
    const ends = (what: string) => {
      clearTimeout(timer)
      resolve(what)
    }
    socket.once("connect", () => ends("connected"))
    socket.once("error", (error: NodeJS.ErrnoException) => ends(error.code ?? error.message))
    socket.connect({ host, port: to.port })
  })
}

async function listener(t: ExecutionContext, address: string): Promise<TcpListener> {
  const listening = await listenTcp({ address, port: 0 })
  if (!listening.ok) throw new Error(listening.error.message)
  const accepted = new Set<Socket>()
  listening.value.server.on("connection", (socket) => {
    accepted.add(socket)
    socket.on("error", () => {})
    socket.end("hello")
  })
  t.teardown(() => {
    for (const socket of accepted) socket.destroy()
    listening.value.server.close()
  })
  return listening.value
}

for (const address of ["127.0.0.1", "::1"]) {
  test.serial(`${address}: only with the listener's password, which may change while it listens`, async (t) => {
    const { port, setKey } = await listener(t, address)
    const to = { address, port }
    t.is(await tryTo(t, to, 5_000), "connected")
    t.true(setKey(address, { md5Password: "first" }).ok)
    t.is(await tryTo(t, { ...to, md5Password: "first" }, 5_000), "connected")
    t.regex(await tryTo(t, { ...to, md5Password: "second" }, 300), /^silence: .*the passwords differ \(TCPMD5Failure/)
    t.regex(await tryTo(t, to, 300), /^silence/)
    t.true(setKey(address, { md5Password: "second" }).ok)
    t.is(await tryTo(t, { ...to, md5Password: "second" }, 5_000), "connected")
    t.true(setKey(address, {}).ok)
    t.is(await tryTo(t, to, 5_000), "connected")
  })

  test.serial(`${address}: TTL security takes what is sent with 255 and drops the rest`, async (t) => {
    const { port } = await listener(t, address)
    const to = { address, port, minimumTtl: 255 }
    t.regex(await tryTo(t, { ...to, ttl: 255 }, 300), /^silence: .*\(TCPMinTTLDrop of this host\)/)
    const secure = await listenTcp({ address, port: 0, ttl: 255 })
    if (!secure.ok) throw new Error(secure.error.message)
    t.teardown(() => secure.value.server.close())
    t.is(await tryTo(t, { ...to, port: secure.value.port, ttl: 255 }, 5_000), "connected")
  })
}

for (const address of ["127.0.0.1", "::1"])
  test.serial(`${address}: TTL security of an accepted connection`, async (t) => {
    const { port, server, setMinimumTtl } = await listener(t, address)
    const heard = new Map<string, string>()
    server.on("connection", (socket: Socket) => {
      socket.on("error", () => {})
      const secured = setMinimumTtl(socket, 255)
      const from = `${socket.remotePort}`
      heard.set(from, secured.ok ? "" : secured.error.message)
      socket.on("data", (bytes) => heard.set(from, `${heard.get(from)}${bytes.toString()}`))
    })
    const said = async (ttl: number): Promise<number> => {
      const prepared = prepareTcp({ address, port, ttl })
      if (!prepared.ok) throw new Error(prepared.error.message)
      const { socket } = prepared.value
      t.teardown(() => socket.destroy())
      // The listener greets in the turn in which it is secured.
      await new Promise((resolve) => {
        socket.once("data", resolve)
        socket.connect({ host: address, port })
      })
      socket.write("hello")
      return socket.localPort ?? 0
    }
    const far = await said(64)
    const near = await said(255)
    const endMs = performance.now() + 10_000
    while (heard.get(`${near}`) !== "hello" && performance.now() < endMs) await sleep(10)
    t.is(heard.get(`${near}`), "hello")
    // Sent before, and dropped: it has not arrived though the later one has.
    t.is(heard.get(`${far}`), "")
  })

test("IPv4 and IPv6 listeners share a port", async (t) => {
  const six = await listenTcp({ address: "::", port: 0, onlyIpv6: true })
  if (!six.ok) throw new Error(six.error.message)
  t.teardown(() => six.value.server.close())
  const four = await listenTcp({ address: "0.0.0.0", port: six.value.port })
  t.true(four.ok)
  if (four.ok) t.teardown(() => four.value.server.close())
})

test("a listener that is closed takes no password", async (t) => {
  const { server, setKey } = await listener(t, "127.0.0.1")
  await new Promise((resolve) => server.close(resolve))
  const result = setKey("127.0.0.1", { md5Password: "x" })
  t.is(result.ok ? "" : result.error.code, "EBADF")
})

test("a port that is taken", async (t) => {
  const { port } = await listener(t, "127.0.0.1")
  const second = await listenTcp({ address: "127.0.0.1", port })
  t.is(second.ok ? "" : second.error.message, `binding to 127.0.0.1 port ${port}: address already in use`)
})

const to = { address: "127.0.0.1", port: 179 }
for (const [what, target, text] of [
  ["a source that is not ours", { sourceAddress: "192.0.2.77" }, `address "192.0.2.77" doesn't exist on this host`],
  [
    "a source of the other family",
    { sourceAddress: "::1" },
    "source address ::1 and 127.0.0.1 are of different families",
  ],
  ["a device that is not there", { device: "nosuch0" }, `network device "nosuch0" doesn't exist on this host`],
  [
    "a device name that Linux would cut",
    { device: "lo-and-behold-long" },
    `network device "lo-and-behold-long" doesn't exist on this host`,
  ],
  ["a password of 81 octets", { md5Password: "€".repeat(27) }, "a TCP MD5 password has 1 to 80 octets"],
  ["link-local without a link", { address: "fe80::1" }, "fe80::1 is link-local: without an interface it means nothing"],
  [
    "link-local on a link that cannot be named in it",
    { address: "fe80::1", device: "a_b" },
    'interface "a_b" cannot stand in a link-local address: its name has other than letters, digits, ".", "-" and ":"',
  ],
  [
    "unnumbered on no interface",
    { unnumbered: true, device: "nosuch0" },
    `network device "nosuch0" doesn't exist on this host`,
  ],
] as const satisfies readonly (readonly [string, Partial<TcpTarget>, string])[])
  test(`refused in words: ${what}`, (t) => {
    const prepared = prepareTcp({ ...to, ...target })
    t.is(prepared.ok ? undefined : prepared.error.message, text)
  })

test("no secret in what is refused", (t) => {
  const prepared = prepareTcp({ ...to, md5Password: "hunter2".repeat(20), device: "nosuch0" })
  t.notRegex(JSON.stringify(prepared), /hunter2/)
})

test("struct tcp_md5sig", (t) => {
  const bytes = Buffer.from(md5Signature("192.0.2.1", "geheim") ?? [])
  t.is(bytes.length, 216)
  t.is(bytes.subarray(0, 8).toString("hex"), "02000000c0000201")
  t.is(bytes.readUInt16LE(130), 6)
  t.is(bytes.subarray(136, 142).toString(), "geheim")
  const six = Buffer.from(md5Signature("2001:db8::1", "") ?? [])
  t.is(six.subarray(0, 24).toString("hex"), "0a0000000000000020010db8000000000000000000000001")
  t.is(six.readUInt16LE(130), 0)
  t.is(md5Signature("192.0.2.1", "x".repeat(81)), undefined)
})

test("struct tcp_ao_add", (t) => {
  const key = { key: "geheim", algorithm: "hmac-sha-1-96", sendId: 7, receiveId: 200 } as const
  const bytes = Buffer.from(authenticationKey("192.0.2.1", key) ?? [])
  t.is(bytes.length, 288)
  t.is(bytes.subarray(0, 8).toString("hex"), "02000000c0000201")
  t.is(bytes.subarray(128, 139).toString(), "hmac(sha1)\0")
  t.is(bytes.readUInt32LE(196), 3, "current in both directions")
  t.deepEqual([...bytes.subarray(202, 208)], [32, 7, 200, 12, 0, 6])
  t.is(bytes.subarray(208, 214).toString(), "geheim")
  const six = Buffer.from(authenticationKey("::1", { ...key, algorithm: "aes-128-cmac-96" }) ?? [])
  t.is(six[202], 128)
  t.is(six.subarray(128, 141).toString(), "cmac(aes128)\0")
  t.is(authenticationKey("::1", { ...key, key: "" }), undefined)
  t.is(authenticationKey("::1", { ...key, key: "x".repeat(81) }), undefined)
})

test("struct tcp_ao_add of a listener has no current key; struct tcp_ao_del", (t) => {
  const key = { key: "geheim", algorithm: "hmac-sha-1-96", sendId: 7, receiveId: 200 } as const
  t.is(Buffer.from(authenticationKey("192.0.2.1", key, "listening") ?? []).readUInt32LE(196), 0)
  const bytes = Buffer.from(authenticationRemoval("192.0.2.1", key) ?? [])
  t.is(bytes.length, 144)
  t.is(bytes.subarray(0, 8).toString("hex"), "02000000c0000201")
  t.deepEqual([...bytes.subarray(128)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 7, 200, 0, 0, 0])
  t.is(authenticationRemoval("2001:db8::1", key)?.[138], 128)
})

const authentication = { key: "geheim", algorithm: "hmac-sha-1-96", sendId: 1, receiveId: 2 } as const
const without = "this kernel has no TCP-AO (Linux 6.7 or later with CONFIG_TCP_AO)"
const signed = prepareTcp({ ...to, authentication })
if (signed.ok) signed.value.socket.destroy()
const withAo = signed.ok ? test.serial : test.skip

test("TCP-AO is there, or the kernel's lack of it is said", (t) => {
  t.is(signed.ok ? without : signed.error.message, without)
})

withAo(`TCP-AO towards a listener without keys: silence${signed.ok ? "" : ` (${without})`}`, async (t) => {
  const { port } = await listener(t, "127.0.0.1")
  t.regex(await tryTo(t, { address: "127.0.0.1", port, authentication }, 500), /^silence: /)
})

const netstat = (values: string): string => `TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Failure TCPMinTTLDrop TCPAOBad
TcpExt: ${values}
IpExt: InNoRoutes InTruncatedPkts
IpExt: 7 8
`
for (const [signedWith, minimumTtl, values, text] of [
  [
    "md5",
    undefined,
    "9 0 2 0 0",
    "2 segments arrived with a wrong signature: the passwords differ (TCPMD5Failure of this host)",
  ],
  [
    "md5",
    undefined,
    "9 1 0 5 5",
    "1 segment arrived unsigned: the peer has no password for us, or refuses connections (TCPMD5NotFound of this host)",
  ],
  [
    "md5",
    undefined,
    "9 0 0 0 0",
    "a wrong or missing password on either side looks like this; no segment was dropped here, the peer's counters TCPMD5Failure, TCPMD5NotFound, TCPMD5Unexpected may tell",
  ],
  ["ao", undefined, "0 0 0 0 1", "1 segment arrived with a wrong signature: the keys differ (TCPAOBad of this host)"],
  [
    undefined,
    255,
    "0 0 0 3 0",
    "3 segments arrived from farther away than TTL security allows, or not sent with TTL 255 (TCPMinTTLDrop of this host)",
  ],
  [
    undefined,
    255,
    "0 0 0 0 0",
    "TTL security on one side only looks like this; no segment was dropped here, the peer's counters TCPMinTTLDrop may tell",
  ],
  [undefined, undefined, "9 9 9 9 9", undefined],
] as const)
  test(`silence explained: ${signedWith ?? "unsigned"}, ${minimumTtl ?? "any TTL"}, ${values}`, (t) => {
    const before = tcpExtension(netstat("0 0 0 0 0"))
    t.is(explainSilence({ signed: signedWith, minimumTtl }, before, tcpExtension(netstat(values))), text)
  })

test("counters that cannot be read explain nothing, and break nothing", (t) => {
  t.deepEqual([...tcpExtension("")], [])
  t.deepEqual(
    [...tcpExtension("TcpExt: A B\n")],
    [
      ["A", 0],
      ["B", 0],
    ],
  )
})
