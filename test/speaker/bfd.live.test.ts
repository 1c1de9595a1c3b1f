import test from "ava"
import { address, type Bird, Network, withoutBird } from "../bfd/network.ts"
import { until } from "../io/namespaces.ts"
import type { Seen, Told } from "./programs/watching.ts"

const live = withoutBird === undefined ? test.serial : test.skip
if (withoutBird !== undefined) test(`skipped: ${withoutBird}`, (t) => t.pass())

const networks: Network[] = []
test.after.always(async () => {
  for (const each of networks) await each.down()
})

const profile = { transmitInterval: 50, receiveInterval: 50, detectMultiplier: 3 }
const detectionMs = 150
/** Scheduling on a machine that does other things too. The hold time is 90 s. */
const slackMs = 3_000
const prefix = "203.0.113.10/32"

const seenBy = (net: Network): Seen | undefined => net.speaker.lines.at(-1) as Seen | undefined
const hasRoute = (bird: Bird): boolean => bird.ask("show", "route", prefix).includes(prefix)

async function sees(net: Network, what: string, so: (seen: Seen) => boolean): Promise<Seen> {
  const found = await until(() => {
    const seen = seenBy(net)
    return seen !== undefined && so(seen) ? seen : undefined
  }, 60_000)
  if (found === undefined) throw new Error(`not within a minute: ${what}; ${JSON.stringify(seenBy(net))}`)
  return found
}

async function watched(name: string): Promise<{ readonly net: Network; readonly bird: Bird }> {
  const net = new Network(name, new URL("./programs/watching.ts", import.meta.url))
  networks.push(net)
  const bird = await net.bird(
    "client",
    'interface "eth0" { interval 50 ms; multiplier 3; };',
    `protocol bgp speaker {
  local ${address.client} as 64501;
  neighbor ${address.host} as 64500;
  passive; bfd on; hold time 90; error wait time 1, 2;
  ipv4 { import all; export none; };
}
`,
  )
  const told: Told = { peer: { myASN: 64500, peerASN: 64501, peerAddress: address.client }, profile }
  net.speaker.tell(told)
  await sees(net, "both up", isUp)
  if (!(await until(() => hasRoute(bird)))) throw new Error("BIRD has no route")
  return { net, bird }
}

const isUp = ({ bgp, bfd, settled }: Seen): boolean => bgp === "established" && bfd === "up" && settled

/** How long after `fromMs` the BGP session was taken down. */
async function downAfterMs(net: Network, fromMs: number): Promise<number> {
  await sees(net, "BGP down", ({ bgp, losses }) => bgp !== "established" && losses === 1)
  // The first change after `fromMs`: tries to connect follow at once.
  const first = (net.speaker.lines as Seen[]).find(({ bgp, sinceMs = 0 }) => bgp !== "established" && sinceMs >= fromMs)
  return (first?.sinceMs ?? Number.NaN) - fromMs
}

live("link down: BGP goes down by BFD, not by its hold time, and is back with the link", async (t) => {
  const { net, bird } = await watched("blink")
  const cutMs = Date.now()
  net.link("down")
  const afterMs = await downAfterMs(net, cutMs)
  t.log(`BGP down ${afterMs} ms after the link`)
  t.true(afterMs < detectionMs + slackMs, `down after ${afterMs} ms`)
  t.regex(seenBy(net)?.lastError ?? "", /BFD lost the path to the peer; sent NOTIFICATION Cease\/BFD Down/)
  t.true(await until(() => !hasRoute(bird)))
  net.link("up")
  await sees(net, "both up again", isUp)
  t.true(await until(() => hasRoute(bird)))
})

live("the router stands still: BGP goes down by BFD, and is back when it goes on", async (t) => {
  const { net, bird } = await watched("bstill")
  const stopMs = Date.now()
  process.kill(bird.program.pid, "SIGSTOP")
  const afterMs = await downAfterMs(net, stopMs)
  process.kill(bird.program.pid, "SIGCONT")
  t.log(`BGP down ${afterMs} ms after the router stood still`)
  t.true(afterMs < detectionMs + slackMs, `down after ${afterMs} ms`)
  await sees(net, "both up again", isUp)
  t.true(await until(() => hasRoute(bird)))
})

live("the speaker stands still: the router drops its route long before the hold time", async (t) => {
  const { net, bird } = await watched("bself")
  const stopMs = Date.now()
  process.kill(net.speaker.pid, "SIGSTOP")
  t.true(await until(() => !hasRoute(bird)))
  const afterMs = Date.now() - stopMs
  process.kill(net.speaker.pid, "SIGCONT")
  t.log(`route gone ${afterMs} ms after the speaker stood still`)
  t.true(afterMs < detectionMs + slackMs, `gone after ${afterMs} ms`)
  await sees(net, "both up again", isUp)
  t.true(await until(() => hasRoute(bird)))
})
