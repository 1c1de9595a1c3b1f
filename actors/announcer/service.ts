import type { ClusterApi } from "../../config/cluster-api.ts"
import type { EndpointFacts, ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { complaintsOf } from "./complaints.ts"
import { decideService, type ServiceVerdict } from "./service-decision.ts"
import { type Standing, standingOf, successorIn } from "./layer2-decision.ts"
import { describePolicy, isPolicyReason } from "./policies.ts"
import type { Surroundings } from "./surroundings.ts"
import { type Announcement, move, type Step } from "./transition.ts"

/** Everything that the decision needs, each time: what was said before does not matter. */
export interface Evaluate {
  readonly kind: "evaluate"
  readonly service: ServiceFacts | undefined
  readonly endpoints: EndpointFacts | undefined
  readonly surroundings: Surroundings
  /** What the announcer has from the incarnation before; read by a new one only, so that it does not tell it twice. */
  readonly announcement: Announcement | undefined
}

export interface Decided {
  readonly kind: "decided"
  readonly key: ServiceKey
  readonly announcement: Announcement | undefined
  readonly verdict: ServiceVerdict
  /** Only where it matters, and this node is a candidate. */
  readonly standing?: Standing
  /** The service and the surroundings it was decided on, to see what it can be relied on for. */
  readonly on: Pick<Evaluate, "service" | "surroundings">
}

interface ServiceConfig {
  readonly key: ServiceKey
  readonly api: Pick<ClusterApi, "recordEvent">
  readonly announcer: ActorRef<Decided>
}

interface ServiceState {
  readonly config: ServiceConfig
  /** Undefined before the first decision. */
  readonly last?: { readonly announcement: Announcement | undefined; readonly complaints: ReadonlySet<string> }
}

/** One Service on this node: decides whether and how it is announced, tells people, and reports to the announcer. */
export const serviceActor: Actor<ServiceConfig, ServiceState, Evaluate> = {
  kind: "announced-service",
  start: (config) => ({ config }),
  receive({ config, last }, message, context) {
    const { service, endpoints, surroundings } = message
    const verdict = decideService(service, endpoints, surroundings)
    const before = last === undefined ? message.announcement : last.announcement
    const { after, steps } = move(before, verdict.decision)
    for (const step of steps) tell(step, config, message, policyWords(verdict), context)

    const complaints = new Set<string>()
    for (const complaint of complaintsOf(verdict)) {
      const text = JSON.stringify(complaint)
      complaints.add(text)
      if (last?.complaints.has(text)) continue
      context.log[complaint.level](complaint.message, { service: config.key, ...complaint.fields })
    }
    const standing = standingIn(verdict, message)
    context.send(config.announcer, {
      kind: "decided",
      key: config.key,
      announcement: after,
      verdict,
      ...(standing === undefined ? {} : { standing }),
      on: { service, surroundings },
    })
    return { config, last: { announcement: after, complaints } }
  },
}

function standingIn(
  { decision }: ServiceVerdict,
  { service, endpoints, surroundings }: Evaluate,
): Standing | undefined {
  if (surroundings.standings !== true || service === undefined || decision.kind !== "considered") return undefined
  const advertisements = surroundings.snapshot.pools
    .values()
    .find(({ name }) => name === decision.pool)?.l2Advertisements
  return advertisements && standingOf(service, decision, advertisements, endpoints, surroundings)
}

/** Who leads instead of this node, for as long as this one could go on until then. */
export const successorOf = (
  { verdict: { decision } }: Pick<Decided, "verdict">,
  nodeName: string,
): string | undefined => (decision.kind === "considered" ? successorIn(decision.layer2, nodeName) : undefined)

/** Where an election policy has had a say, the log says so too. */
const policyWords = ({ decision }: ServiceVerdict): readonly string[] =>
  decision.kind === "considered"
    ? decision.layer2.because.flatMap((reason) => (isPolicyReason(reason) ? [describePolicy(reason)] : []))
    : []

function tell(
  step: Step,
  { key, api }: ServiceConfig,
  { service, surroundings: { nodeName } }: Evaluate,
  policies: readonly string[],
  { log }: Context<Evaluate>,
): void {
  const record = (type: "Normal" | "Warning", reason: string, message: string) => {
    if (service === undefined) return
    const component = "metallb-speaker"
    api.recordEvent({ key, uid: service.uid, type, reason, message, component, gatherOn: nodeName })
  }
  switch (step.kind) {
    case "announced": {
      const { protocol, announcement } = step
      const { ips, pool, bgp } = announcement
      if (protocol === "bgp") {
        const numAds = bgp?.routes.length
        log.info("making advertisements using BGP", { event: "updatedAdvertisements", service: key, numAds })
      }
      const why = protocol === "layer2" && policies.length > 0 ? { because: policies } : {}
      log.info("service has IP, announcing", { event: "serviceAnnounced", service: key, ips, pool, protocol, ...why })
      record("Normal", "nodeAssigned", `announcing from node "${nodeName}" with protocol "${protocol}"`)
      return
    }
    case "interfaces-missing": {
      const { ips, interfaces } = step
      for (const ip of ips) {
        log.warn("the specified interfaces used to announce LB IP don't exist", { service: key, ip, interfaces })
        record(
          "Warning",
          "announceFailed",
          `the interfaces specified by LB IP "${ip}" doesn't exist in assigned node "${nodeName}" with protocol "layer2"`,
        )
      }
      return
    }
    case "withdrawn": {
      const { announcement, reason } = step
      const { ips, pool } = announcement
      log.info("withdrawing service announcement", { event: "serviceWithdrawn", service: key, ips, pool, reason })
    }
  }
}
