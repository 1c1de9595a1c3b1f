import type { KubeObject } from "../object.ts"
import { textAt } from "../object.ts"
import { type Cause, invalidValue } from "../status.ts"
import type { Rules } from "./kind.ts"

// Events are stored in their v1 form; `events.k8s.io/v1` is another spelling of the same object.

const names: readonly (readonly [v1: string, events: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"],
]

function renamed(object: KubeObject, apiVersion: string, pairs: readonly (readonly [string, string])[]): KubeObject {
  const names = new Map(pairs)
  const fields = Object.entries(object).map(([key, value]) => [names.get(key) ?? key, value])
  return { ...(Object.fromEntries(fields) as KubeObject), apiVersion }
}

function validate(event: KubeObject): Cause[] {
  const about = textAt(event, "involvedObject", "namespace")
  const own = event.metadata.namespace ?? ""
  if (about === own || (about === "" && own === "default")) return []
  return [invalidValue("involvedObject.namespace", about, "does not match event.namespace")]
}

const reference = (field: string) => (event: KubeObject) => textAt(event, "involvedObject", field)

export const eventRules: Rules = {
  prepare: (event) => {
    event["involvedObject"] ??= {}
    event["source"] ??= {}
    for (const field of ["firstTimestamp", "lastTimestamp", "eventTime"]) event[field] ??= null
    for (const field of ["reportingComponent", "reportingInstance"]) event[field] ??= ""
  },
  validate,
  createOnUpdate: true,
  selectable: {
    "involvedObject.kind": reference("kind"),
    "involvedObject.namespace": reference("namespace"),
    "involvedObject.name": reference("name"),
    "involvedObject.uid": reference("uid"),
    "involvedObject.apiVersion": reference("apiVersion"),
    "involvedObject.resourceVersion": reference("resourceVersion"),
    "involvedObject.fieldPath": reference("fieldPath"),
    reason: (event) => textAt(event, "reason"),
    reportingComponent: (event) => textAt(event, "reportingComponent"),
    source: (event) => textAt(event, "source", "component") || textAt(event, "reportingComponent"),
    type: (event) => textAt(event, "type"),
  },
}

export const eventsGroupRules: Rules = {
  ...eventRules,
  selectable: {
    ...eventRules.selectable,
    ...Object.fromEntries(
      ["kind", "namespace", "name", "uid"].map((field) => [`regarding.${field}`, reference(field)]),
    ),
    reportingController: (event) => textAt(event, "reportingComponent"),
  },
  encode: (event) =>
    renamed(
      event,
      "v1",
      names.map(([v1, events]) => [events, v1]),
    ),
  decode: (event) => renamed(event, "events.k8s.io/v1", names),
}
