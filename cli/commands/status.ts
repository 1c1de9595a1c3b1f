import type { SpeakerStatus } from "../../actors/announcer/messages.ts"
import { sessionStateCollection } from "../../kubernetes/client/collections.ts"
import { loadCluster } from "../../kubernetes/client/load.ts"
import { Complaint } from "../complaint.ts"
import { bgpRoutes, speakerStatus } from "../debug-client.ts"
import { type ClusterOptions, list } from "../manifests/cluster.ts"
import { describeSession, describeSessions, sessionsIn, type SessionView } from "../status/bgp.ts"
import { describeLayer2, describeSpeaker, orderIn } from "../status/layer2.ts"
import { describeSessionStates, sessionStateIn } from "../status/session-states.ts"
import { type Daemon, type DaemonOptions, daemons } from "./daemons.ts"
import type { Output } from "./options.ts"

export interface StatusOptions extends DaemonOptions {
  readonly output: Output
}

interface Asked {
  readonly daemon: Daemon
  readonly status: SpeakerStatus
}

/** The speakers that the options name, and those that did not answer. */
async function ask(options: StatusOptions): Promise<{ readonly asked: Asked[]; readonly silent: string[] }> {
  const all = (await daemons(options)).filter(({ name }) => !name.startsWith("controller"))
  const asked: Asked[] = []
  const silent: string[] = []
  for (const daemon of all) {
    try {
      const status = await speakerStatus(daemon.at)
      if (status === null) silent.push(`${daemon.name || "the speaker"} does not answer in time`)
      else asked.push({ daemon, status })
    } catch (thrown) {
      if (!(thrown instanceof Complaint)) throw thrown
      silent.push(thrown.message)
    }
  }
  return { asked, silent }
}

/** Says who was silent; gives the exit code. */
function complain(silent: readonly string[]): number {
  for (const one of silent) process.stderr.write(`troupe: ${one}\n`)
  return silent.length > 0 ? 1 : 0
}

const json = (value: unknown): void => console.log(JSON.stringify(value, null, 2))

export async function statusCommand(options: StatusOptions): Promise<number> {
  const { asked, silent } = await ask(options)
  const statuses = asked.map(({ status }) => status)
  if (options.output === "json") json(statuses)
  else if (statuses.length > 0) console.log(statuses.map(describeSpeaker).join("\n\n"))
  return complain(silent)
}

export async function statusLayer2Command(options: StatusOptions): Promise<number> {
  const { asked, silent } = await ask(options)
  const statuses = asked.map(({ status }) => status)
  if (options.output === "json") {
    json(
      statuses.flatMap(({ node, services }) =>
        services.map(({ key, ips, layer2, verdict }) => ({
          node,
          service: key,
          ips,
          ...layer2,
          order: orderIn(verdict),
        })),
      ),
    )
  } else if (statuses.length > 0) console.log(describeLayer2(statuses))
  return complain(silent)
}

export interface StatusBgpOptions extends StatusOptions, ClusterOptions {
  readonly routes?: boolean
  readonly cluster?: boolean
  readonly namespace: string
}

export async function statusBgpCommand(peer: string | undefined, options: StatusBgpOptions): Promise<number> {
  if (options.cluster === true) return statusBgpOfCluster(peer, options)
  if (options.routes === true && peer === undefined)
    throw new Complaint("--routes: of which peer? troupe status bgp PEER")
  const { asked, silent } = await ask(options)
  const views: SessionView[] = []
  for (const { daemon, status } of asked) {
    for (const view of sessionsIn(status)) {
      if (peer !== undefined && view.session.name !== peer) continue
      const routes = options.routes === true ? await bgpRoutes(daemon.at, view.session.name) : null
      views.push(routes === null ? view : { ...view, routes })
    }
  }
  if (peer !== undefined && views.length === 0 && asked.length > 0)
    throw new Complaint(
      `there is no BGP session with a peer ${peer} on ${asked.map(({ status }) => status.node).join(", ")}`,
    )
  const nowMs = Date.now()
  if (options.output === "json") json(views)
  else if (peer !== undefined) console.log(views.map((view) => describeSession(view, nowMs)).join("\n\n"))
  else if (views.length > 0) console.log(describeSessions(views, nowMs))
  else if (asked.length > 0) console.log("no BGP sessions")
  return complain(silent)
}

/** What speakers have written down. */
async function statusBgpOfCluster(peer: string | undefined, options: StatusBgpOptions): Promise<number> {
  if (options.routes === true) throw new Complaint("--routes: only a speaker knows them; ask it, without --cluster")
  const { kubeconfig, context } = options
  const cluster = await loadCluster({ ...(kubeconfig && { kubeconfig }), ...(context && { context }) })
  if (!cluster.ok) throw new Complaint(cluster.error)
  try {
    const listed = await list(cluster.value, sessionStateCollection(options.namespace))
    if ("failure" in listed) throw new Complaint(`cannot list ${listed.resource}: ${listed.failure}`)
    const states = listed.objects.map(sessionStateIn).filter(({ peerName }) => peer === undefined || peerName === peer)
    if (peer !== undefined && states.length === 0)
      throw new Complaint(`there is no BGPSessionState of a peer ${peer} in ${options.namespace}`)
    if (options.output === "json") json(states)
    else console.log(states.length === 0 ? "no BGP sessions" : describeSessionStates(states, Date.now()))
    return 0
  } finally {
    await cluster.value.close()
  }
}
