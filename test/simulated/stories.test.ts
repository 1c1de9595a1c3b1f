// Stories that once went wrong, as the seeds told them, made as small as they can be.
import test from "ava"
import type { Ip } from "../../protocols/ip.ts"
import { ip } from "../announcer/facts.ts"
import { play } from "./play.ts"
import type { Story, Timed } from "./story.ts"
import { told } from "./told.ts"

const both = ["sockets", "frames"] as const
/** Led by charlie, then bravo, then alpha. */
const web = ip("192.0.2.10")

interface Told {
  readonly about: string
  readonly hosts?: number
  readonly addresses?: readonly Ip[]
  readonly policy?: Story["policy"]
  /** Where the delays of the network matter. */
  readonly seeds?: readonly number[]
  readonly faults: readonly Timed[]
  /** The longest that two may answer, and that nobody may, in milliseconds. */
  readonly twoMs: number
  readonly nobodyMs: number
}

const stories: readonly Told[] = [
  {
    about: "a cut of everything for three minutes: whole again, it is settled before gossip has joined",
    faults: [{ kind: "split", planes: both, groups: [["charlie"], ["alpha", "bravo"]], atMs: 16_000, forMs: 180_000 }],
    twoMs: 800,
    nobodyMs: 500,
  },
  {
    about: "a speaker that begins behind a cut of gossip alone knows the others by the Kubernetes API",
    faults: [
      { kind: "split", planes: ["sockets"], groups: [["bravo"], ["alpha", "charlie"]], atMs: 16_000, forMs: 60_000 },
      { kind: "crash", host: "bravo", atMs: 20_000, forMs: 5000 },
    ],
    twoMs: 2500,
    nobodyMs: 0,
  },
  {
    about: "on both sides of a cut of the segment one takes the dead leader's address; whole again, one keeps it",
    faults: [
      { kind: "split", planes: ["frames"], groups: [["alpha"], ["bravo", "charlie"]], atMs: 16_000, forMs: 8000 },
      { kind: "crash", host: "charlie", atMs: 18_000, forMs: 14_000 },
    ],
    twoMs: 800,
    nobodyMs: 900,
  },
  {
    about: "the leader's link goes down while its gossip has a network of its own",
    faults: [{ kind: "link-down", host: "charlie", atMs: 16_000, forMs: 30_000 }],
    twoMs: 500,
    nobodyMs: 1300,
  },
  {
    about: "the last of four answers for a leader without a link, and goes on when a better one has just begun",
    hosts: 4,
    faults: [
      { kind: "power-off", host: "bravo", atMs: 15_855, forMs: 8229 },
      { kind: "crash", host: "delta", atMs: 19_049, forMs: 1267 },
      { kind: "link-down", host: "charlie", atMs: 22_755, forMs: 37_300 },
    ],
    twoMs: 500,
    nobodyMs: 1300,
  },
  {
    about: "what answers in a dead leader's place crashes, before gossip knows who leads: it goes on",
    faults: [
      { kind: "power-off", host: "charlie", atMs: 18_583, forMs: 4000 },
      { kind: "kill-actor", host: "bravo", path: "/speaker/layer2", atMs: 19_820, forMs: 0 },
      { kind: "kill-actor", host: "bravo", path: "/speaker/layer2/eth0", atMs: 20_820, forMs: 0 },
    ],
    twoMs: 500,
    nobodyMs: 400,
  },
  {
    about: "behind a cut of the segment, of several addresses taken each is given back to who leads by then",
    addresses: [ip("192.0.2.19"), ip("192.0.2.72"), ip("192.0.2.185")],
    faults: [
      { kind: "split", planes: ["frames"], groups: [["bravo", "charlie"], ["alpha"]], atMs: 16_608, forMs: 18_498 },
      { kind: "power-off", host: "charlie", atMs: 19_816, forMs: 3824 },
      { kind: "unavailable", host: "bravo", atMs: 20_220, forMs: 5449 },
    ],
    twoMs: 500,
    nobodyMs: 4000,
  },
  {
    about:
      "a leader that comes back as everything is cut in two: whole again, gossip still calls it gone, and one answers",
    hosts: 5,
    faults: [
      { kind: "leave", host: "charlie", atMs: 31_529, forMs: 1904 },
      {
        kind: "split",
        planes: both,
        groups: [
          ["alpha", "bravo"],
          ["charlie", "delta", "echo"],
        ],
        atMs: 33_455,
        forMs: 5059,
      },
    ],
    twoMs: 1500,
    nobodyMs: 300,
  },
  {
    about: "sticky: a leader that was cut off for half a second has not heard who claims its address",
    policy: "sticky",
    hosts: 4,
    seeds: [94],
    addresses: [ip("192.0.2.246")],
    faults: [
      { kind: "cable-out", host: "charlie", atMs: 19_722, forMs: 533 },
      { kind: "nap", host: "bravo", atMs: 33_000, forMs: 20 },
    ],
    twoMs: 600,
    nobodyMs: 400,
  },
  {
    about: "sticky: a cut that is too short for gossip, and neither side has a reason to say anything",
    policy: "sticky",
    hosts: 5,
    faults: [
      {
        kind: "split",
        planes: both,
        groups: [
          ["bravo", "echo"],
          ["alpha", "charlie", "delta"],
        ],
        atMs: 19_354,
        forMs: 6432,
      },
    ],
    twoMs: 800,
    nobodyMs: 500,
  },
  {
    about:
      "who stands in makes way for one that gossip has brought back, and that one takes the silent leader for alive",
    hosts: 4,
    seeds: [422],
    addresses: [ip("192.0.2.150")],
    faults: [
      {
        kind: "split",
        planes: both,
        groups: [
          ["bravo", "delta"],
          ["alpha", "charlie"],
        ],
        atMs: 21_956,
        forMs: 17_592,
      },
      { kind: "suspend", host: "charlie", atMs: 52_551, forMs: 62_089 },
    ],
    twoMs: 800,
    nobodyMs: 1500,
  },
  {
    about: "drained while its gossip is cut: its silence tells the others",
    faults: [
      { kind: "split", planes: ["sockets"], groups: [["charlie"], ["alpha", "bravo"]], atMs: 17_000, forMs: 4000 },
      { kind: "drain-command", host: "charlie", atMs: 18_000, forMs: 20_000 },
    ],
    twoMs: 1000,
    nobodyMs: 1000,
  },
  {
    about:
      "sticky: gossip is cut, the leader is no candidate for a moment, and does not hear who has claimed its address",
    policy: "sticky",
    hosts: 4,
    seeds: [3531],
    addresses: [ip("192.0.2.50")],
    faults: [
      {
        kind: "split",
        planes: ["sockets"],
        groups: [["bravo"], ["charlie", "delta"], ["alpha"]],
        atMs: 22_377,
        forMs: 14_355,
      },
      { kind: "unavailable", host: "charlie", atMs: 26_208, forMs: 2422 },
    ],
    twoMs: 2000,
    nobodyMs: 500,
  },
  {
    about: "both sides of a cut have the address of one that hangs: whole again, their claims cross, and one keeps it",
    hosts: 4,
    seeds: [3580],
    addresses: [ip("192.0.2.43"), ip("192.0.2.108")],
    faults: [
      {
        kind: "split",
        planes: both,
        groups: [
          ["charlie", "delta"],
          ["alpha", "bravo"],
        ],
        atMs: 33_501,
        forMs: 17_538,
      },
      { kind: "hang", host: "alpha", atMs: 46_540, forMs: 29_941 },
    ],
    twoMs: 800,
    nobodyMs: 1500,
  },
  {
    about: "sticky: a node without a link claims nothing, though it hears nobody and thinks that it leads",
    policy: "sticky",
    seeds: [7043],
    addresses: [ip("192.0.2.66"), ip("192.0.2.219")],
    faults: [
      { kind: "power-off", host: "bravo", atMs: 36_681, forMs: 6436 },
      { kind: "cable-out", host: "charlie", atMs: 53_914, forMs: 39_544 },
    ],
    twoMs: 500,
    nobodyMs: 500,
  },
  {
    about: "no longer drained, and cut off from the one that took its address: who insists has it",
    hosts: 5,
    seeds: [8378],
    addresses: [ip("192.0.2.186")],
    faults: [
      { kind: "drain-command", host: "alpha", atMs: 25_306, forMs: 3223 },
      {
        kind: "split",
        planes: ["sockets"],
        groups: [
          ["bravo", "echo"],
          ["alpha", "charlie", "delta"],
        ],
        atMs: 27_322,
        forMs: 3995,
      },
    ],
    twoMs: 2000,
    nobodyMs: 500,
  },
  {
    about: "sticky: the claim of one side of a long cut reaches the other as soon as they hear each other",
    policy: "sticky",
    hosts: 5,
    seeds: [8443],
    addresses: [ip("192.0.2.211")],
    faults: [
      { kind: "hang", host: "echo", atMs: 22_478, forMs: 555 },
      {
        kind: "split",
        planes: both,
        groups: [["charlie"], ["alpha", "delta", "echo"], ["bravo"]],
        atMs: 22_660,
        forMs: 28_608,
      },
    ],
    twoMs: 1000,
    // One that is alone cannot tell who is cut off, and leaves it to gossip.
    nobodyMs: 30_000,
  },
  {
    about: "spread: two that gossip keeps apart, and each has laid out everything on itself",
    policy: "spread",
    seeds: [851],
    addresses: [ip("192.0.2.115"), ip("192.0.2.65")],
    faults: [
      { kind: "suspend", host: "charlie", atMs: 15_732, forMs: 33_040 },
      { kind: "split", planes: ["sockets"], groups: [["alpha"], ["bravo", "charlie"]], atMs: 17_612, forMs: 8823 },
    ],
    twoMs: 1500,
    nobodyMs: 1000,
  },
  {
    about: "spread: the layout of one side of a cut, when the segment is whole and gossip is not",
    policy: "spread",
    seeds: [1256],
    addresses: [ip("192.0.2.242"), ip("192.0.2.175")],
    faults: [
      { kind: "split", planes: both, groups: [["bravo"], ["alpha", "charlie"]], atMs: 20_861, forMs: 9424 },
      { kind: "power-off", host: "alpha", atMs: 24_228, forMs: 16_370 },
    ],
    twoMs: 1500,
    // One that is alone cannot tell who is cut off, and leaves it to gossip.
    nobodyMs: 10_000,
  },
  {
    about: "spread: an announcer that begins anew lays out everything before it announces anything",
    policy: "spread",
    hosts: 5,
    seeds: [5, 27, 31],
    addresses: [ip("192.0.2.50"), ip("192.0.2.15"), ip("192.0.2.88"), ip("2001:db8::13")],
    faults: [
      { kind: "api-gone", atMs: 20_486, forMs: 6795 },
      { kind: "kill-actor", host: "echo", path: "/speaker/announcer", atMs: 20_658, forMs: 0 },
    ],
    twoMs: 0,
    nobodyMs: 0,
  },
  {
    about: "a Service that comes when its leader has no link",
    faults: [
      { kind: "service-gone", ip: web, atMs: 16_000, forMs: 9000 },
      { kind: "link-down", host: "charlie", atMs: 17_000, forMs: 30_000 },
    ],
    twoMs: 500,
    nobodyMs: 1500,
  },
  {
    about: "a leader that comes back while the API server is away leads nothing until it knows of something",
    faults: [
      { kind: "api-gone", atMs: 15_500, forMs: 120_000 },
      { kind: "crash", host: "charlie", atMs: 17_000, forMs: 12_000 },
    ],
    twoMs: 500,
    nobodyMs: 400,
  },
]

for (const { about, hosts = 3, addresses = [web], policy, seeds = [1, 2, 3], faults, twoMs, nobodyMs } of stories) {
  test(about, async (t) => {
    for (const seed of seeds) {
      const endMs = Math.max(...faults.map(({ atMs, forMs }) => atMs + forMs))
      const story: Story = { seed, hosts, addresses, loss: 0, plainHosts: [], ...(policy && { policy }), faults, endMs }
      const { violation, observed, ...rest } = await play(story)
      if (violation !== undefined) return t.fail(told({ ...rest, violation, observed }))
      const [two, nobody] = [Math.max(0, ...observed.twoMs), Math.max(0, ...observed.nobodyMs)]
      t.log(`seed ${seed}: two answered for ${two} ms, nobody for ${nobody} ms`)
      t.true(two <= twoMs && nobody <= nobodyMs, `seed ${seed}: ${two}, ${nobody}`)
    }
  })
}
