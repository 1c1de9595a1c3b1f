import { at, isObject, type JsonObject } from "./object.ts"

/**
 * Questions about rights, answered and not stored. There are no users here: whoever reaches the server may do
 * everything. Undefined for a resource that is no such question.
 */
export function review(resource: string, body: JsonObject): JsonObject | undefined {
  const metadata = isObject(body["metadata"]) ? body["metadata"] : {}
  const answer = (status: JsonObject) => ({ ...body, metadata: { creationTimestamp: null, ...metadata }, status })
  switch (resource) {
    case "selfsubjectaccessreviews":
    case "subjectaccessreviews":
    case "localsubjectaccessreviews":
      return answer({ allowed: true })
    case "selfsubjectrulesreviews":
      return answer({
        incomplete: false,
        resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
        nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
      })
    case "selfsubjectreviews":
      return answer({ userInfo: user })
    case "tokenreviews": {
      const token = at(body, "spec", "token")
      return answer(
        typeof token === "string" && token !== "" ? { authenticated: true, user } : { authenticated: false },
      )
    }
    default:
      return undefined
  }
}

const user = { username: "embedded", groups: ["system:masters", "system:authenticated"] }
