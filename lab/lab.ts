import fs from "node:fs"
import { fileURLToPath } from "node:url"
import { startEmbeddedApi } from "../kubernetes/embedded/index.ts"
import { conversions } from "../kubernetes/resources/convert.ts"
import { definitions } from "../kubernetes/resources/definitions.ts"
import { claim, release } from "./claim.ts"
import { endpointController } from "./endpoints.ts"
import { type Kube, kube } from "./kube.ts"
import { apiSocket, debugSocket, kubeconfigPath, type Layout, nodeApiPort } from "./layout.ts"
import { buildNetwork, nodeMacs } from "./network.ts"
import * as objects from "./objects.ts"
import { type Program, type ProcessTable, processTable, troupe } from "./processes.ts"
import { birdInstalled, router } from "./router.ts"

/** A running lab. */
export interface Lab {
  readonly layout: Layout
  readonly kube: Kube
  readonly processes: ProcessTable
  /** BIRD is there, so routes can be shown. */
  readonly hasRouter: boolean
  /** MAC address → node. */
  readonly macs: ReadonlyMap<string, string>
  /** Starts the speaker of that node again after `processes.kill`. */
  startSpeaker(node: string): void
  /** Ends every process, removes every namespace and file. Safe to call twice. */
  stop(): Promise<void>
}

export interface LabEvents {
  /** One line for people, about what the lab did or saw. */
  said(line: string): void
}

/** Builds it all; when anything fails, what was built is taken down again before the error is thrown. */
export async function startLab(
  layout: Layout,
  on: LabEvents,
  options: { readonly speakerFlags?: readonly string[] } = {},
): Promise<Lab> {
  await claim(layout)
  const undo: (() => Promise<void> | void)[] = [() => release(layout)]
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= (async () => {
      for (const step of undo.reverse()) await step()
    })()
    return stopping
  }
  try {
    on.said(`building ${layout.nodes.length} nodes, a client and a router …`)
    await buildNetwork(layout)
    const api = await startEmbeddedApi({
      listen: [{ host: "127.0.0.1", port: 0 }, { socket: apiSocket(layout) }],
      definitions,
      conversions,
      serviceCidrs: ["10.96.0.0/16", "fd00:10:96::/112"],
    })
    undo.push(() => api.close())
    const cluster = kube(api.url)
    fs.writeFileSync(kubeconfigPath(layout), kubeconfig(api.url))
    fs.writeFileSync(`${layout.directory}/node.kubeconfig`, kubeconfig(`http://127.0.0.1:${nodeApiPort}`))
    await seed(cluster, layout)
    const endpoints = new AbortController()
    undo.push(() => endpoints.abort())
    endpointController(cluster, layout.nodes, endpoints.signal)

    const processes = processTable(layout.directory, {
      exited: (name, how) => on.said(`${name} ended (${how}); it is started again`),
    })
    undo.push(() => processes.stopAll())
    const hasRouter = await birdInstalled()
    if (hasRouter) processes.start(router(layout))
    for (const node of layout.nodes) processes.start(agent(layout, node.name))
    processes.start(controller(layout))
    const startSpeaker = (node: string) => processes.start(speaker(layout, node, options.speakerFlags ?? []))
    for (const node of layout.nodes) startSpeaker(node.name)
    return { layout, kube: cluster, processes, hasRouter, macs: await nodeMacs(layout), startSpeaker, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function seed(cluster: Kube, layout: Layout): Promise<void> {
  for (const name of ["default", "kube-system", objects.systemNamespace]) await cluster.apply(objects.namespace(name))
  for (const host of layout.nodes) {
    const node = objects.node(host)
    await cluster.apply(node)
    await cluster.status(node)
    const pod = objects.speakerPod(host)
    await cluster.apply(pod)
    await cluster.status(pod)
  }
}

function controller(layout: Layout): Program {
  return {
    name: "controller",
    ...troupe(
      "controller",
      `--kubeconfig=${kubeconfigPath(layout)}`,
      `--namespace=${objects.systemNamespace}`,
      // It runs in the machine's own network, where its ports may be taken.
      "--port=0",
      "--health-probe-port=0",
      // There is one: restarted, it need not wait for its own lease to run out.
      "--leader-elect=false",
      // The lab's API server calls no webhooks.
      "--webhook-mode=disabled",
      ...common(layout, "controller"),
    ),
  }
}

/** A speaker with the flags that the DaemonSet of a cluster would give it. */
function speaker(layout: Layout, node: string, flags: readonly string[]): Program {
  const host = hostOf(layout, node)
  return {
    name: node,
    namespace: host.namespace,
    ...troupe(
      "speaker",
      `--kubeconfig=${layout.directory}/node.kubeconfig`,
      `--namespace=${objects.systemNamespace}`,
      `--node-name=${node}`,
      `--pod-name=${objects.speakerPod(host).metadata.name}`,
      `--ml-bindaddr=${host.address}`,
      `--ml-labels=${objects.speakerSelector}`,
      ...flags,
      ...common(layout, node),
    ),
  }
}

const common = (layout: Layout, name: string): string[] => [
  `--debug-socket=${debugSocket(layout, name)}`,
  "--debug-kill=true",
  "--exit-with-stdin=true",
]

function agent(layout: Layout, node: string): Program {
  const script = fileURLToPath(new URL("./node-agent.ts", import.meta.url))
  return {
    name: `${node}-agent`,
    namespace: hostOf(layout, node).namespace,
    command: process.execPath,
    args: [script, "--name", node, "--api-socket", apiSocket(layout), "--api-port", String(nodeApiPort)],
  }
}

export function hostOf(layout: Layout, node: string): Layout["nodes"][number] {
  const host = layout.nodes.find(({ name }) => name === node)
  if (!host) throw new Error(`no node named ${node} in the lab`)
  return host
}

function kubeconfig(server: string): string {
  return `${JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "lab",
      clusters: [{ name: "lab", cluster: { server } }],
      users: [{ name: "lab", user: {} }],
      contexts: [{ name: "lab", context: { cluster: "lab", user: "lab", namespace: "default" } }],
    },
    null,
    2,
  )}\n`
}
