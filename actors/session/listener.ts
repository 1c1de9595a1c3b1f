import { familyOf, parseIp } from "../../protocols/ip.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { TcpKey, TcpListenAt, TcpListener } from "../../supervision/world.ts"
import { type Incoming, receiveConnection } from "./incoming.ts"
import type { ListenerReport } from "./messages.ts"
import type { PeerMessage } from "./peer-state.ts"

/*
 *          admit                      incoming, listening
 *   bgp ──────────► listener ────────────────────────────► peer
 *       ◄──────────    ▲
 *        listener      └── TCP: whoever knocks
 */

/** One listening socket, for all peers of a family, port and VRF that may connect to us. */
export interface ListenerConfig {
  readonly id: string
  readonly at: Pick<TcpListenAt, "address" | "port" | "device">
  readonly parent: ActorRef<ListenerNews>
}

export interface ListenerNews {
  readonly kind: "listener"
  readonly id: string
  readonly report: ListenerReport
}

/** Who may connect, and how signed. */
export interface Admission {
  readonly name: string
  readonly address: string
  readonly key: TcpKey
  readonly minimumTtl?: number
  readonly ref: ActorRef<PeerMessage>
}

export type ListenerMessage =
  /** All who may, always the whole set. */
  | { readonly kind: "admit"; readonly admissions: readonly Admission[] }
  | { readonly kind: "knock"; readonly incoming: Incoming; readonly secure: (minimumTtl: number) => string | undefined }
  | { readonly kind: "failed"; readonly error: string }
  | { readonly kind: "again" }

interface ListenerState {
  readonly config: ListenerConfig
  readonly listener?: TcpListener
  readonly error?: string
  /** By address. */
  readonly admitted: ReadonlyMap<string, Admission>
  /** Whose key the socket holds. */
  readonly keyed: ReadonlySet<string>
  readonly accepted: number
  readonly refused: number
  readonly saidRefusedMs: number
}

/** A port that is taken may be free a little later. */
const retryMs = 3_000
const refusalEveryMs = 10_000
/** So that a peer which asks for TTL security (RFC 5082) takes even our first packet. */
const largestTtl = 255

export const listenerActor: Actor<ListenerConfig, ListenerState, ListenerMessage> = {
  kind: "bgp-listener",
  async start(config, context) {
    const state = await open(
      {
        config,
        admitted: new Map(),
        keyed: new Set(),
        accepted: 0,
        refused: 0,
        saidRefusedMs: Number.NEGATIVE_INFINITY,
      },
      context,
    )
    return report(state, context)
  },
  async receive(state, message, context) {
    switch (message.kind) {
      case "admit":
        return report(admit(state, message.admissions, context), context)
      case "knock":
        return report(knock(state, message, context), context)
      case "failed":
        return report(state.listener === undefined ? state : { ...state, error: message.error }, context)
      case "again": {
        const next = await open(state, context)
        return report(admit(next, [...next.admitted.values()], context), context)
      }
    }
  },
  stop: ({ listener }) => listener?.close(),
}

async function open(state: ListenerState, context: Context<ListenerMessage>): Promise<ListenerState> {
  const { world, self } = context
  const { at } = state.config
  const options = {
    ...at,
    ...(world.network.tcpListening === true ? { ttl: largestTtl } : {}),
    ...(at.address === "::" && world.network.tcpListening === true ? { onlyIpv6: true as const } : {}),
  }
  const opened = await world.network.listenTcp(options, {
    connection: (tcp) =>
      receiveConnection(world, tcp, (incoming) =>
        context.send(self, {
          kind: "knock",
          incoming,
          secure(minimumTtl) {
            const done = tcp.setMinimumTtl?.(minimumTtl)
            if (done === undefined) return "TTL security is not available here"
            return done.ok ? undefined : done.error.message
          },
        }),
      ),
    error: ({ message }) => context.send(self, { kind: "failed", error: message }),
  })
  const { error: _, listener: _old, ...rest } = state
  if (opened.ok) {
    context.log.info("listening for BGP peers", { op: "listen", ...where(state) })
    return { ...rest, listener: opened.value, keyed: new Set() }
  }
  const { message, code } = opened.error
  const error = message.includes(code) ? message : `${message} (${code})`
  if (error !== state.error) context.log.error("cannot listen for BGP peers", { op: "listen", ...where(state), error })
  context.timers.set("again", retryMs, { kind: "again" })
  return { ...rest, error }
}

