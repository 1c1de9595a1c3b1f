import test from "ava"
import type { NetworkInterface } from "../../supervision/world.ts"
import { missing, type Program, until, Wire } from "./namespaces.ts"
import type { PortCommand } from "./programs/port.ts"

const reason = missing("arping", "ndisc6", "ping")
const live = reason === undefined ? test.serial : test.skip
const named = (name: string) => (reason === undefined ? name : `${name} (skipped: ${reason})`)
const wire = new Wire("port")
const portProgram = new URL("./programs/port.ts", import.meta.url)
const terminations = new URL("./programs/terminations.ts", import.meta.url)

if (reason === undefined) {
  test.beforeEach(() => wire.up())
  test.afterEach.always(() => wire.down())
}

interface Line {
  readonly kind: string
  readonly code?: string
  readonly hex?: string
  readonly outcome?: { readonly ok: boolean; readonly value?: unknown; readonly error?: { readonly code: string } }
}
const tell = (program: Program, command: PortCommand) => program.tell(command)

async function interfaces(program: Program): Promise<readonly NetworkInterface[]> {
  program.lines.length = 0
  tell(program, { kind: "interfaces" })
  const line = await program.line<Line>(({ kind }) => kind === "interfaces")
  return line.outcome?.value as readonly NetworkInterface[]
}

async function open(program: Program, frames: "arp" | "neighbour-solicitation"): Promise<void> {
  const eth0 = (await interfaces(program)).find(({ name }) => name === "eth0")
  tell(program, { kind: "open", at: { interfaceIndex: eth0?.index ?? 0, frames } })
  await program.line<Line & { ok: boolean }>(({ kind, ok }) => kind === "opened" && ok)
}

live(named("interfaces are listed with what matters about them"), async (t) => {
  await wire.onHost("ip", "link", "add", "br0", "type", "bridge")
  await wire.onHost("ip", "link", "add", "port0", "type", "veth")
  await wire.onHost("ip", "link", "set", "port0", "master", "br0")
  await wire.onHost("ip", "addr", "add", "192.0.2.7/28", "dev", "eth0")
  await wire.onHost("ip", "link", "set", "br0", "arp", "off")
  const program = wire.start(portProgram)
  const found = await interfaces(program)
  const of = (wanted: string) => found.find(({ name }) => name === wanted)
  t.like(of("lo"), { up: true, loopback: true, broadcast: false })
  t.like(of("eth0"), { up: true, loopback: false, broadcast: true, noArp: false, hasMaster: false })
  t.deepEqual(Object.values(of("eth0")?.mac ?? []), [2, 0, 0, 0, 0, 10])
  t.like(of("port0"), { up: false, hasMaster: true })
  t.like(of("br0"), { noArp: true, hasMaster: false })
  const addresses = of("eth0")?.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`)
  t.deepEqual(addresses?.toSorted(), ["192.0.2.7/28", "fe80::ff:fe00:a/64"])
})

live(named("changes of links and addresses are told"), async (t) => {
  const program = wire.start(portProgram)
  tell(program, { kind: "watch" })
  await program.line<Line>(({ kind }) => kind === "watching")
  for (const change of ["addr add 192.0.2.7/24 dev eth0", "link set eth0 down", "link del eth0"]) {
    program.lines.length = 0
    await wire.onHost("ip", ...change.split(" "))
    await program.line<Line>(({ kind }) => kind === "changed")
  }
  t.pass()
})

live(named("ARP requests come through the filter, nothing else does"), async (t) => {
  await wire.onHost("ip", "addr", "add", "192.0.2.7/24", "dev", "eth0")
  const program = wire.start(portProgram)
  await open(program, "arp")
  await wire.onClient("ping", "-c", "3", "-i", "0.2", "192.0.2.7")
  await wire.clientTries("arping", "-c", "1", "-w", "1", "-I", "eth0", "192.0.2.99")
  await program.line<Line>(({ hex }) => hex?.slice(76, 84) === "c0000263")
  const frames = (program.lines as Line[]).filter(({ kind }) => kind === "frame")
  for (const { hex } of frames) t.is(hex?.slice(24, 44), "08060001080006040001")
})

live(named("a link that goes down says so, works again when it is up, and tells when it is gone"), async (t) => {
  const program = wire.start(portProgram)
  await open(program, "arp")
  await wire.onHost("ip", "link", "set", "eth0", "down")
  await program.line<Line>(({ code }) => code === "ENETDOWN")
  await wire.onHost("ip", "link", "set", "eth0", "up")
  const heard = async () => {
    await wire.clientTries("arping", "-c", "1", "-w", "1", "-I", "eth0", "192.0.2.99")
    return (program.lines as Line[]).some(({ kind }) => kind === "frame")
  }
  t.true(await until(heard))
  wire.unplug()
  await program.line<Line>(({ code }) => code === "ENODEV")
  tell(program, { kind: "send", hex: "00".repeat(60) })
  const sent = await program.line<Line>(({ kind }) => kind === "sent")
  t.is(sent.outcome?.error?.code, "ENODEV")
})

live(named("an interface that is not there cannot be opened"), async (t) => {
  const program = wire.start(portProgram)
  tell(program, { kind: "open", at: { interfaceIndex: 9999, frames: "arp" } })
  const opened = await program.line<Line & { error: { code: string } }>(({ kind }) => kind === "opened")
  t.is(opened.error.code, "ENODEV")
})

live(named("solicitations of a group come once it is joined; the kernel reports it for MLD"), async (t) => {
  const program = wire.start(portProgram)
  await open(program, "neighbour-solicitation")
  tell(program, { kind: "join", hex: "3333ff00abcd" })
  await program.line<Line>(({ kind, outcome }) => kind === "joined" && outcome?.ok === true)
  t.regex(await wire.onHost("ip", "maddr", "show", "dev", "eth0"), /inet6 +ff02::1:ff00:abcd/)
  await wire.clientTries("ndisc6", "-1", "-r", "1", "-w", "300", "2001:db8::abcd", "eth0")
  await program.line<Line>(({ hex }) => hex?.startsWith("3333ff00abcd02000000000b86dd") === true)
  tell(program, { kind: "leave", hex: "3333ff00abcd" })
  await program.line<Line>(({ kind }) => kind === "left")
  t.notRegex(await wire.onHost("ip", "maddr", "show", "dev", "eth0"), /ff02::1:ff00:abcd/)
})

live(named("fifty terminated workers leave no descriptor open"), async (t) => {
  const eth0 = (await interfaces(wire.start(portProgram))).find(({ name }) => name === "eth0")
  const program = wire.start(terminations, "50", String(eth0?.index))
  const counted = await program.line<Record<string, number | boolean>>(({ kind }) => Boolean(kind), 90_000)
  // Netlink, ARP, NDP, and UDP for the membership: four sockets that each worker left.
  t.like(counted, { opened: true, leftByOne: 4, leftByLast: 4, reclaimed: 4 })
  t.is(counted["after"], counted["before"])
})
