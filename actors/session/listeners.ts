import type { Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { type Admission, listenerActor, type ListenerConfig, type ListenerMessage, wildcardFor } from "./listener.ts"
import type { DesiredPeer, ListenerReport } from "./messages.ts"
import type { PeerMessage } from "./peer-state.ts"
import { minimumTtlOf } from "./transport.ts"

export interface ListenerEntry {
  readonly ref: ActorRef<ListenerMessage>
  readonly admissions: readonly Admission[]
  readonly report?: ListenerReport
}
/** By what they listen on. */
export type Listeners = ReadonlyMap<string, ListenerEntry>

type Wanted = Pick<ListenerConfig, "id" | "at"> & { readonly admissions: Admission[] }

/** One listening socket for each family, port and VRF that a peer may connect to; without such a peer there is none. */
function wanted(
  peers: readonly DesiredPeer[],
  refOf: (name: string) => ActorRef<PeerMessage> | undefined,
): ReadonlyMap<string, Wanted> {
  const byId = new Map<string, Wanted>()
  for (const { name, session } of peers) {
    const { listenPort, address, vrf, password, authentication, ttlSecurityHops } = session
    const wildcard = wildcardFor(address)
    const ref = refOf(name)
    if (listenPort === undefined || wildcard === undefined || ref === undefined) continue
    const id = ["listener", wildcard === "::" ? "ipv6" : "ipv4", listenPort, ...(vrf === undefined ? [] : [vrf])].join(
      ":",
    )
    const at = { address: wildcard, port: listenPort, ...(vrf === undefined ? {} : { device: vrf }) }
    const known = byId.get(id) ?? { id, at, admissions: [] }
    byId.set(id, known)
    known.admissions.push({
      name,
      address,
      key: {
        ...(password === undefined ? {} : { md5Password: password }),
        ...(authentication === undefined ? {} : { authentication }),
      },
      ...(ttlSecurityHops === undefined ? {} : { minimumTtl: minimumTtlOf(ttlSecurityHops) }),
      ref,
    })
  }
  return byId
}

/** Listeners as the peers want them: each told who may connect, new ones opened, and those that nobody wants closed. */
export function tendListeners<M>(
  listeners: Listeners,
  peers: readonly DesiredPeer[],
  refOf: (name: string) => ActorRef<PeerMessage> | undefined,
  context: Context<M>,
  started: (id: string) => M,
): Listeners {
  const wants = wanted(peers, refOf)
  const next = new Map<string, ListenerEntry>()
  for (const [id, { ref }] of listeners) if (!wants.has(id)) context.stop(ref)
  for (const [id, { at, admissions }] of wants) {
    const known = listeners.get(id)
    const parent = context.self as ActorRef<never>
    const ref =
      known?.ref ?? context.spawn({ id, actor: listenerActor, config: { id, at, parent }, started: () => started(id) })
    // A new one is told when it has started.
    if (known !== undefined) context.send(ref, { kind: "admit", admissions })
    next.set(id, { ...known, ref, admissions })
  }
  return next
}
