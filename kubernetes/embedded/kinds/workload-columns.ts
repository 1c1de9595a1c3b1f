import { ageOf, humanDuration } from "../duration.ts"
import { at, display, listAt, textAt } from "../object.ts"
import { ageColumn, type Cell, column, labelText, nameColumn, orNone, wide } from "./columns.ts"
import type { Column } from "./kind.ts"

// Columns of the kinds that `kubectl get all` asks for. Nothing here runs them; people may still keep them.

const number =
  (...path: readonly (string | number)[]): Cell =>
  (object) =>
    Number(at(object, ...path) ?? 0)
const field =
  (...path: readonly string[]): Cell =>
  (object) =>
    textAt(object, ...path)
const templateContainers =
  (what: "name" | "image"): Cell =>
  (object) =>
    listAt(object, "spec", "template", "spec", "containers")
      .map((container) => textAt(container, what))
      .join(",")
const selector: Cell = (object) =>
  labelText(at(object, "spec", "selector", "matchLabels") ?? at(object, "spec", "selector"))
const template = [wide("Containers", templateContainers("name")), wide("Images", templateContainers("image"))]
const selected = wide("Selector", selector)
const ofReplicas: Cell = (object) =>
  `${Number(at(object, "status", "readyReplicas") ?? 0)}/${Number(at(object, "spec", "replicas") ?? 1)}`

export const deployment: readonly Column[] = [
  nameColumn,
  column("Ready", ofReplicas),
  column("Up-to-date", (o) => display(at(o, "status", "updatedReplicas") ?? 0)),
  column("Available", (o) => display(at(o, "status", "availableReplicas") ?? 0)),
  ageColumn,
  ...template,
  selected,
]
export const daemonSet: readonly Column[] = [
  nameColumn,
  column("Desired", number("status", "desiredNumberScheduled"), "integer"),
  column("Current", number("status", "currentNumberScheduled"), "integer"),
  column("Ready", number("status", "numberReady"), "integer"),
  column("Up-to-date", number("status", "updatedNumberScheduled"), "integer"),
  column("Available", number("status", "numberAvailable"), "integer"),
  column("Node Selector", (object) => labelText(at(object, "spec", "template", "spec", "nodeSelector"))),
  ageColumn,
  ...template,
  selected,
]
export const replicaSet: readonly Column[] = [
  nameColumn,
  column("Desired", number("spec", "replicas"), "integer"),
  column("Current", number("status", "replicas"), "integer"),
  column("Ready", number("status", "readyReplicas"), "integer"),
  ageColumn,
  ...template,
  selected,
]
export const statefulSet: readonly Column[] = [nameColumn, column("Ready", ofReplicas), ageColumn, ...template]
export const autoscaler: readonly Column[] = [
  nameColumn,
  column("Reference", (object) => {
    const target = at(object, "spec", "scaleTargetRef")
    return `${textAt(target, "kind")}/${textAt(target, "name")}`
  }),
  column("Targets", () => "<none>"),
  column("MinPods", (o) => display(at(o, "spec", "minReplicas") ?? "<unset>")),
  column("MaxPods", (o) => display(at(o, "spec", "maxReplicas") ?? 0)),
  column("Replicas", (o) => display(at(o, "status", "currentReplicas") ?? 0)),
  ageColumn,
]
const jobTemplate =
  (what: "name" | "image"): Cell =>
  (object) =>
    listAt(object, "spec", "jobTemplate", "spec", "template", "spec", "containers")
      .map((container) => textAt(container, what))
      .join(",")
export const cronJob: readonly Column[] = [
  nameColumn,
  column("Schedule", field("spec", "schedule")),
  column("Timezone", (object) => orNone(textAt(object, "spec", "timeZone"))),
  column("Suspend", (object) => at(object, "spec", "suspend") === true, "boolean"),
  column("Active", (object) => listAt(object, "status", "active").length, "integer"),
  column("Last Schedule", (object, nowMs) =>
    orNone(ageOf(at(object, "status", "lastScheduleTime"), nowMs).replace("<unknown>", "")),
  ),
  ageColumn,
  wide("Containers", jobTemplate("name")),
  wide("Images", jobTemplate("image")),
  wide("Selector", () => "<none>"),
]
export const job: readonly Column[] = [
  nameColumn,
  column("Status", (object) => {
    const done = listAt(object, "status", "conditions").find((condition) => textAt(condition, "status") === "True")
    return done === undefined ? "Running" : textAt(done, "type")
  }),
  column(
    "Completions",
    (o) => `${Number(at(o, "status", "succeeded") ?? 0)}/${Number(at(o, "spec", "completions") ?? 1)}`,
  ),
  column("Duration", (object, nowMs) => {
    const start = Date.parse(textAt(object, "status", "startTime"))
    if (Number.isNaN(start)) return ""
    const end = Date.parse(textAt(object, "status", "completionTime"))
    return humanDuration((Number.isNaN(end) ? nowMs : end) - start)
  }),
  ageColumn,
  ...template,
  selected,
]
