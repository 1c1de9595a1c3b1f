import { type Static, Type } from "typebox"
import { noStatus } from "./fields.ts"
import type { ResourceKind } from "./kind.ts"

const text = (description: string) => Type.Optional(Type.String({ description }))

const spec = Type.Object(
  {
    communities: Type.Optional(
      Type.Array(
        Type.Object({
          name: text("The alias."),
          value: text("What it stands for: 65000:1, or large:65000:1:2 for a large community (RFC 8092)."),
        }),
      ),
    ),
  },
  { description: "Aliases, known in every BGPAdvertisement." },
)

export type CommunitySpec = Static<typeof spec>

export const community: ResourceKind = {
  kind: "Community",
  plural: "communities",
  singular: "community",
  versions: [
    {
      name: "v1beta1",
      description: "Names for BGP communities.",
      storage: true,
      properties: { spec: Type.Optional(spec), status: noStatus("Community") },
      columns: [],
    },
  ],
}
