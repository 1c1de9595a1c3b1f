import { takeFrames } from "../../protocols/bgp/framing.ts"
import type { Notification } from "../../protocols/bgp/notification.ts"
import { speaksFourOctetAs } from "../../protocols/bgp/open.ts"
import { decode, encode, type Message, type Received } from "../../protocols/bgp/packet.ts"
import type { Event } from "../../protocols/bgp/session.ts"
import { familyOf, type Ip, parseIp } from "../../protocols/ip.ts"
import type { Endpoint, NetworkError, TcpConnection, TcpHandlers, TcpTarget, World } from "../../supervision/world.ts"
import type { Counters } from "./counters.ts"
import type { Incoming } from "./incoming.ts"

/** One TCP connection to a peer. Bytes become events of the session here, so that what crosses the mailbox is small. */
export interface Connection {
  /** Absent until opened. */
  readonly local: Ip | undefined
  /** Our end, with its port. */
  readonly localEnd: Endpoint | undefined
  readonly remoteEnd: Endpoint
  /** All addresses of the interface that has it. */
  readonly interfaceAddresses: readonly string[]
  send(message: Message): boolean
  /** A message that is bytes already. False when more waits than the system takes at once: `drained` tells when. */
  write(bytes: Uint8Array): boolean
  /** What was sent may still leave; nothing that arrives counts any more. */
  finish(): void
  destroy(): void
}

export interface ConnectionHandlers {
  /** What the session should hear, in order. Called outside any actor's turn. */
  events(events: readonly Event[]): void
  /** After a `write` that was false. */
  drained(): void
  /** The last word, once: also after `finish`. */
  gone(): void
}

/** How long a peer may take to read our NOTIFICATION and close, before we close for it. */
const lingerMs = 1_000
const nothing = new Uint8Array(0)

export interface ConnectionOptions {
  readonly counters: Counters
  /** What UPDATEs say is wanted, not just that they come. */
  readonly keepUpdates: boolean
}

export const openConnection = (
  world: World,
  target: TcpTarget,
  options: ConnectionOptions,
  on: ConnectionHandlers,
): Connection =>
  carry(
    world,
    options,
    on,
    (handlers) => world.network.connectTcp(target, handlers),
    (error, open) => describe(error, target, open),
  )

/** One that the peer has opened; and what the session should hear of it first. */
export function takeConnection(
  world: World,
  incoming: Incoming,
  options: ConnectionOptions,
  on: ConnectionHandlers,
): { readonly connection: Connection; readonly opened: Event } {
  const connection = carry(world, options, on, (handlers) => incoming.take(handlers), describeOpen, true)
  return { connection, opened: connection.opening() ?? { kind: "tcp-closed", error: noLocal } }
}

const noLocal = "the connection has no local address"

function carry(
  world: World,
  { counters, keepUpdates }: ConnectionOptions,
  on: ConnectionHandlers,
  begin: (handlers: TcpHandlers) => TcpConnection,
  explain: (error: NetworkError, open: boolean) => string,
  isOpen = false,
): Connection & { readonly opening: () => Event | undefined } {
  let rest: Uint8Array = nothing
  let fourOctet = false
  let open = isOpen
  let deaf = false
  let over = false
  let stopLinger = (): void => {}

  const tcp = begin({
    opened() {
      open = true
      if (deaf) return
      const event = opening()
      if (event === undefined) fail(noLocal)
      else on.events([event])
    },
    data(bytes) {
      if (deaf) return
      const frames = takeFrames(rest, bytes)
      rest = frames.rest
      const events: Event[] = []
      for (const message of frames.messages) {
        const event = eventOf(message)
        // A peer that sends its whole table says the same thing thousands of times: it lives.
        const bare = event.kind === "keepalive" || (event.kind === "update" && event.update === undefined)
        const again = bare && events.at(-1)?.kind === event.kind
        if (!again) events.push(event)
        if (event.kind === "fault") return last(events)
      }
      if (frames.fault !== undefined) return last([...events, { kind: "fault", fault: frames.fault }])
      if (events.length > 0) on.events(events)
    },
    drained() {
      if (!deaf) on.drained()
    },
    closed(error) {
      over = true
      stopLinger()
      if (!deaf) last([{ kind: "tcp-closed", ...(error === undefined ? {} : { error: explain(error, open) }) }])
      on.gone()
    },
  })

  function last(events: readonly Event[]): void {
    deaf = true
    on.events(events)
  }

  function fail(error: string): void {
    last([{ kind: "tcp-closed", error }])
    tcp.destroy()
  }

  function opening(): Event | undefined {
    const local = localOf()
    return local === undefined ? undefined : { kind: "tcp-opened", local, ...identifierOf() }
  }

  function localOf(): Ip | undefined {
    return tcp.local === undefined ? undefined : parseIp(tcp.local.address)
  }

  /** As MetalLB has it: an IPv4 address of the same interface. */
  function identifierOf(): { readonly identifier?: Ip } {
    const ips = (tcp.interfaceAddresses ?? []).map((text) => parseIp(text))
    const identifier = ips.find((ip) => ip !== undefined && familyOf(ip) === "ipv4")
    return tcp.local?.address.includes(":") === true && identifier !== undefined ? { identifier } : {}
  }

  function put(bytes: Uint8Array): boolean {
    counters.sent.count(bytes)
    return tcp.send(bytes)
  }

  function eventOf(bytes: Uint8Array): Event {
    counters.received.count(bytes)
    const message = decode(bytes, { fourOctet })
    if (!message.ok) return { kind: "fault", fault: message.error }
    if (message.value.kind === "open") fourOctet = speaksFourOctetAs(message.value)
    if (keepUpdates && message.value.kind === "update") return { kind: "update", update: message.value }
    return asEvent(message.value)
  }

  return {
    opening,
    get local() {
      return localOf()
    },
    get localEnd() {
      // Asked before, the system would answer with an address that is none, and Node would remember it.
      return open ? tcp.local : undefined
    },
    remoteEnd: tcp.remote,
    get interfaceAddresses() {
      return tcp.interfaceAddresses ?? []
    },
    send: (message) => put(encode(message, { fourOctet })),
    write: put,
    finish() {
      deaf = true
      if (over) return
      if (!open) return tcp.destroy()
      tcp.end()
      stopLinger = world.timers.after(lingerMs, () => tcp.destroy())
    },
    destroy() {
      deaf = true
      stopLinger()
      tcp.destroy()
    },
  }
}

function asEvent(message: Received): Event {
  switch (message.kind) {
    case "open":
      return { kind: "open", open: message }
    case "notification":
      return { kind: "notification", notification: message satisfies Notification }
    case "route-refresh":
      return { kind: "route-refresh", refresh: message }
    case "update":
    case "keepalive":
      return { kind: message.kind }
  }
}

const describeOpen = (error: NetworkError): string => `${error.message} (${error.code})`

function describe(error: NetworkError, target: TcpTarget, open: boolean): string {
  if (open) return describeOpen(error)
  if (error.code === "EADDRNOTAVAIL" && target.sourceAddress !== undefined) {
    return `address "${target.sourceAddress}" doesn't exist on this host`
  }
  return `failed to connect to ${target.address} port ${target.port}: ${error.message} (${error.code})`
}
