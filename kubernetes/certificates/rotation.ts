import type { Cluster } from "../client/cluster.ts"
import { secrets } from "../client/collections.ts"
import { startFeed } from "../client/feed.ts"
import type { JsonObject } from "../client/json.ts"
import { objectAt } from "../client/json.ts"
import type { Log } from "../client/log.ts"
import { failedBy, type Reconciled, type ReconcilerCounts, startReconciler } from "../client/reconciler.ts"
import { realTime, type Time } from "../client/time.ts"
import type { KeyPair } from "./certificates.ts"
import { inject, type Target, targets } from "./inject.ts"
import { keepCertificates } from "./secret.ts"

export interface RotationOptions {
  readonly cluster: Cluster
  readonly namespace: string
  /** Of the Secret; created when it is missing. */
  readonly secretName: string
  /** `<service>.<namespace>.svc`: what the API server calls. */
  readonly dnsName: string
  /** To serve with from now on. Called with the first pair, and with each that replaces it. */
  readonly serve: (pair: KeyPair) => void
  readonly log: Log
  readonly time?: Time
}

export interface Rotation {
  counts(): ReconcilerCounts
  stop(): Promise<void>
}

const checkEveryMs = 12 * 60 * 60 * 1000
const only = "certificates"

/**
 * Keeps the webhook server's certificates: in the Secret, renewed in time, and trusted by the API server. Looks at the
 * start, every twelve hours, and when somebody changes the Secret, the webhook configuration or the definition.
 */
export function rotateCertificates(options: RotationOptions): Rotation {
  const { cluster, namespace, secretName, dnsName, serve, log, time = realTime } = options
  const secret = { cluster, namespace, name: secretName, dnsName, log }
  let served: KeyPair | undefined
  const said = new Map<Target, string>()

  const reconciler = startReconciler({ what: "webhook certificates", workers: 1, reconcile, log, time })
  const mine = { ...secrets(namespace), fieldSelector: `metadata.name=${secretName}` }
  const feeds = [mine, ...targets.map(({ collection }) => collection)].map((collection) => {
    const feed = startFeed({ cluster, collection, keep: essence, log, time })
    feed.listen({ changed: () => reconciler.add(only) })
    return feed
  })
  reconciler.add(only)

  async function reconcile(_: string, signal: AbortSignal): Promise<Reconciled> {
    const kept = await keepCertificates(secret, time.wallMs(), signal)
    if (!kept.ok) return failedBy(kept.error)
    const { certificates } = kept.value
    let wrote = kept.value.wrote
    let failed: Reconciled | undefined
    for (const target of targets) {
      const injected = await inject(cluster, target, certificates.ca.cert, signal)
      if (!injected.ok) failed = failedBy(injected.error)
      else {
        wrote ||= injected.value === "written"
        say(target, injected.value)
      }
    }
    if (signal.aborted) return { kind: "conflict" }
    // After the CA is known to the API server, and also when it could not be told: it may know it from before.
    const { server } = certificates
    if (served?.cert !== server.cert || !served.key.holds(server.key.reveal())) {
      served = server
      serve(server)
    }
    return failed ?? { kind: "done", wrote, againMs: checkEveryMs }
  }

  function say(target: Target, outcome: string): void {
    if (said.get(target) === outcome) return
    said.set(target, outcome)
    const { name, collection } = target
    const fields = { op: "certRotation", name }
    if (outcome === "written") log.info(`the CA is injected into ${collection.kind} ${name}`, fields)
    if (outcome === "missing") log.warn(`there is no ${collection.kind} ${name}: nobody calls its webhooks`, fields)
    if (outcome === "no-webhook") log.warn(`${collection.kind} ${name} names no webhook`, fields)
  }

  return {
    counts: () => reconciler.counts(),
    async stop() {
      await Promise.all([reconciler.stop(), ...feeds.map((feed) => feed.stop())])
    },
  }
}

/** To see that something changed: no content, which may be a key or large. */
const essence = (object: JsonObject) => objectAt(object, "metadata")["resourceVersion"]
