import { execFile, spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import test from "ava"
import { cease } from "../../protocols/bgp/notification.ts"
import { ceaseSubcode } from "../../protocols/bgp/iana.ts"
import { startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { conversions } from "../../kubernetes/resources/convert.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"
import { kubeconfig } from "../kubernetes/client/fake-api.ts"
import { type FakePeer, startFakePeer } from "../session/fake-peer.ts"
import { until } from "../session/system.ts"
import { get } from "./get.ts"

const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url))
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-status-"))
const socket = path.join(directory, "speaker.sock")
test.after.always(() => fs.rmSync(directory, { recursive: true }))

const namespace = "metallb-system"
/** The port of a BGPPeer is at most 16384, so it cannot be any free one; the address is ours alone instead. */
const address = `127.9.${(process.pid >> 8) & 255}.${process.pid & 255}`

/** A speaker as a process, one node, one Service, one peer that answers and one that nobody is. */
async function world(fake: FakePeer) {
  const server = await startEmbeddedApi({ listen: [{}], definitions, conversions })
  const { objects } = server
  const put = (apiVersion: string, kind: string, name: string, rest: object, at: string | undefined = namespace) =>
    objects.put({ apiVersion, kind, metadata: { name, ...(at === "" ? {} : { namespace: at }) }, ...rest })
  for (const name of [namespace, "default"]) put("v1", "Namespace", name, {}, "")
  put("v1", "Node", "alpha", {}, "")
  put("metallb.io/v1beta1", "IPAddressPool", "first", { spec: { addresses: ["192.0.2.0/24"] } })
  const communities = ["65000:7"]
  put("metallb.io/v1beta1", "BGPAdvertisement", "all", { spec: { communities } })
  put("metallb.io/v1beta1", "L2Advertisement", "all", { spec: {} })
  const peer = (name: string, peerPort: number) =>
    put("metallb.io/v1beta2", "BGPPeer", name, {
      spec: { myASN: 64512, peerASN: 64513, peerAddress: address, peerPort, holdTime: "240s" },
    })
  peer("router", fake.port)
  // Nobody listens on the discard port.
  peer("nobody", 9)
  put(
    "v1",
    "Service",
    "web",
    {
      spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
      status: { loadBalancer: { ingress: [{ ip: "192.0.2.10" }] } },
    },
    "default",
  )
  objects.put({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.0.1"], nodeName: "alpha", conditions: { ready: true, serving: true } }],
    ports: [{ port: 80 }],
  })
  const file = path.join(directory, "kubeconfig")
  fs.writeFileSync(file, kubeconfig(server.url))
  const args = [`--namespace=${namespace}`, "--node-name=alpha", "--port=0", "--health-probe-port=0"]
  const child = spawn(
    process.execPath,
    [main, "speaker", ...args, `--kubeconfig=${file}`, `--debug-socket=${socket}`, "--exit-with-stdin"],
    { stdio: ["pipe", "ignore", "inherit"], env: { PATH: process.env["PATH"] } },
  )
  return {
    server,
    end: async () => {
      const ended = new Promise((resolve) => child.once("close", resolve))
      child.stdin.end()
      await ended
      await server.close()
    },
  }
}

const troupe = async (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [main, ...args, "--socket", socket]).then(
    ({ stdout }) => ({ code: 0, out: stdout, error: "" }),
    (failed: { code: number; stdout: string; stderr: string }) => ({
      code: failed.code,
      out: failed.stdout,
      error: failed.stderr,
    }),
  )

/** Series by name and labels. */
async function scraped(): Promise<ReadonlyMap<string, number>> {
  const { body } = await get({ socketPath: socket }, "/metrics")
  const lines = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]))
}

