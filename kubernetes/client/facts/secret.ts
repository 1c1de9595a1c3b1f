import type { SecretFacts } from "../../../config/facts.ts"
import { SecretText } from "../../../config/secret-text.ts"
import { type JsonObject, objectAt, textOf } from "../json.ts"

const remembered = 1000

/**
 * What to remember of a Secret: of type `kubernetes.io/basic-auth` the password, of any other only that it is there. A
 * password that did not change is the same object as before, also when the Secret was deleted and made again: a rotation
 * tool that writes the old value ends no session.
 */
export function keepSecret(): (secret: JsonObject) => SecretFacts {
  const last = new Map<string, SecretText>()
  return (secret) => {
    const name = textOf(objectAt(secret, "metadata")["name"])
    const type = textOf(secret["type"])
    if (type !== "kubernetes.io/basic-auth") return { name, type }
    const text = Buffer.from(textOf(objectAt(secret, "data")["password"]), "base64").toString()
    if (text === "") return { name, type }
    const before = last.get(name)
    const password = before?.holds(text) ? before : new SecretText(text)
    last.delete(name)
    last.set(name, password)
    const [oldest] = last.keys()
    if (last.size > remembered && oldest !== undefined) last.delete(oldest)
    return { name, type, password }
  }
}
