import type { SpeakerStatus } from "../../actors/announcer/messages.ts"
import type { BfdSessionReport } from "../../actors/bfd/messages.ts"
import type { Agreed, MessageCounts, RoutesReport, SessionReport } from "../../actors/session/messages.ts"
import type { Family } from "../../protocols/ip.ts"
import { elapsed, table } from "./table.ts"

/** One BGP session of one speaker, with all that is known of it. */
export interface SessionView {
  readonly node: string
  readonly session: SessionReport
  /** Of the path to this peer. */
  readonly bfd: readonly BfdSessionReport[]
  /** Only where they were asked for. */
  readonly routes?: RoutesReport
}

export const sessionsIn = ({ node, sessions, bfd }: SpeakerStatus): readonly SessionView[] =>
  [...sessions]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((session) => ({ node, session, bfd: bfd.filter((one) => watches(one, session)) }))

const watches = (bfd: BfdSessionReport, { address, transport }: SessionReport): boolean =>
  bfd.peer === address || (bfd.interface !== undefined && bfd.interface === transport.interface)

/** A line for each session. */
export function describeSessions(views: readonly SessionView[], nowMs: number): string {
  const head = ["NODE", "PEER", "ADDRESS", "AS", "STATE", "SINCE", "UP/DOWN", "SENT", "BFD", "LAST ERROR"]
  return table([
    head,
    ...views.map(({ node, session, bfd }) => [
      node,
      session.name,
      withPort(session),
      String(session.agreed?.peerASN ?? session.peerASN),
      session.state,
      elapsed(nowMs - session.sinceMs),
      `${session.ups}/${session.downs}`,
      `${session.prefixesSent} of ${session.prefixesWanted}`,
      bfd.map(({ state }) => state).join() || "-",
      session.lastError ?? "",
    ]),
  ])
}

