import { describeBgp } from "../../actors/announcer/bgp-decision.ts"
import { describeLayer2, type Layer2Reason } from "../../actors/announcer/layer2-reasons.ts"
import { describeService } from "../../actors/announcer/service-decision.ts"
import { type Announced, bgpReasons, layer2Reasons } from "./announcements.ts"

export interface AnnouncementChange {
  readonly changes: boolean
  readonly layer2: { readonly before?: string; readonly after?: string; readonly because: readonly string[] }
  readonly bgp: {
    readonly starts: readonly RouteAt[]
    readonly stops: readonly RouteAt[]
    readonly because: readonly string[]
  }
}

/** One prefix to the same peers from these nodes. */
export interface RouteAt {
  readonly prefix: string
  readonly peers: readonly string[]
  readonly nodes: readonly string[]
}

export function announcementChange(before: Announced, after: Announced): AnnouncementChange {
  const starts = without(after.bgp, before.bgp)
  const stops = without(before.bgp, after.bgp)
  const [was, is] = [before.layer2?.node, after.layer2?.node]
  const changed = new Set([...starts, ...stops].map(({ node }) => node))
  return {
    changes: was !== is || changed.size > 0,
    layer2: {
      ...(was !== undefined && { before: was }),
      ...(is !== undefined && { after: is }),
      because: was === is ? [] : layer2Because(after),
    },
    bgp: {
      starts: together(starts),
      stops: together(stops),
      because: unique(
        [...changed].flatMap((node) => outer(after, node) ?? bgpReasons(after.verdicts.get(node)).map(describeBgp)),
      ),
    },
  }
}

type Routes = Announced["bgp"]

const text = ({ node, prefix, peers }: Routes[number]): string => `${node} ${prefix} ${peers.join(",")}`

const without = (routes: Routes, others: Routes): Routes => {
  const known = new Set(others.map(text))
  return routes.filter((route) => !known.has(text(route)))
}

const together = (routes: Routes): readonly RouteAt[] =>
  [...Map.groupBy(routes, ({ prefix, peers }) => `${prefix} ${peers.join(",")}`).values()].flatMap((same) => {
    const [first] = same
    return first ? [{ prefix: first.prefix, peers: first.peers, nodes: same.map(({ node }) => node) }] : []
  })

/** What the leader says; without one, what keeps each node from it. */
function layer2Because(after: Announced): readonly string[] {
  const leader = after.layer2?.node
  if (leader !== undefined) return layer2Reasons(after.verdicts.get(leader)).map(describeLayer2)
  const told = (reason: Layer2Reason) => (reason.rule === "members-unknown" ? [] : [describeLayer2(reason)])
  return unique(
    [...after.verdicts.keys()].flatMap(
      (node) => outer(after, node) ?? layer2Reasons(after.verdicts.get(node)).flatMap(told),
    ),
  )
}

/** The rules before the protocols, when they end it. */
function outer({ verdicts }: Announced, node: string): readonly string[] | undefined {
  const verdict = verdicts.get(node)
  return verdict === undefined || verdict.decision.kind === "considered"
    ? undefined
    : verdict.because.map(describeService)
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)]
