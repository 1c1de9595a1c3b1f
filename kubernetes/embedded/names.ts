import { createHash, randomBytes } from "node:crypto"
import type { Rules } from "./kinds/kind.ts"

// What object names may look like (RFC 1123 labels and subdomains, RFC 1035 labels), and where names come from.

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
const lowerCase = "must consist of lower case alphanumeric characters"

const forms = {
  subdomain: {
    pattern: new RegExp(`^${label}(\\.${label})*$`),
    max: 253,
    message: `a lowercase RFC 1123 subdomain ${lowerCase}, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${label}(\\.${label})*')`,
  },
  label: {
    pattern: new RegExp(`^${label}$`),
    max: 63,
    message: `a lowercase RFC 1123 label ${lowerCase} or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${label}')`,
  },
  rfc1035: {
    pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
    max: 63,
    message: `a DNS-1035 label ${lowerCase} or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
  },
} as const

/** What is wrong with a name, or undefined. A prefix may end in `-`: letters follow. */
export function nameFault(form: Rules["names"], name: string, prefix: boolean): string | undefined {
  if (form === "path") {
    if (name === "." || name === "..") return `may not be '${name}'`
    const bad = ["/", "%"].filter((letter) => name.includes(letter))
    return bad.length === 0 ? undefined : `may not contain '${bad[0]}'`
  }
  const { pattern, max, message } = forms[form ?? "subdomain"]
  const whole = prefix && name.endsWith("-") ? `${name.slice(0, -1)}a` : name
  if (whole.length > max) return `must be no more than ${max} characters`
  return pattern.test(whole) ? undefined : message
}

// No vowels, no look-alikes: names that cannot spell words.
const letters = "bcdfghjklmnpqrstvwxz2456789"

/** A name from `generateName`: five letters more, at most 63 in all. */
export function generatedName(base: string): string {
  const suffix = [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join("")
  return `${base.slice(0, 58)}${suffix}`
}

/** What discovery documents carry to tell storage versions apart. */
export function storageVersionHash(group: string, version: string, kind: string): string {
  return createHash("sha256").update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString("base64")
}
