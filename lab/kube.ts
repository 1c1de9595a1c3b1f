import { Complaint } from "../cli/complaint.ts"
import { setTimeout } from "node:timers/promises"

/** A Kubernetes object as JSON; the lab writes a few and reads fewer. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly resourceVersion?: string
  }
  readonly [field: string]: unknown
}

export interface Kube {
  readonly url: string
  /** Creates it, or replaces spec and labels of what is there. */
  apply(object: KubeObject): Promise<void>
  /** Writes the status subresource of an object that exists. */
  status(object: KubeObject): Promise<void>
  remove(object: KubeObject): Promise<void>
  list(path: string): Promise<readonly KubeObject[]>
  /** Every present and future object of a collection, until the signal; a stream that breaks is opened again. */
  watch(
    path: string,
    on: (type: "ADDED" | "MODIFIED" | "DELETED", object: KubeObject) => void,
    signal: AbortSignal,
  ): void
}

const plurals: Readonly<Record<string, string>> = {
  Namespace: "namespaces",
  Node: "nodes",
  Pod: "pods",
  Service: "services",
  EndpointSlice: "endpointslices",
  IPAddressPool: "ipaddresspools",
  L2Advertisement: "l2advertisements",
  BGPAdvertisement: "bgpadvertisements",
  BGPPeer: "bgppeers",
}

export function collectionPath(
  object: Pick<KubeObject, "apiVersion" | "kind"> & { namespace?: string | undefined },
): string {
  const root = object.apiVersion.includes("/") ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`
  const scope = object.namespace === undefined ? "" : `/namespaces/${object.namespace}`
  return `${root}${scope}/${plurals[object.kind]}`
}

export function kube(url: string): Kube {
  const call = async (method: string, path: string, body?: unknown, type = "application/json") => {
    const response = await fetch(url + path, {
      method,
      headers: { "content-type": type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as KubeObject & { message?: string; items?: KubeObject[] }
    return { status: response.status, answer }
  }
  const check = (what: string, { status, answer }: Awaited<ReturnType<typeof call>>) => {
    if (status >= 300) throw new Complaint(`${what}: ${answer.message ?? `HTTP ${status}`}`)
    return answer
  }
  const pathOf = (object: KubeObject) => {
    const { namespace, name } = object.metadata
    return `${collectionPath({ ...object, namespace })}/${name}`
  }
  return {
    url,
    async apply(object) {
      const { name, namespace } = object.metadata
      const created = await call("POST", collectionPath({ ...object, namespace }), object)
      if (created.status !== 409) return void check(`cannot create ${object.kind} ${name}`, created)
      const patched = await call("PATCH", pathOf(object), object, "application/merge-patch+json")
      check(`cannot change ${object.kind} ${name}`, patched)
    },
    async status(object) {
      const { status } = object
      const patched = await call("PATCH", `${pathOf(object)}/status`, { status }, "application/merge-patch+json")
      check(`cannot write the status of ${object.kind} ${object.metadata.name}`, patched)
    },
    async remove(object) {
      check(`cannot delete ${object.kind} ${object.metadata.name}`, await call("DELETE", pathOf(object)))
    },
    watch(path, on, signal) {
      void (async () => {
        while (!signal.aborted) {
          try {
            const response = await fetch(`${url}${path}?watch=true`, { signal })
            for await (const line of linesOf(response)) {
              const { type, object } = JSON.parse(line) as { type: string; object: KubeObject }
              if (type === "ADDED" || type === "MODIFIED" || type === "DELETED") on(type, object)
            }
          } catch {
            // The API server of the lab went away or the lab stops; the loop's condition tells which.
          }
          if (!signal.aborted) await setTimeout(200)
        }
      })()
    },
    async list(path) {
      return check(`cannot list ${path}`, await call("GET", path)).items ?? []
    },
  }
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = ""
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    yield* lines.filter((line) => line !== "")
  }
}
