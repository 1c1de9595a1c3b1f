import { encodeRouterAdvertisement } from "../../protocols/ndp/router-advertisement.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { DesiredPeer } from "./messages.ts"
import { isUnnumbered } from "./transport.ts"

/** Makes us known on one link to routers that learn of their neighbour by its Router Advertisements, as FRR's do. */
export interface AdvertiserConfig {
  readonly device: string
}

export interface AdvertiseMessage {
  readonly kind: "advertise"
}

interface AdvertiserState {
  readonly device: string
  /** Since it last could. */
  readonly sent: number
  /** Why it cannot, said once. */
  readonly error?: string
}

/** RFC 4861 §6.2.4: the first three quickly; §10: MAX_INITIAL_RTR_ADVERTISEMENTS. */
const initialAdvertisements = 3
/** RFC 4861 §10: MIN_DELAY_BETWEEN_RAS, the shortest there may be between two to all nodes. */
const initialIntervalMs = 3_000
/** RFC 4861 §6.2.1: MinRtrAdvInterval is at most three quarters of MaxRtrAdvInterval. A router that restarts waits so long. */
const minIntervalMs = 7_500
const maxIntervalMs = 10_000
/** No link, or its address is still tentative: nothing has been sent. */
const retryMs = 1_000

export const advertiserActor: Actor<AdvertiserConfig, AdvertiserState, AdvertiseMessage> = {
  kind: "router-advertiser",
  start: ({ device }, context) => advertise({ device, sent: 0 }, context),
  receive: (state, _message, context) => advertise(state, context),
}

function advertise(state: AdvertiserState, context: Context<AdvertiseMessage>): AdvertiserState {
  const { device } = state
  const { network, random } = context.world
  const told = network.tellLink?.(device, encodeRouterAdvertisement())
  if (told === undefined) return state
  const again = (delayMs: number): void => context.timers.set("again", delayMs, { kind: "advertise" })
  if (!told.ok) {
    const error = `${told.error.message} (${told.error.code})`
    if (error !== state.error) {
      context.log.warn("cannot send Router Advertisements to BGP peers", { op: "advertiseRouter", device, error })
    }
    again(retryMs)
    // A link that comes back has neighbours that may have forgotten us.
    return { device, sent: 0, error }
  }
  if (state.sent === 0) {
    context.log.info("sending Router Advertisements to BGP peers", { op: "advertiseRouter", device })
  }
  const sent = Math.min(state.sent + 1, initialAdvertisements)
  const spreadMs = (random.u32() / 2 ** 32) * (maxIntervalMs - minIntervalMs)
  again(sent < initialAdvertisements ? initialIntervalMs : minIntervalMs + spreadMs)
  return { device, sent }
}

/** By device. */
export type Advertisers = ReadonlyMap<string, ActorRef<AdvertiseMessage>>

/** One for each link that has an unnumbered peer, where the network can send there. */
export function tendAdvertisers<M>(
  advertisers: Advertisers,
  peers: readonly DesiredPeer[],
  context: Context<M>,
): Advertisers {
  if (context.world.network.tellLink === undefined) return advertisers
  const devices = new Set(peers.flatMap(({ session }) => (isUnnumbered(session) ? [session.address] : [])))
  const next = new Map<string, ActorRef<AdvertiseMessage>>()
  for (const [device, ref] of advertisers) {
    if (devices.has(device)) next.set(device, ref)
    else context.stop(ref)
  }
  for (const device of devices) {
    // No Kubernetes name has a colon.
    const spec = { id: `advertiser:${device}`, actor: advertiserActor, config: { device } }
    if (!next.has(device)) next.set(device, context.spawn(spec))
  }
  return next
}
