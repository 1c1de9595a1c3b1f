import type { ChildProcess } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { type EmbeddedApi, startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { conversions } from "../../kubernetes/resources/convert.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"
import { type Daemon, startDaemon } from "./daemon.ts"

export const namespace = "metallb-system"

/** An API server in this process, and real controller processes against it. */
export interface Stage {
  readonly api: EmbeddedApi
  readonly directory: string
  readonly kubeconfig: (server?: string) => string
  readonly controller: (name: string, ...args: readonly string[]) => Daemon
  /** Ends what was started, by its process id. */
  readonly close: () => Promise<void>
}

export async function stage(): Promise<Stage> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-controllers-"))
  const api = await startEmbeddedApi({ listen: [{}], definitions, conversions })
  api.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })
  const children: ChildProcess[] = []
  const kubeconfig = (server = api.url) => {
    const file = path.join(directory, `${server.replaceAll(/\W/g, "-")}.kubeconfig`)
    fs.writeFileSync(
      file,
      JSON.stringify({
        clusters: [{ name: "c", cluster: { server } }],
        users: [{ name: "u", user: {} }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
    )
    return file
  }
  return {
    api,
    directory,
    kubeconfig,
    controller(name, ...args) {
      const where = [`--namespace=${namespace}`, `--kubeconfig=${kubeconfig()}`, "--leader-elect-lease-duration=3s"]
      const daemon = startDaemon({
        directory,
        name,
        program: "controller",
        args: ["--webhook-mode=disabled", ...where, ...args],
      })
      children.push(daemon.child)
      return daemon
    },
    async close() {
      for (const child of children) child.kill("SIGKILL")
      await api.close()
      fs.rmSync(directory, { recursive: true })
    },
  }
}

export const pool = (name: string, ...addresses: readonly string[]) => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "IPAddressPool",
  metadata: { name, namespace },
  spec: { addresses },
})

export const service = (name: string, annotations: Readonly<Record<string, string>> = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default", annotations },
  spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
})

interface Served {
  readonly metadata: { readonly name: string }
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } }
}

/** Service → address, empty for none. */
export function addresses(api: EmbeddedApi): ReadonlyMap<string, string> {
  const services = api.objects.list("v1", "Service", "default") as unknown as Served[]
  return new Map(
    services
      .filter(({ metadata }) => metadata.name !== "kubernetes")
      .map(({ metadata, status }) => [metadata.name, status?.loadBalancer?.ingress?.[0]?.ip ?? ""]),
  )
}

/** Addresses that two Services have. */
export function doubles(api: EmbeddedApi): readonly string[] {
  const all = [...addresses(api).values()].filter((address) => address !== "")
  return all.filter((address, i) => all.indexOf(address) !== i)
}
