import type { Collection } from "../../kubernetes/client/collections.ts"

export interface Wanted extends Collection {
  /** In the archive. */
  readonly file: string
}

/** What is read of a cluster. A kind that is not installed is no failure. */
export function wantedObjects(namespace: string): readonly Wanted[] {
  const at = (apiVersion: string, resource: string, kind: string, own: boolean, rest: Partial<Wanted> = {}): Wanted => {
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    const path = `${root}${own ? `/namespaces/${namespace}` : ""}/${resource}`
    return { path, resource, kind, apiVersion, file: resource, ...rest }
  }
  const metallb = (resource: string, kind: string, version = "v1beta1") =>
    at(`metallb.io/${version}`, resource, kind, true)
  return [
    metallb("ipaddresspools", "IPAddressPool"),
    metallb("l2advertisements", "L2Advertisement"),
    metallb("bgpadvertisements", "BGPAdvertisement"),
    metallb("bgppeers", "BGPPeer", "v1beta2"),
    metallb("communities", "Community"),
    metallb("bfdprofiles", "BFDProfile"),
    metallb("servicel2statuses", "ServiceL2Status"),
    metallb("servicebgpstatuses", "ServiceBGPStatus"),
    metallb("configurationstates", "ConfigurationState"),
    at("v1", "services", "Service", false),
    at("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", false),
    at("v1", "nodes", "Node", false),
    at("v1", "namespaces", "Namespace", false),
    at("networking.k8s.io/v1", "servicecidrs", "ServiceCIDR", false),
    at("v1", "pods", "Pod", true),
    at("apps/v1", "deployments", "Deployment", true),
    at("apps/v1", "daemonsets", "DaemonSet", true),
    at("v1", "configmaps", "ConfigMap", true),
    // Names, types and sizes. Read also because what they hold must not be anywhere else in the archive.
    at("v1", "secrets", "Secret", true),
    at("coordination.k8s.io/v1", "leases", "Lease", true),
    at("v1", "events", "Event", true),
    at("v1", "events", "Event", false, { fieldSelector: "involvedObject.kind=Service", file: "events-of-services" }),
    at("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", false, {
      fieldSelector: "metadata.name=metallb-webhook-configuration",
    }),
    at("frrk8s.metallb.io/v1beta1", "frrconfigurations", "FRRConfiguration", false),
    at("frrk8s.metallb.io/v1beta1", "frrnodestates", "FRRNodeState", false),
  ]
}
