import type { DecodeError, Packet } from "../../protocols/bfd/packet.ts"
import type { Arrival } from "../../supervision/world.ts"

/** A session as those see it who have a packet and look for its owner. */
export interface Target<Owner> {
  readonly owner: Owner
  readonly discriminator: number
  readonly peer: string
  readonly local?: string
  readonly interface?: string
  readonly vrf?: string
  readonly multihop: boolean
  readonly minimumTtl: number
}

export interface Directory<Owner> {
  readonly byDiscriminator: ReadonlyMap<number, Target<Owner>>
  readonly byPeer: ReadonlyMap<string, readonly Target<Owner>[]>
}

export type DropReason = DecodeError["kind"] | "ttl" | "no-session"

export const directoryOf = <Owner>(targets: readonly Target<Owner>[]): Directory<Owner> => ({
  byDiscriminator: new Map(targets.map((target) => [target.discriminator, target])),
  byPeer: Map.groupBy(targets, ({ peer }) => peer),
})

export interface Envelope extends Omit<Arrival, "interfaceIndex"> {
  readonly from: string
  /** Its name; undefined: one that is not known. */
  readonly interface: string | undefined
  /** Whose socket it came to. */
  readonly vrf: string | undefined
  readonly multihop: boolean
}

/**
 * RFC 5880 §6.3: by our discriminator once the peer knows it; its first packet by where it comes from, for one hop with
 * the interface (RFC 5881 §3), for several with both addresses (RFC 5883 §4). Then the TTL: 255 means that no router
 * has forwarded it (RFC 5881 §5); over several hops as much as the profile wants (RFC 5883 §5).
 */
export function findOwner<Owner>(
  directory: Directory<Owner>,
  packet: Packet,
  envelope: Envelope,
): Target<Owner> | DropReason {
  if (!envelope.multihop && envelope.ttl !== 255) return "ttl"
  const target =
    packet.yourDiscriminator === 0
      ? byPlace(directory, envelope)
      : directory.byDiscriminator.get(packet.yourDiscriminator)
  if (target === undefined || target.multihop !== envelope.multihop || !throughIts(target, envelope))
    return "no-session"
  return envelope.multihop && envelope.ttl < target.minimumTtl ? "ttl" : target
}

function byPlace<Owner>({ byPeer }: Directory<Owner>, envelope: Envelope): Target<Owner> | undefined {
  const fitting = (byPeer.get(envelope.from) ?? []).filter(
    (target) =>
      target.multihop === envelope.multihop &&
      (target.local === undefined || target.local === envelope.to) &&
      throughIts(target, envelope),
  )
  // The one that says more about itself, if two fit.
  const precision = ({ interface: device, local }: Target<Owner>) =>
    Number(device !== undefined) + Number(local !== undefined)
  return fitting.toSorted((a, b) => precision(b) - precision(a))[0]
}

const throughIts = (target: Target<unknown>, envelope: Envelope): boolean =>
  target.vrf === envelope.vrf && (target.interface === undefined || target.interface === envelope.interface)
