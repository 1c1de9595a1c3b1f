import type { Schema } from "../definition.ts"
import type { JsonObject } from "../object.ts"
import type { ServiceAllocator } from "./allocator.ts"
import * as columns from "./columns.ts"
import { eventRules, eventsGroupRules } from "./events.ts"
import type { Column, Kind, Rules } from "./kind.ts"
import * as rules from "./rules.ts"
import * as workloads from "./workload-columns.ts"
import * as schemas from "./schemas.ts"
import { serviceRules } from "./service.ts"

const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

interface Details {
  readonly short?: string
  readonly singular?: string
  readonly categories?: string
  readonly subresources?: string
  readonly verbs?: readonly string[]
  readonly schema?: Schema
  readonly empty?: JsonObject
  readonly columns?: readonly Column[]
  readonly rules?: Rules
  readonly storageKey?: string
}

function words(text: string | undefined): string[] {
  return text === undefined || text === "" ? [] : text.split(" ")
}

type Row = (kind: string, resource: string, details?: Details) => Kind

function rowsOf(group: string, version: string, namespaced: boolean): Row {
  return (kind, resource, details = {}) => ({
    group,
    version,
    kind,
    listKind: `${kind}List`,
    resource,
    singular: details.singular ?? kind.toLowerCase(),
    namespaced,
    shortNames: words(details.short),
    categories: words(details.categories),
    verbs: details.verbs ?? allVerbs,
    subresources: words(details.subresources),
    storageKey: details.storageKey ?? `${group}/${resource}`,
    custom: false,
    ...(details.schema === undefined ? {} : { schema: details.schema }),
    empty: details.empty ?? {},
    columns: details.columns ?? columns.plain,
    rules: details.rules ?? {},
  })
}

const emptyHalves = { spec: {}, status: {} }
const status: Details = { subresources: "status", rules: rules.workloadRules, empty: emptyHalves }
const create: Details = { verbs: ["create"] }
const extensions: Details = { categories: "api-extensions" }

/** Every built-in resource that is served, in the order of discovery. Those without rules are kept as they come. */
export function builtinKinds(allocator: ServiceAllocator): Kind[] {
  return [
    ...core(allocator),
    rowsOf("apiregistration.k8s.io", "v1", false)("APIService", "apiservices", { ...status, ...extensions }),
    ...workloadKinds(),
    rowsOf("events.k8s.io", "v1", true)("Event", "events", {
      short: "ev",
      schema: schemas.eventOfEvents,
      rules: eventsGroupRules,
      columns: columns.event,
      storageKey: "/events",
    }),
    ...reviews(),
    ...network(),
    ...policy(),
    ...storageAndScheduling(),
  ]
}

