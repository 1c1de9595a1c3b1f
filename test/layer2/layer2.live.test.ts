// The packet thread of a speaker on one end of a wire, the kernel and real programs on the other.
import { spawnSync } from "node:child_process"
import test from "ava"
import type { Layer2Config } from "../../actors/announcer/layer2/layer2.ts"
import type { Layer2Entry, Layer2Report } from "../../actors/announcer/layer2/messages.ts"
import type { TreeNode } from "../../supervision/introspection.ts"
import { missing, type Program, until, Wire } from "../io/namespaces.ts"
import type { SpeakerCommand } from "./programs/speaker.ts"

const reason = missing("arping", "ndisc6", "ping", "tcpdump")
const live = reason === undefined ? test.serial : test.skip
const named = (name: string) => (reason === undefined ? name : `${name} (skipped: ${reason})`)
const wire = new Wire("l2")

const vip = "192.0.2.100"
const vip6 = "2001:db8::100"
const everywhere = (...ips: readonly string[]): Layer2Entry[] => ips.map((ip) => ({ ip, interfaces: "all" }))

if (reason === undefined) {
  test.beforeEach(() => wire.up())
  test.afterEach.always(() => wire.down())
}

interface Line {
  readonly kind: string
  readonly msg?: string
  readonly interface?: string
}
const tell = (speaker: Program, command: SpeakerCommand) => speaker.tell(command)
const table = (speaker: Program, entries: readonly Layer2Entry[]) => tell(speaker, { kind: "table", entries })

async function start(
  entries: readonly Layer2Entry[] = everywhere(vip, vip6),
  more: Readonly<Layer2Config> = {},
): Promise<Program> {
  const speaker = wire.start(new URL("./programs/speaker.ts", import.meta.url), JSON.stringify(more))
  table(speaker, entries)
  await responders(speaker)
  return speaker
}

async function responders(speaker: Program): Promise<void> {
  await speaker.line<Line>(({ msg }) => msg === "created ARP responder for interface")
  await speaker.line<Line>(({ msg }) => msg === "created NDP responder for interface")
}

const reports = ({ lines }: Program) => (lines as Line[]).filter((line) => line.kind === "layer2-report")
const lastReport = (speaker: Program) => reports(speaker).at(-1) as unknown as Layer2Report | undefined
const reported = (speaker: Program, fits: (report: Layer2Report) => boolean) =>
  speaker.line<Layer2Report>((line) => line.kind === "layer2-report" && fits(line))

async function tree(speaker: Program): Promise<{ readonly tree: TreeNode; readonly descriptors: number }> {
  const before = speaker.lines.length
  tell(speaker, { kind: "snapshot" })
  const seen = await until(() => (speaker.lines.slice(before) as Line[]).find(({ kind }) => kind === "snapshot"))
  return seen as unknown as { tree: TreeNode; descriptors: number }
}

/** The MACs that answered, one per answer. */
async function arping(ip: string, ...options: readonly string[]): Promise<string[]> {
  const said = await wire.clientTries("arping", "-w", "2", "-I", "eth0", ...options, ip)
  return [...said.matchAll(/bytes from ([0-9a-f:]{17})/g)].map(([, mac = ""]) => mac)
}
const answered = async (ip = vip) => (await arping(ip, "-c", "1")).length > 0

/** The MAC, or MACs, that it hears of; announcements count too. */
async function ndisc6(ip: string): Promise<string | undefined> {
  const said = await wire.clientTries("ndisc6", "-m", "-r", "1", "-w", "700", ip, "eth0")
  const macs = [...said.matchAll(/link-layer address: ([0-9A-F:]{17})/g)].map(([, mac = ""]) => mac.toLowerCase())
  return macs.length === 0 ? undefined : [...new Set(macs)].join()
}

live(named("arping finds exactly one MAC, by broadcast and by unicast"), async (t) => {
  const speaker = await start()
  t.deepEqual(await arping(vip, "-c", "3", "-w", "8"), Array(3).fill(Wire.hostMac))
  t.deepEqual(await arping(vip, "-c", "1", "-t", Wire.hostMac), [Wire.hostMac])
  const report = await reported(speaker, ({ responsesSent }) => responsesSent[vip] === 4)
  t.is(report.requestsReceived[vip], 4)
  t.like(
    speaker.lines.find((line) => (line as Line).msg === "got ARP request for service IP, sending response"),
    { interface: "eth0", ip: vip, senderIP: "192.0.2.1", senderMAC: Wire.clientMac, responseMAC: Wire.hostMac },
  )
})

