import { startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { conversions } from "../../kubernetes/resources/convert.ts"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { programs, startKubeApiServer } from "../kubernetes/apiserver/start.ts"

/** An API server to run the scenarios against. */
export interface Server {
  readonly kind: "embedded" | "kube-apiserver" | "given"
  /** Path; of an administrator. */
  readonly kubeconfig: string
  /** There are users, and who may do what is checked. */
  readonly users: boolean
  /** It calls webhooks on this machine. */
  readonly callsWebhooks: boolean
  readonly stop: () => Promise<void>
}

/** Our own API server, in this process. */
export async function embeddedServer(): Promise<Server> {
  const directory = mkdtempSync(path.join(tmpdir(), "troupe-embedded-"))
  const api = await startEmbeddedApi({
    listen: [{}],
    definitions: [],
    conversions,
    serviceCidrs: ["10.96.0.0/16", "fd00:10:96::/112"],
  })
  const kubeconfig = path.join(directory, "kubeconfig")
  const content = {
    clusters: [{ name: "embedded", cluster: { server: api.url } }],
    users: [{ name: "anybody", user: {} }],
    contexts: [{ name: "embedded", context: { cluster: "embedded", user: "anybody" } }],
    "current-context": "embedded",
  }
  writeFileSync(kubeconfig, JSON.stringify({ apiVersion: "v1", kind: "Config", ...content }))
  const stop = async () => {
    await api.close()
    rmSync(directory, { recursive: true })
  }
  return { kind: "embedded", kubeconfig, users: false, callsWebhooks: false, stop }
}

/**
 * A real one: the cluster of `TROUPE_TEST_KUBECONFIG`, or etcd and kube-apiserver started here. A text says why there is
 * neither.
 */
export async function realServer(): Promise<{ readonly start: () => Promise<Server> } | string> {
  const given = process.env["TROUPE_TEST_KUBECONFIG"]
  if (given) {
    const server: Server = { kind: "given", kubeconfig: given, users: true, callsWebhooks: false, stop: async () => {} }
    return { start: async () => server }
  }
  const found = await programs()
  if (typeof found === "string") return found
  return {
    start: async () => {
      const { kubeconfig, stop } = await startKubeApiServer(found)
      return { kind: "kube-apiserver", kubeconfig, users: true, callsWebhooks: true, stop }
    },
  }
}