test("a speaker's sessions: troupe status bgp, and every metric of MetalLB's native and FRR modes, by a real scrape", async (t) => {
  const fake = await startFakePeer({ address, port: 1790, holdSeconds: 240 })
  const { server, end } = await world(fake)
  t.teardown(async () => {
    fake.close()
    await end()
  })
  const there = async () => {
    const status = fs.existsSync(socket) ? JSON.parse((await get({ socketPath: socket }, "/debug/status")).body) : null
    const sessions: { name: string; prefixesSent: number; lastError?: string }[] = status?.sessions ?? []
    return (
      sessions.some(({ name, prefixesSent }) => name === "router" && prefixesSent === 1) &&
      sessions.some(({ name, lastError }) => name === "nobody" && lastError !== undefined)
    )
  }
  await until("the route at the peer", there)
  // Down once, with the operator's words, and up again.
  fake.connections[0]?.send(cease(ceaseSubcode.administrativeShutdown, "back in a minute"))
  fake.connections[0]?.socket.end()
  await until("again", async () => fake.connections.length === 2 && (await there()))

  const quoted = address.replaceAll(".", "\\.")
  const all = await troupe("status", "bgp")
  t.is(all.code, 0, all.error)
  const [head = "", ...lines] = all.out.trim().split("\n")
  t.regex(head, /^NODE +PEER +ADDRESS +AS +STATE +SINCE +UP\/DOWN +SENT +BFD +LAST ERROR$/)
  t.regex(
    lines[0] ?? "",
    new RegExp(`^alpha +nobody +${quoted}:9 +64513 +\\S+ +\\S+ +0/0 +0 of 1 +- +failed to connect to `),
  )
  const down = 'peer sent NOTIFICATION Cease/Administrative Shutdown ("back in a minute")'
  t.true(lines[1]?.replaceAll(/ +/g, " ").startsWith(`alpha router ${address}:1790 64513 established `), lines[1])
  t.true(lines[1]?.includes("2/1"), lines[1])
  t.true(lines[1]?.endsWith(down), lines[1])

  const one = await troupe("status", "bgp", "router", "--routes")
  t.is(one.code, 0, one.error)
  for (const expected of [
    /^router on alpha: established for \d+s, since 20/,
    new RegExp(`transport +127\\.0\\.0\\.1:\\d+ to ${quoted}:1790\n +not signed, no TTL security\n`),
    /AS numbers +64512 here, 64513 there\n/,
    /router id +192\.0\.2\.200\n/,
    /came up +2 times, lost once\n/,
    /last NOTIFICATION +received 20\S+: Cease\/Administrative Shutdown \("back in a minute"\) \(code 6, subcode 2\)\n/,
    /prefixes +1 wanted, 1 sent, 4 UPDATEs\n/,
    /timers +hold 240 s, KEEPALIVE every 80 s\n/,
    /families +IPv4 unicast\n/,
    /agreed +4-octet AS yes, route refresh no, extended messages no, IPv4 by IPv6 next hops no\n/,
    /graceful restart +no: routes go with the session\n/,
    /offered +multiprotocol: IPv4 unicast\n +route refresh\n/,
    /received +multiprotocol: IPv4 unicast\n +multiprotocol: IPv6 unicast\n +4-octet AS numbers: AS 64513\n/,
    /BFD +not watched\n/,
    / +NOTIFICATION +0 +1\n/,
    /routes, IPv4 unicast by 127\.0\.0\.1\n +local preference 0, communities 65000:7\n +192\.0\.2\.10\/32\n/,
  ])
    t.regex(one.out, expected)

  const json = JSON.parse((await troupe("status", "bgp", "router", "--routes", "--output", "json")).out)
  t.like(json[0], { node: "alpha", session: { name: "router", state: "established", ups: 2, downs: 1 } })
  t.deepEqual(json[0].routes.groups[0].sent, ["192.0.2.10/32"])
  const unknown = await troupe("status", "bgp", "other")
  t.is(unknown.code, 1)
  t.is(unknown.error, "troupe: there is no BGP session with a peer other on alpha\n")
  t.regex((await troupe("status", "bgp", "--routes")).error, /of which peer\?/)

  t.regex((await troupe("status")).out, /^alpha\n[^]*BGP +1 Services announced, 1 of 2 sessions established\n/)
  t.regex((await troupe("status", "layer2")).out, /\nalpha +default\/web +192\.0\.2\.10 +yes +all +alpha +alpha\n/)

  let ofCluster = ""
  const asked = ["status", "bgp", "--cluster", "--kubeconfig", path.join(directory, "kubeconfig")]
  await until("the speaker has written how its sessions stand", async () => {
    ofCluster = (await troupe(...asked)).out.replaceAll(/ +/g, " ")
    return ofCluster.includes(`alpha router ${address} Established`) && ofCluster.trim().endsWith(down)
  })
  t.regex(
    ofCluster,
    new RegExp(
      `^NODE PEER ADDRESS STATE SINCE BFD LAST ERROR\nalpha nobody ${quoted} (Active|Idle|Connect) - N/A failed`,
    ),
  )
  t.regex((await troupe(...asked, "router")).out, /^NODE[^\n]*\nalpha +router [^\n]*\n$/)
  t.regex((await troupe(...asked, "other")).error, /no BGPSessionState of a peer other in metallb-system/)

  const sent = (kind: string) =>
    fake.connections.reduce((sum, { messages }) => sum + messages.filter((one) => one.kind === kind).length, 0)
  const labels = `{peer="${address}:1790",vrf="default"}`
  /** What the peer has seen itself, while no KEEPALIVE is on its way: the next one is due after a minute. */
  const expected: Readonly<Record<string, () => number>> = {
    metallb_bgp_session_up: () => 1,
    metallb_bgp_updates_total: () => sent("update"),
    metallb_bgp_announced_prefixes_total: () => 1,
    metallb_bgp_pending_prefixes_total: () => 1,
    metallb_bgp_opens_sent: () => sent("open"),
    metallb_bgp_opens_received: () => 2,
    metallb_bgp_notifications_sent: () => 0,
    metallb_bgp_updates_total_received: () => 0,
    metallb_bgp_keepalives_sent: () => sent("keepalive"),
    // The fake one says it once on each connection.
    metallb_bgp_keepalives_received: () => 2,
    metallb_bgp_route_refresh_sent: () => 0,
    metallb_bgp_total_sent: () => fake.connections.reduce((sum, { messages }) => sum + messages.length, 0),
    metallb_bgp_total_received: () => 5,
    troupe_bgp_session_ups_total: () => 2,
    troupe_bgp_session_downs_total: () => 1,
    troupe_bgp_notifications_received_total: () => 1,
    troupe_bgp_route_refresh_received_total: () => 0,
  }
  const same = async () => {
    const series = await scraped()
    return Object.entries(expected).filter(([name, value]) => series.get(`${name}${labels}`) !== value())
  }
  let wrong = await same()
  await until(
    "all series as the peer has seen it",
    async () => (wrong = await same()).length === 0,
    30_000,
    () => wrong.map(([name]) => name).join(),
  )
  const series = await scraped()
  t.is(series.get(`metallb_bgp_session_up{peer="${address}:9",vrf="default"}`), 0)
  t.is(series.get(`metallb_bgp_pending_prefixes_total{peer="${address}:9",vrf="default"}`), 1)
  const named = [...series.keys()].filter((one) => one.includes(labels)).map((one) => one.replace(labels, ""))
  t.deepEqual(named.sort(), Object.keys(expected).sort(), "no series that nobody has looked at")

  server.objects.delete("metallb.io/v1beta2", "BGPPeer", "nobody", namespace)
  await until("its series are gone", async () => ![...(await scraped()).keys()].some((one) => one.includes(':9"')))
  t.is((await scraped()).get(`metallb_bgp_session_up${labels}`), 1)
})
