import { Type } from "typebox"
import type { ResourceKind } from "./kind.ts"

/** `metav1.Condition`. */
const condition = Type.Object(
  {
    lastTransitionTime: Type.String({ format: "date-time", description: "When this was last reported." }),
    message: Type.String({ maxLength: 32_768, description: "The error in words; empty when there is none." }),
    observedGeneration: Type.Optional(
      Type.Integer({ format: "int64", minimum: 0, description: "Generation of the object that was looked at." }),
    ),
    reason: Type.String({
      minLength: 1,
      maxLength: 1024,
      pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
      description: "The reason in one CamelCase word.",
    }),
    status: Type.Enum(["True", "False", "Unknown"], { description: "Whether the condition holds." }),
    type: Type.String({
      maxLength: 316,
      pattern:
        "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
      description: "Name of the condition.",
    }),
  },
  { description: "What one reconciler says." },
)

const status = Type.Object(
  {
    conditions: Type.Optional(
      Type.Array(condition, {
        description: "One entry for each reconciler of the component.",
        "x-kubernetes-list-map-keys": ["type"],
        "x-kubernetes-list-type": "map",
      }),
    ),
    errorSummary: Type.Optional(
      Type.String({ description: "Messages of the failing conditions, one a line. Empty when valid." }),
    ),
    result: Type.Optional(Type.Enum(["Valid", "Invalid", "Unknown"], { description: "The verdict." })),
  },
  { description: "Whether the component accepted the configuration." },
)

export const configurationState: ResourceKind = {
  kind: "ConfigurationState",
  plural: "configurationstates",
  singular: "configurationstate",
  versions: [
    {
      name: "v1beta1",
      description:
        "Whether the controller, or the speaker of one node, accepted the present configuration. Labels: metallb.io/component-type (controller or speaker), metallb.io/node-name (speakers).",
      storage: true,
      properties: { status: Type.Optional(status) },
      columns: [
        { name: "Result", path: ".status.result", type: "string" },
        { name: "ErrorSummary", path: ".status.errorSummary", type: "string" },
        { name: "Age", path: ".metadata.creationTimestamp", type: "date" },
      ],
    },
  ],
}
