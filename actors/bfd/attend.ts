import type { ActorRef } from "../../supervision/reference.ts"
import type { Target } from "./demultiplex.ts"
import type { DesiredBfdSession } from "./messages.ts"
import type { Heard, Listening, Receiver } from "./receiver.ts"
import { minimumTtlOf, planOf } from "./settings.ts"

interface Attended {
  readonly ref: ActorRef<Heard>
  readonly desired: DesiredBfdSession
  readonly discriminator: number
}

/** Brings sockets and directory in line with the sessions. */
export function attend(receiver: Receiver, sessions: Iterable<Attended>): void {
  const needed: Listening[] = []
  const targets: Target<ActorRef<Heard>>[] = []
  for (const { ref, desired, discriminator } of sessions) {
    const plan = planOf(desired)
    if (!plan.ok) continue
    const { peer, local } = plan.value
    const { multihop, profile } = desired
    needed.push(listeningFor(desired))
    targets.push({
      owner: ref,
      discriminator,
      peer,
      multihop,
      minimumTtl: minimumTtlOf(profile),
      ...(local === undefined ? {} : { local }),
      ...(desired.interface === undefined ? {} : { interface: desired.interface }),
      ...(desired.vrf === undefined ? {} : { vrf: desired.vrf }),
    })
  }
  receiver.targets = targets
  receiver.listen(needed)
}

export const listeningFor = ({ peer, multihop, vrf }: DesiredBfdSession): Listening => ({
  family: peer.includes(":") ? "ipv6" : "ipv4",
  multihop,
  ...(vrf === undefined ? {} : { vrf }),
})
