import type { ExecutionContext } from "ava"
import { writeFileSync } from "node:fs"
import path from "node:path"
import type { Cluster } from "../../../kubernetes/client/cluster.ts"
import { type KubernetesClusterApi, kubernetesClusterApi } from "../../../kubernetes/client/cluster-api.ts"
import { loadCluster } from "../../../kubernetes/client/load.ts"
import { type EmbeddedApi, type KubeObject, startEmbeddedApi } from "../../../kubernetes/embedded/index.ts"
import { conversions } from "../../../kubernetes/resources/convert.ts"
import { definitions } from "../../../kubernetes/resources/definitions.ts"
import { hurried, kubeconfig, memoryLog, temporaryDirectory, until } from "./fake-api.ts"

export const ours = "metallb-system"

/** Our namespace, the definitions and two Pods of ours in the lab's API server, and clients of it. */
export async function embeddedCluster(t: ExecutionContext) {
  const server = await startEmbeddedApi({ listen: [{}], definitions, conversions })
  server.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: ours } })
  const pod = (name: string) =>
    server.objects.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: ours },
      spec: { containers: [{ name: "troupe", image: "troupe" }] },
    })
  const file = path.join(temporaryDirectory(), "config")
  writeFileSync(file, kubeconfig(server.url))
  const log = memoryLog()
  const time = hurried(20)

  async function client(podName?: string): Promise<{ cluster: Cluster; api: KubernetesClusterApi }> {
    const cluster = await loadCluster({ kubeconfig: file, time })
    if (!cluster.ok) throw new Error(cluster.error)
    const options = { namespace: ours, log, time, ...(podName !== undefined && { podName }) }
    const api = kubernetesClusterApi(cluster.value, options)
    closing.push(async () => {
      await api.stop()
      await cluster.value.close()
    })
    return { cluster: cluster.value, api }
  }

  const closing: (() => Promise<void>)[] = []
  t.teardown(async () => {
    await Promise.all(closing.map((close) => close()))
    await until(() => server.counts().watches === 0, "no watch open after stop")
    await server.close()
  })
  return { server, log, time, client, pod }
}

/** What people send: one request to the API server. */
export async function send(
  server: EmbeddedApi,
  method: string,
  at: string,
  body: unknown,
  type = "application/merge-patch+json",
): Promise<void> {
  const answer = await fetch(`${server.url}${at}`, {
    method,
    body: JSON.stringify(body),
    headers: { "content-type": type },
  })
  if (!answer.ok) throw new Error(`${method} ${at}: ${answer.status} ${await answer.text()}`)
}

export const customPath = (plural: string, name: string) =>
  `/apis/metallb.io/v1beta1/namespaces/${ours}/${plural}/${name}`

export function custom(server: EmbeddedApi, kind: string): readonly KubeObject[] {
  return server.objects.list("metallb.io/v1beta1", kind, ours)
}
