import type { Kube, KubeObject } from "./kube.ts"
import type { Host } from "./layout.ts"
import { endpointSlice } from "./objects.ts"

/**
 * Kubernetes' endpoint controller, as far as a lab needs it: every Service with a selector is served by the application
 * on each node. Takes back what it wrote when the Service goes.
 */
export function endpointController(kube: Kube, nodes: readonly Host[], signal: AbortSignal): void {
  const written = new Set<string>()
  kube.watch(
    "/api/v1/services",
    (type, service) => {
      const { namespace = "default", name } = service.metadata
      const key = `${namespace}/${name}`
      const slices = familiesOf(service).map((family) => endpointSlice({ namespace, name }, family, nodes))
      if (type === "DELETED") {
        if (written.delete(key)) for (const slice of slices) void kube.remove(slice).catch(() => undefined)
      } else if (hasSelector(service) && !written.has(key)) {
        written.add(key)
        void Promise.all(slices.map((slice) => kube.apply(slice))).catch(() => written.delete(key))
      }
    },
    signal,
  )
}

const familiesOf = (service: KubeObject): readonly ("IPv4" | "IPv6")[] =>
  (service["spec"] as { ipFamilies?: ("IPv4" | "IPv6")[] }).ipFamilies ?? ["IPv4"]

function hasSelector(service: KubeObject): boolean {
  const { selector } = service["spec"] as { selector?: Record<string, string> }
  return selector !== undefined && Object.keys(selector).length > 0
}