const withPort = ({ address, port }: { readonly address: string; readonly port: number }): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`

/** Everything about one of them. */
export function describeSession({ node, session, bfd, routes }: SessionView, nowMs: number): string {
  const { name, state, sinceMs } = session
  const lines = [`${name} on ${node}: ${state} for ${elapsed(nowMs - sinceMs)}, since ${time(sinceMs)}`, ""]
  const items = [
    ...aboutPeer(session),
    ["came up", `${times(session.ups)}, lost ${times(session.downs)}`],
    ...(session.lastError === undefined ? [] : [["last error", session.lastError]]),
    ...lastNotification(session),
    ["prefixes", `${session.prefixesWanted} wanted, ${session.prefixesSent} sent, ${session.updatesSent} UPDATEs`],
    ...aboutImport(session),
    ...(session.agreed === undefined ? [] : aboutAgreed(session.agreed)),
    ...several(
      "offered",
      session.offered?.map(({ text }) => text),
    ),
    ...several(
      "received",
      session.received?.map(({ text }) => text),
    ),
    ...(bfd.length === 0 ? [["BFD", "not watched"]] : bfd.map((one) => ["BFD", bfdText(one, nowMs)])),
  ]
  lines.push(table(items.map(([what = "", text = ""]) => [`  ${what}`, text])), "")
  lines.push(messagesTable(session.messages))
  if (routes !== undefined) lines.push("", ...describeRoutes(routes))
  return lines.join("\n")
}

const time = (ms: number): string => new Date(ms).toISOString()
const times = (count: number): string => (count === 1 ? "once" : `${count} times`)

function aboutPeer({ transport, myASN, peerASN, agreed }: SessionReport): string[][] {
  const { local, remote, authentication, ttlSecurityHops, interface: device, vrf } = transport
  const signed = { none: "not signed", md5: "signed with TCP MD5", ao: "signed with TCP-AO" }[authentication]
  const ttl = ttlSecurityHops === undefined ? "no TTL security" : `TTL security within ${ttlSecurityHops} hops`
  return [
    ["transport", `${local === undefined ? "not connected" : withPort(local)} to ${withPort(remote)}`],
    [
      "",
      [
        signed,
        ttl,
        ...(device === undefined ? [] : [`interface ${device}`]),
        ...(vrf === undefined ? [] : [`VRF ${vrf}`]),
      ].join(", "),
    ],
    ["AS numbers", `${myASN} here, ${agreed?.peerASN ?? peerASN} there`],
    ...(agreed === undefined ? [] : [["router id", agreed.peerRouterId]]),
  ]
}

function aboutImport({ imported }: SessionReport): string[][] {
  if (imported === undefined) return []
  const { accepted, maximum, surplus, rejected } = imported
  const left = Object.entries(rejected).filter(([, count]) => count > 0)
  const more = surplus ? ", and there are more" : ""
  return [
    ["imported", `${accepted} routes of at most ${maximum}${more}`],
    ...(left.length === 0 ? [] : [["not taken", left.map(([reason, count]) => `${count} ${reason}`).join(", ")]]),
  ]
}

function lastNotification({ lastNotification }: SessionReport): string[][] {
  if (lastNotification === undefined) return []
  const { direction, text, code, subcode, atMs } = lastNotification
  return [["last NOTIFICATION", `${direction} ${time(atMs)}: ${text} (code ${code}, subcode ${subcode})`]]
}

function aboutAgreed(agreed: Agreed): string[][] {
  const { holdSeconds, keepaliveSeconds, families, restart } = agreed
  const timers =
    holdSeconds === 0
      ? "none: the hold time is 0"
      : `hold ${holdSeconds} s, KEEPALIVE every ${round(keepaliveSeconds)} s`
  const kept = restart === undefined ? "" : `, over NOTIFICATIONs ${restart.notifications ? "too" : "not"}`
  const refresh = { no: "no", plain: "plain", enhanced: "enhanced" }[agreed.routeRefresh]
  return [
    ["timers", timers],
    ["families", families.map(familyName).join(", ") || "none that both speak"],
    [
      "agreed",
      [
        `4-octet AS ${yes(agreed.fourOctetAs)}`,
        `route refresh ${refresh}`,
        `extended messages ${yes(agreed.extendedMessage)}`,
        `IPv4 by IPv6 next hops ${yes(agreed.extendedNextHop)}`,
      ].join(", "),
    ],
    [
      "graceful restart",
      restart === undefined ? "no: routes go with the session" : `routes stay for ${restart.seconds} s${kept}`,
    ],
  ]
}

const yes = (value: boolean): string => (value ? "yes" : "no")
const round = (seconds: number): string => String(Math.round(seconds * 10) / 10)
const familyName = (family: Family): string => (family === "ipv4" ? "IPv4 unicast" : "IPv6 unicast")

const several = (what: string, texts: readonly string[] | undefined): string[][] =>
  (texts ?? []).map((text, i) => [i === 0 ? what : "", text])

function bfdText(
  { state, sinceMs, diagnostic, key, transmitIntervalMs, detectionTimeMs }: BfdSessionReport,
  nowMs: number,
) {
  const detects = detectionTimeMs === undefined ? "" : `, silence noticed after ${round(detectionTimeMs)} ms`
  const every = `a packet every ${round(transmitIntervalMs)} ms${detects}`
  return `${state} for ${elapsed(nowMs - sinceMs)} (${diagnostic}), ${every}, ${key}`
}

function messagesTable({ sent, received }: SessionReport["messages"]): string {
  const rows: readonly (readonly [string, keyof MessageCounts])[] = [
    ["OPEN", "opens"],
    ["UPDATE", "updates"],
    ["KEEPALIVE", "keepalives"],
    ["NOTIFICATION", "notifications"],
    ["ROUTE-REFRESH", "routeRefreshes"],
    ["all", "total"],
  ]
  return table([
    ["  messages", "sent", "received"],
    ...rows.map(([title, key]) => [`  ${title}`, String(sent[key]), String(received[key])]),
  ])
}

function describeRoutes({ groups, refused, nextHops }: RoutesReport): string[] {
  const hops = Object.entries(nextHops).map(([family, hop]) => `${familyName(family as Family)} by ${hop}`)
  const lines = [`  routes${hops.length === 0 ? "" : `, ${hops.join(", ")}`}`]
  for (const { localPref, communities, med, prepend, sent, waiting } of groups) {
    const attributes = [
      `local preference ${localPref}`,
      communities.length === 0 ? "no communities" : `communities ${communities.join(" ")}`,
      ...(med === undefined ? [] : [`MED ${med}`]),
      ...(prepend === undefined ? [] : [`AS path longer by ${prepend}`]),
    ]
    lines.push(`    ${attributes.join(", ")}`)
    for (const prefix of sent) lines.push(`      ${prefix}`)
    for (const prefix of waiting) lines.push(`      ${prefix}  not sent yet`)
  }
  for (const { prefix, because } of refused) lines.push(`    ${prefix}  not sent: ${because}`)
  if (groups.length === 0 && refused.length === 0) lines.push("    none")
  return lines
}
