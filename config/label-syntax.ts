/** The syntax of label keys and values, with the sentences of Kubernetes' own validation. */

const alphanumerics = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const namePattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
const valuePattern = `(${namePattern})?`
const subdomainPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
const isName = new RegExp(`^${namePattern}$`)
const isValue = new RegExp(`^${valuePattern}$`)
const isSubdomain = new RegExp(`^${subdomainPattern}$`)

const badName = `name part must consist of ${alphanumerics} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${namePattern}')`
const badValue = `a valid label must be an empty string or consist of ${alphanumerics} (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '${valuePattern}')`
const badPrefix = `prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${subdomainPattern}')`
const badKey = `a qualified name must consist of ${alphanumerics} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${namePattern}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`

export function keyFault(key: string): string | undefined {
  const parts = key.split("/")
  if (parts.length > 2) return badKey
  const name = parts.at(-1) ?? ""
  const faults: string[] = []
  if (parts.length === 2) {
    const prefix = parts[0] ?? ""
    if (prefix.length === 0) faults.push("prefix part must be non-empty")
    else {
      if (prefix.length > 253) faults.push("prefix part must be no more than 253 bytes")
      if (!isSubdomain.test(prefix)) faults.push(badPrefix)
    }
  }
  if (name.length === 0) faults.push("name part must be non-empty")
  else if (name.length > 63) faults.push("name part must be no more than 63 bytes")
  if (!isName.test(name)) faults.push(badName)
  return faults.length > 0 ? faults.join("; ") : undefined
}

export function valueFault(value: string): string | undefined {
  const faults: string[] = []
  if (value.length > 63) faults.push("must be no more than 63 bytes")
  if (!isValue.test(value)) faults.push(badValue)
  return faults.length > 0 ? faults.join("; ") : undefined
}
