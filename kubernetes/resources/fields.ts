import { Type } from "typebox"

/** Fields that several kinds share. */

export const strings = (description: string) => Type.Array(Type.String(), { description })

/** `metav1.LabelSelector`. The operator is not restricted by the schema: a bad one is a configuration error. */
const labelSelector = (description: string) =>
  Type.Object(
    {
      matchExpressions: Type.Optional(
        Type.Array(
          Type.Object(
            {
              key: Type.String({ description: "The label's key." }),
              operator: Type.String({ description: "In, NotIn, Exists or DoesNotExist." }),
              values: Type.Optional(
                Type.Array(Type.String(), {
                  description: "For In and NotIn, at least one value. For Exists and DoesNotExist, none.",
                  "x-kubernetes-list-type": "atomic",
                }),
              ),
            },
            { description: "One condition on a label." },
          ),
          { description: "Conditions that must all hold.", "x-kubernetes-list-type": "atomic" },
        ),
      ),
      matchLabels: Type.Optional(
        Type.Record(Type.String(), Type.String(), {
          description: "Labels that must all be present with these values.",
        }),
      ),
    },
    { description, "x-kubernetes-map-type": "atomic" },
  )

export const selector = labelSelector

/** Several selectors in a list: any of them may match. */
export const selectors = (description: string) =>
  Type.Array(labelSelector("Matches when all its terms match; an empty selector matches everything."), { description })

/** Which pools an advertisement is about. */
export const poolChoice = {
  ipAddressPoolSelectors: Type.Optional(
    selectors("Pools whose labels match any of these. With no pool chosen by name or label, all pools are meant."),
  ),
  ipAddressPools: Type.Optional(strings("Pools by name. Unknown names are ignored.")),
}

export const noStatus = (kind: string) => Type.Optional(Type.Object({}, { description: `Unused for ${kind}.` }))

/** A CEL rule that the API server evaluates. */
export const rule = (expression: string, message: string) => ({ message, rule: expression })
