import { MigrationFault, type Section } from "./read.ts"

type Named = "IpAddressPool" | "BFDProfile"

/** The old format took any name. Kubernetes does not: letters and figures, a letter first. */
export class Names {
  /** What was changed, as sentences in MetalLB's words. */
  readonly changes: string[] = []

  fixed(kind: Named, name: string): string {
    if (/^[a-z][-a-z0-9]{0,61}[a-z0-9]$/.test(name)) return name
    const plain = name.slice(0, 63).toLowerCase().replaceAll("_", "-")
    const start = plain.search(/[a-z]/)
    if (start < 0) throw new MigrationFault(`failed to make ${kind} K8S compatible: ${name}`)
    const result = plain.slice(start)
    const said = `Changing ${kind} name from: ${name} to: ${result}`
    if (result !== name && !this.changes.includes(said)) this.changes.push(said)
    return result
  }

  of(kind: Named, section: Section): string {
    return this.fixed(kind, section.text("name"))
  }
}