const where = ({ config: { at } }: ListenerState): Readonly<Record<string, unknown>> => ({
  address: at.address,
  port: at.port,
  ...(at.device === undefined ? {} : { vrf: at.device }),
})

/** Each peer's key before its first segment: it never talks unsigned where it should be signed. */
function admit(
  state: ListenerState,
  admissions: readonly Admission[],
  context: Context<ListenerMessage>,
): ListenerState {
  const { listener } = state
  const admitted = new Map<string, Admission>()
  const keyed = new Set<string>()
  const tell = ({ ref }: Admission, error: string | undefined): void =>
    context.send(ref, { kind: "listening", ...(error === undefined ? {} : { error }) })
  for (const admission of admissions) {
    const { address, key, name } = admission
    const other = admitted.get(address)
    if (other !== undefined) {
      tell(admission, `peer ${other.name} waits for ${address} on the same port: connections cannot be told apart`)
      continue
    }
    const wanted = key.md5Password !== undefined || key.authentication !== undefined
    const set = wanted || state.keyed.has(address) ? listener?.setKey?.(address, key) : undefined
    if (set?.ok === true && wanted) keyed.add(address)
    const unsigned = listener !== undefined && wanted && set?.ok !== true
    const error = set?.ok === false ? set.error.message : "connections cannot be signed here"
    tell(admission, unsigned ? `${name}: ${error}` : state.error)
    if (!unsigned) admitted.set(address, admission)
  }
  for (const address of state.keyed) if (!admitted.has(address)) listener?.setKey?.(address, {})
  return { ...state, admitted, keyed }
}

function knock(
  state: ListenerState,
  { incoming, secure }: Extract<ListenerMessage, { kind: "knock" }>,
  context: Context<ListenerMessage>,
): ListenerState {
  const { address } = incoming.remote
  const admission = state.admitted.get(address)
  if (admission === undefined) return refuse(state, incoming, "no BGPPeer of this node waits for this address", context)
  const { minimumTtl, ref } = admission
  const insecure = minimumTtl === undefined ? undefined : secure(minimumTtl)
  if (insecure !== undefined) return refuse(state, incoming, insecure, context)
  context.send(ref, { kind: "incoming", incoming })
  return { ...state, accepted: state.accepted + 1 }
}

/** Without a word: who is not known learns nothing. */
function refuse(
  state: ListenerState,
  incoming: Incoming,
  error: string,
  { world, log }: Context<ListenerMessage>,
): ListenerState {
  incoming.refuse()
  const refused = state.refused + 1
  const nowMs = world.clock.monotonicMs()
  if (nowMs - state.saidRefusedMs < refusalEveryMs) return { ...state, refused }
  const from = incoming.remote.address
  log.warn("BGP connection refused", { op: "accept", from, ...where(state), refused, error })
  return { ...state, refused, saidRefusedMs: nowMs }
}

function report(state: ListenerState, context: Context<ListenerMessage>): ListenerState {
  const { config, listener, error, admitted, accepted, refused } = state
  const { address, port, device } = config.at
  context.send(config.parent, {
    kind: "listener",
    id: config.id,
    report: {
      address,
      port: listener?.local.port ?? port,
      ...(device === undefined ? {} : { vrf: device }),
      peers: admitted.size,
      accepted,
      refused,
      ...(error === undefined ? {} : { error }),
    },
  })
  return state
}

/** `::` for those with an IPv6 address. */
export const wildcardFor = (address: string): "0.0.0.0" | "::" | undefined => {
  const ip = parseIp(address)
  if (ip === undefined) return undefined
  return familyOf(ip) === "ipv4" ? "0.0.0.0" : "::"
}