live(named("an address that is not announced here gets silence"), async (t) => {
  const speaker = await start([...everywhere(vip), { ip: "192.0.2.101", interfaces: ["eth7"] }])
  t.deepEqual(await arping("192.0.2.99", "-c", "1"), [])
  t.deepEqual(await arping("192.0.2.101", "-c", "1"), [])
  t.true(await answered())
  const { requestsReceived } = await reported(speaker, (report) => report.requestsReceived[vip] === 1)
  t.deepEqual(Object.keys(requestsReceived), [vip])
  table(speaker, everywhere("192.0.2.101"))
  t.true(await until(() => answered("192.0.2.101")))
  t.deepEqual(await arping(vip, "-c", "1"), [])
})

live(named("a client's kernel reaches a service address of both families"), async (t) => {
  await wire.onHost("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1")
  await wire.onHost("ip", "addr", "add", "192.0.2.2/24", "dev", "eth0")
  await wire.onHost("ip", "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
  await wire.onHost("ip", "addr", "add", `${vip}/32`, "dev", "lo")
  await wire.onHost("ip", "addr", "add", `${vip6}/128`, "dev", "lo")
  t.regex(await wire.clientTries("ping", "-c", "1", "-W", "1", vip), /100% packet loss/)
  await start()
  t.regex(await wire.onClient("ping", "-c", "1", "-w", "9", vip), / 0% packet loss/)
  t.regex(await wire.onClient("ping", "-6", "-c", "1", "-w", "9", vip6), /1 received/)
  t.regex(await wire.onClient("ip", "neigh", "show", vip), new RegExp(`lladdr ${Wire.hostMac}`))
  t.regex(await wire.onClient("ip", "neigh", "show", vip6), new RegExp(`lladdr ${Wire.hostMac}`))
})

live(
  named("a new address is announced in both forms, and a neighbour with the old MAC takes the new one"),
  async (t) => {
    const stale = ["lladdr", "02:00:00:00:00:ee", "dev", "eth0", "nud", "stale"]
    for (const ip of [vip, vip6]) await wire.onClient("ip", "neigh", "replace", ip, ...stale)
    const tcpdump = wire.watch("sh", "-c", "exec tcpdump -l -n -e -i eth0 'arp or icmp6[0] = 136' 2>&1")
    await tcpdump.line<string>((line) => line.includes("listening on"))
    await start()
    const seen = (what: string) => tcpdump.line<string>((line) => line.includes(what))
    const broadcast = `${Wire.hostMac} > ff:ff:ff:ff:ff:ff`
    t.true((await seen(`Request who-has ${vip} (ff:ff:ff:ff:ff:ff) tell ${vip}`)).includes(broadcast))
    t.true((await seen(`Reply ${vip} is-at ${Wire.hostMac}`)).includes(broadcast))
    t.true((await seen(`tgt is ${vip6}`)).includes(`${Wire.hostMac} > 33:33:00:00:00:01`))
    for (const ip of [vip, vip6]) {
      t.true(await until(async () => (await wire.onClient("ip", "neigh", "show", ip)).includes(Wire.hostMac)))
    }
  },
)

live(named("five bursts for each new address; a table that repeats it begins none"), async (t) => {
  const speaker = await start()
  await reported(speaker, ({ gratuitousSent }) => gratuitousSent[vip] === 10 && gratuitousSent[vip6] === 5)
  table(speaker, everywhere(vip, vip6))
  table(speaker, everywhere(vip, vip6, "192.0.2.101"))
  await reported(speaker, ({ gratuitousSent }) => gratuitousSent["192.0.2.101"] === 10)
  t.deepEqual(lastReport(speaker)?.gratuitousSent, { [vip]: 10, [vip6]: 5, "192.0.2.101": 10 })
})

live(named("an interface that goes down and comes up answers and announces again"), async (t) => {
  const speaker = await start()
  t.true(await answered())
  await wire.onHost("ip", "link", "set", "eth0", "down")
  await speaker.line<Line>(({ msg }) => msg === "deleted ARP responder for interface")
  await speaker.line<Line>(({ msg }) => msg === "deleted NDP responder for interface")
  speaker.lines.length = 0
  await wire.onHost("ip", "link", "set", "eth0", "up")
  await responders(speaker)
  t.true(await answered())
  t.is(await ndisc6(vip6), Wire.hostMac)
  t.deepEqual((await reported(speaker, () => true)).interfaces, ["eth0"])
})

live(named("an interface that is deleted and made again answers again"), async (t) => {
  const speaker = await start()
  wire.unplug()
  await speaker.line<Line>(({ msg }) => msg === "deleted ARP responder for interface")
  await reported(speaker, ({ interfaces }) => interfaces.length === 0)
  speaker.lines.length = 0
  wire.plug()
  wire.addressClient()
  await responders(speaker)
  t.true(await answered())
  t.is(await ndisc6(vip6), Wire.hostMac)
})

live(named("interfaces come and go by themselves; excluded ones are not there"), async (t) => {
  const speaker = await start()
  await wire.onHost("ip", "link", "add", "skip0", "type", "veth", "peer", "name", "eth1")
  const report = await reported(speaker, ({ interfaces }) => interfaces.includes("eth1"))
  t.deepEqual(report.interfaces.toSorted(), ["eth0", "eth1"])
  t.false((speaker.lines as Line[]).some((line) => line.interface === "eth1"))
  for (const name of ["skip0", "eth1"]) await wire.onHost("ip", "link", "set", name, "up")
  await speaker.line<Line>((line) => line.interface === "eth1" && line.msg === "created ARP responder for interface")
  await wire.onHost("ip", "link", "del", "skip0")
  await speaker.line<Line>((line) => line.interface === "eth1" && line.msg === "deleted ARP responder for interface")
  t.false((speaker.lines as Line[]).some((line) => line.interface === "skip0"))
  t.true(await answered())
})

live(named("ndisc6 finds exactly one MAC, and none where nothing is announced"), async (t) => {
  const speaker = await start()
  t.is(await ndisc6(vip6), Wire.hostMac)
  t.is(await ndisc6("2001:db8::101"), undefined)
  table(speaker, everywhere(vip, "2001:db8::101"))
  t.is(await until(() => ndisc6("2001:db8::101")), Wire.hostMac)
  t.is(await ndisc6(vip6), undefined)
})

live(named("another host that wants our IPv6 address finds that it is taken"), async (t) => {
  await start()
  await wire.onClient("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=1")
  await wire.onClient("ip", "addr", "add", `${vip6}/64`, "dev", "eth0")
  t.true(await until(async () => (await wire.onClient("ip", "addr", "show", "dev", "eth0")).includes("dadfailed")))
})

live(named("a killed interface actor is back with its table"), async (t) => {
  const speaker = await start()
  tell(speaker, { kind: "kill", path: "/speaker/layer2/eth0" })
  await speaker.line<Line>(({ msg }) => msg === "deleted NDP responder for interface")
  t.true(await until(() => answered()))
  t.is(await until(() => ndisc6(vip6)), Wire.hostMac)
  const { tree: root } = await tree(speaker)
  const layer2 = root.children[0]?.children[0]
  t.like(layer2, { path: "/speaker/layer2", restarts: 0 })
  t.like(layer2?.children[0], { path: "/speaker/layer2/eth0", kind: "interface", restarts: 1 })
})

live(named("a terminated thread is back with its table and leaves no descriptor behind"), async (t) => {
  const speaker = await start()
  await answered()
  const { descriptors } = await tree(speaker)
  for (let i = 0; i < 3; i++) {
    speaker.lines.length = 0
    tell(speaker, { kind: "kill", path: "/speaker/layer2" })
    await responders(speaker)
    t.true(await until(() => answered()))
  }
  t.is((await tree(speaker)).descriptors, descriptors)
})

live(named("the thread answers while the main thread is busy for seconds"), async (t) => {
  const speaker = await start()
  await answered()
  tell(speaker, { kind: "block", ms: 30_000 })
  await speaker.line<Line>(({ kind }) => kind === "blocked")
  t.deepEqual(await arping(vip, "-c", "3", "-w", "4"), Array(3).fill(Wire.hostMac))
  t.false((speaker.lines as Line[]).some(({ kind }) => kind === "unblocked"))
})

live(named("a bridge answers with its own MAC, its ports do not"), async (t) => {
  const speaker = await start()
  const bridgeMac = "02:00:00:00:00:0c"
  await wire.onHost("ip", "link", "add", "br0", "address", bridgeMac, "type", "bridge")
  await wire.onHost("ip", "link", "set", "eth0", "master", "br0")
  await wire.onHost("ip", "link", "set", "br0", "up")
  const on = (name: string, msg: string) => speaker.line<Line>((line) => line.interface === name && line.msg === msg)
  await on("eth0", "deleted ARP responder for interface")
  await on("br0", "created NDP responder for interface")
  t.true(await until(async () => (await arping(vip, "-c", "1")).join() === bridgeMac))
  t.true(await until(async () => (await ndisc6(vip6)) === bridgeMac))
  await wire.onHost("ip", "link", "del", "br0")
  t.true(await until(async () => (await arping(vip, "-c", "1")).join() === Wire.hostMac))
})

live(named("another MAC on the same interface: announced, and answered with"), async (t) => {
  const speaker = await start()
  t.true(await answered())
  speaker.lines.length = 0
  const changed = "02:00:00:00:00:0d"
  await wire.onHost("ip", "link", "set", "eth0", "address", changed)
  t.true(await until(async () => (await arping(vip, "-c", "1")).join() === changed))
  t.is(await until(() => ndisc6(vip6)), changed)
  await reported(speaker, ({ macs }) => macs?.join() === changed)
})

/** What holds the interface in that mode, as the kernel counts it. */
async function wishes(which: "promiscuity" | "allmulti"): Promise<number> {
  const [link] = JSON.parse(await wire.onHost("ip", "-d", "-j", "link", "show", "eth0")) as Record<string, number>[]
  return link?.[which] ?? 0
}
for (const [option, which] of [
  ["promiscuousInterfaces", "promiscuity"],
  ["allMulticastInterfaces", "allmulti"],
] as const) {
  live(named(`${option}: while there is a responder, and not a moment longer`), async (t) => {
    const before = await wishes(which)
    const speaker = await start(everywhere(vip), { [option]: "^eth" })
    t.is(await wishes(which), before + 2)
    // An address that is announced here, asked for at another station: none of our business, though we see it.
    t.deepEqual(await arping(vip, "-c", "1", "-t", "02:00:00:00:00:ee"), [])
    t.true(await answered())
    await speaker.stop()
    t.is(await wishes(which), before)
  })
}

live(named("on request addresses are announced again and again"), async (t) => {
  const speaker = await start(everywhere(vip), { repeatSeconds: 1 })
  const report = await reported(speaker, ({ gratuitousSent }) => (gratuitousSent[vip] ?? 0) >= 14)
  t.is((report.gratuitousSent[vip] ?? 0) % 2, 0)
})

/** Made and forgotten on the host's loopback: the kernel says whether it knows the type. */
function withoutVlans(): string | undefined {
  if (reason !== undefined) return reason
  const name = `troupe-vlan-${process.pid}`
  const netns = (...args: string[]) => spawnSync("ip", args).status === 0
  netns("netns", "add", name)
  const made = netns("-n", name, "link", "add", "link", "lo", "name", "v", "type", "vlan", "id", "100")
  netns("netns", "del", name)
  return made ? undefined : "this kernel has no VLAN devices"
}
const noVlans = withoutVlans()
const onVlan = noVlans === undefined ? test.serial : test.skip
const vlanTitle = "a VLAN without addresses answers inside it"

onVlan(noVlans === undefined ? vlanTitle : `${vlanTitle} (skipped: ${noVlans})`, async (t) => {
  const vlan = ["type", "vlan", "id", "100"]
  for (const on of [wire.onHost, wire.onClient]) {
    await on("ip", "link", "add", "link", "eth0", "name", "eth0.100", ...vlan)
    await on("ip", "link", "set", "eth0.100", "up")
  }
  await wire.onClient("ip", "addr", "add", "192.0.2.1/24", "dev", "eth0.100")
  await start([{ ip: vip, interfaces: ["eth0.100"] }])
  const said = async () => wire.clientTries("arping", "-c", "1", "-w", "2", "-I", "eth0.100", vip)
  t.true(await until(async () => (await said()).includes(Wire.hostMac)))
  t.deepEqual(await arping(vip, "-c", "1"), [])
})
