import type { Cluster } from "../../kubernetes/client/cluster.ts"
import { isObject, type JsonObject, listOf, objectAt, textMap, textOf, textsOf } from "../../kubernetes/client/json.ts"
import { tailOf, withNote } from "./log-text.ts"

/** One of our Pods. */
export interface OurPod {
  readonly name: string
  readonly component: "controller" | "speaker"
  readonly containers: readonly string[]
  /** Those that have ended before and left a log. */
  readonly restarted: ReadonlySet<string>
  readonly running: boolean
  readonly healthPort: number
}

const components = ["controller", "speaker"] as const

/** By the component label, of the plain manifests or of the chart, or by the name of a container. */
export function ourPods(pods: readonly JsonObject[]): readonly OurPod[] {
  return pods.flatMap((pod) => {
    const { name, labels: labelled } = objectAt(pod, "metadata")
    const labels = textMap(labelled)
    const spec = objectAt(pod, "spec")
    const main = listOf(spec["containers"]).filter(isObject)
    const names = [...listOf(spec["initContainers"]).filter(isObject), ...main].map((one) => textOf(one["name"]))
    const component = components.find(
      (one) => labels["component"] === one || labels["app.kubernetes.io/component"] === one || names.includes(one),
    )
    if (component === undefined) return []
    const status = objectAt(pod, "status")
    const states = [status["containerStatuses"], status["initContainerStatuses"]].flatMap(listOf).filter(isObject)
    const restarted = states.filter(({ restartCount }) => Number(restartCount) > 0).map((one) => textOf(one["name"]))
    return [
      {
        name: textOf(name),
        component,
        containers: names,
        restarted: new Set(restarted),
        running: status["phase"] === "Running",
        healthPort: healthPortOf(main.find((one) => one["name"] === component) ?? {}),
      },
    ]
  })
}

export function flagOf(container: JsonObject, flag: string): string | undefined {
  const words = [...textsOf(container["command"]), ...textsOf(container["args"])]
  for (const [i, word] of words.entries()) {
    const parts = /^--?([^=]+)(?:=(.*))?$/s.exec(word)
    if (parts?.[1] === flag) return parts[2] ?? words[i + 1]
  }
  return undefined
}

function healthPortOf(container: JsonObject): number {
  const port = Number(flagOf(container, "health-probe-port") ?? "17472")
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 17472
}

export interface LogOptions {
  readonly namespace: string
  readonly sinceSeconds: number | undefined
  readonly limitBytes: number
}

/** A log as the API server gives it; a failure is a sentence. */
export async function readLog(
  cluster: Pick<Cluster, "open">,
  pod: string,
  container: string,
  previous: boolean,
  { namespace, sinceSeconds, limitBytes }: LogOptions,
): Promise<{ readonly text: string } | { readonly failure: string }> {
  const opened = await cluster.open({
    verb: "get",
    path: `/api/v1/namespaces/${namespace}/pods/${pod}/log`,
    resource: "pods/log",
    query: { container, sinceSeconds, timestamps: true, ...(previous && { previous }) },
    signal: AbortSignal.timeout(120_000),
  })
  if (!opened.ok) return { failure: opened.error.message }
  try {
    return { text: withNote(await tailOf(opened.value, limitBytes)) }
  } catch {
    return { failure: "the log broke off" }
  }
}