function core(allocator: ServiceAllocator): Kind[] {
  const row = rowsOf("", "v1", true)
  const cluster = rowsOf("", "v1", false)
  return [
    row("Binding", "bindings", create),
    cluster("ComponentStatus", "componentstatuses", {
      short: "cs",
      verbs: ["get", "list"],
      singular: "componentstatus",
    }),
    row("ConfigMap", "configmaps", {
      short: "cm",
      schema: schemas.configMap,
      rules: rules.configMapRules,
      columns: columns.configMap,
    }),
    {
      ...row("Endpoints", "endpoints", { short: "ep", columns: columns.endpoints, rules: { createOnUpdate: true } }),
      deprecationWarning: "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    },
    row("Event", "events", { short: "ev", schema: schemas.event, rules: eventRules, columns: columns.event }),
    row("LimitRange", "limitranges", { short: "limits" }),
    cluster("Namespace", "namespaces", {
      short: "ns",
      subresources: "finalize status",
      verbs: allVerbs.filter((verb) => verb !== "deletecollection"),
      schema: schemas.namespace,
      rules: rules.namespaceRules,
      columns: columns.namespace,
      empty: emptyHalves,
    }),
    cluster("Node", "nodes", {
      short: "no",
      subresources: "proxy status",
      schema: schemas.node,
      rules: rules.nodeRules,
      columns: columns.node,
      empty: { spec: {}, status: rules.emptyNodeStatus },
    }),
    row("PersistentVolumeClaim", "persistentvolumeclaims", { ...status, short: "pvc" }),
    cluster("PersistentVolume", "persistentvolumes", { ...status, short: "pv" }),
    row("Pod", "pods", {
      short: "po",
      categories: "all",
      subresources: "attach binding ephemeralcontainers eviction exec log portforward proxy resize status",
      rules: rules.podRules,
      columns: columns.pod,
      empty: emptyHalves,
    }),
    row("PodTemplate", "podtemplates"),
    row("ReplicationController", "replicationcontrollers", {
      ...status,
      short: "rc",
      categories: "all",
      subresources: "scale status",
      columns: workloads.replicaSet,
    }),
    row("ResourceQuota", "resourcequotas", { ...status, short: "quota" }),
    row("Secret", "secrets", { schema: schemas.secret, rules: rules.secretRules, columns: columns.secret }),
    row("ServiceAccount", "serviceaccounts", {
      short: "sa",
      subresources: "token",
      schema: schemas.serviceAccount,
      rules: rules.serviceAccountRules,
      columns: columns.serviceAccount,
    }),
    row("Service", "services", {
      short: "svc",
      categories: "all",
      subresources: "proxy status",
      schema: schemas.service,
      rules: serviceRules(allocator),
      columns: columns.service,
      empty: { spec: {}, status: { loadBalancer: {} } },
    }),
  ]
}

function workloadKinds(): Kind[] {
  const apps = rowsOf("apps", "v1", true)
  const all: Details = { ...status, categories: "all" }
  const scaled: Details = { ...all, subresources: "scale status" }
  const autoscaler: Details = {
    ...all,
    short: "hpa",
    columns: workloads.autoscaler,
    storageKey: "autoscaling/horizontalpodautoscalers",
  }
  const batch = rowsOf("batch", "v1", true)
  return [
    apps("ControllerRevision", "controllerrevisions"),
    apps("DaemonSet", "daemonsets", { ...all, short: "ds", columns: workloads.daemonSet }),
    apps("Deployment", "deployments", { ...scaled, short: "deploy", columns: workloads.deployment }),
    apps("ReplicaSet", "replicasets", { ...scaled, short: "rs", columns: workloads.replicaSet }),
    apps("StatefulSet", "statefulsets", { ...scaled, short: "sts", columns: workloads.statefulSet }),
    rowsOf("autoscaling", "v2", true)("HorizontalPodAutoscaler", "horizontalpodautoscalers", autoscaler),
    rowsOf("autoscaling", "v1", true)("HorizontalPodAutoscaler", "horizontalpodautoscalers", autoscaler),
    batch("CronJob", "cronjobs", { ...all, short: "cj", columns: workloads.cronJob }),
    batch("Job", "jobs", { ...all, columns: workloads.job }),
  ]
}

function reviews(): Kind[] {
  const authentication = rowsOf("authentication.k8s.io", "v1", false)
  const authorization = rowsOf("authorization.k8s.io", "v1", false)
  return [
    authentication("SelfSubjectReview", "selfsubjectreviews", create),
    authentication("TokenReview", "tokenreviews", create),
    rowsOf("authorization.k8s.io", "v1", true)("LocalSubjectAccessReview", "localsubjectaccessreviews", create),
    authorization("SelfSubjectAccessReview", "selfsubjectaccessreviews", create),
    authorization("SelfSubjectRulesReview", "selfsubjectrulesreviews", create),
    authorization("SubjectAccessReview", "subjectaccessreviews", create),
  ]
}

function network(): Kind[] {
  const row = rowsOf("networking.k8s.io", "v1", true)
  const cluster = rowsOf("networking.k8s.io", "v1", false)
  return [
    cluster("IngressClass", "ingressclasses"),
    row("Ingress", "ingresses", { ...status, short: "ing" }),
    cluster("IPAddress", "ipaddresses", { short: "ip" }),
    row("NetworkPolicy", "networkpolicies", { short: "netpol" }),
    cluster("ServiceCIDR", "servicecidrs", status),
    rowsOf("coordination.k8s.io", "v1", true)("Lease", "leases", {
      schema: schemas.lease,
      rules: rules.leaseRules,
      columns: columns.lease,
      empty: { spec: {} },
    }),
    rowsOf("discovery.k8s.io", "v1", true)("EndpointSlice", "endpointslices", {
      schema: schemas.endpointSlice,
      rules: rules.endpointSliceRules,
      columns: columns.endpointSlice,
    }),
  ]
}

function policy(): Kind[] {
  const rbac = rowsOf("rbac.authorization.k8s.io", "v1", true)
  const rbacCluster = rowsOf("rbac.authorization.k8s.io", "v1", false)
  const named: Details = { rules: { names: "path" } }
  const admission = rowsOf("admissionregistration.k8s.io", "v1", false)
  return [
    rowsOf("policy", "v1", true)("PodDisruptionBudget", "poddisruptionbudgets", { ...status, short: "pdb" }),
    rbacCluster("ClusterRoleBinding", "clusterrolebindings", named),
    rbacCluster("ClusterRole", "clusterroles", named),
    rbac("RoleBinding", "rolebindings", named),
    rbac("Role", "roles", named),
    admission("MutatingAdmissionPolicy", "mutatingadmissionpolicies", extensions),
    admission("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", extensions),
    admission("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", extensions),
    admission("ValidatingAdmissionPolicy", "validatingadmissionpolicies", { ...status, ...extensions }),
    admission("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", extensions),
    admission("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", extensions),
    rowsOf("apiextensions.k8s.io", "v1", false)("CustomResourceDefinition", "customresourcedefinitions", {
      ...status,
      ...extensions,
      short: "crd crds",
      rules: rules.definitionRules,
      columns: columns.definition,
    }),
    rowsOf("certificates.k8s.io", "v1", false)("CertificateSigningRequest", "certificatesigningrequests", {
      ...status,
      subresources: "approval status",
      short: "csr",
    }),
  ]
}

function storageAndScheduling(): Kind[] {
  const storage = rowsOf("storage.k8s.io", "v1", false)
  const flow = rowsOf("flowcontrol.apiserver.k8s.io", "v1", false)
  const resource = rowsOf("resource.k8s.io", "v1", true)
  const clusterResource = rowsOf("resource.k8s.io", "v1", false)
  return [
    storage("CSIDriver", "csidrivers"),
    storage("CSINode", "csinodes"),
    rowsOf("storage.k8s.io", "v1", true)("CSIStorageCapacity", "csistoragecapacities"),
    storage("StorageClass", "storageclasses", { short: "sc" }),
    storage("VolumeAttachment", "volumeattachments", status),
    storage("VolumeAttributesClass", "volumeattributesclasses", { short: "vac" }),
    rowsOf("scheduling.k8s.io", "v1", false)("PriorityClass", "priorityclasses", { short: "pc" }),
    rowsOf("node.k8s.io", "v1", false)("RuntimeClass", "runtimeclasses"),
    clusterResource("DeviceClass", "deviceclasses"),
    resource("ResourceClaim", "resourceclaims", status),
    resource("ResourceClaimTemplate", "resourceclaimtemplates"),
    clusterResource("ResourceSlice", "resourceslices"),
    flow("FlowSchema", "flowschemas", status),
    flow("PriorityLevelConfiguration", "prioritylevelconfigurations", status),
  ]
}
