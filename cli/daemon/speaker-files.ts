import fs from "node:fs"
import { parse } from "yaml"
import { compilePattern } from "../../actors/announcer/layer2/selection.ts"
import type { Settings } from "../../cluster/machine/settings.ts"
import { Complaint } from "../complaint.ts"
import { memberlistFile, memberlistSettings } from "./memberlist-file.ts"

export const excludeFile = "/etc/metallb/excludel2.yaml"

/**
 * The interfaces that layer 2 leaves alone, as one regular expression over their names, from the file that MetalLB's
 * manifests mount. No file: nothing is excluded.
 */
export function excludedInterfaces(file = excludeFile): string | undefined {
  const text = readIfThere(file)
  if (text === undefined) return undefined
  const wrong = (why: string) =>
    new Complaint(`failed to parse announcedInterfacesToExclude from configMap: ${file}: ${why}`)
  let list: unknown
  try {
    list =
      (parse(text.toString("utf8")) as { announcedInterfacesToExclude?: unknown } | null)
        ?.announcedInterfacesToExclude ?? []
  } catch {
    throw wrong("this is no YAML")
  }
  if (!Array.isArray(list) || !list.every((one) => typeof one === "string")) throw wrong("this is no list of texts")
  const pattern = list.length === 0 ? undefined : list.map((one) => `(${one})`).join("|")
  const compiled = compilePattern("excludeInterfaces", pattern)
  if (!compiled.ok) throw wrong(compiled.error.message)
  return pattern
}

/** The gossip key as the Secret has it: the file's content to the byte. Undefined without a directory. */
export function gossipSecret(directory: string): Uint8Array | undefined {
  if (directory === "") return undefined
  const secret = readIfThere(`${directory}/secretkey`)
  if (secret === undefined) throw new Complaint(`failed to read memberlist secret key file: ${directory}/secretkey`)
  return secret
}

/** How gossip is tuned, when MetalLB's file is mounted; then the profile of the flags has no effect. */
export function memberlistFromFile(file = memberlistFile): Settings | undefined {
  const text = readIfThere(file)
  if (text === undefined) return undefined
  const settings = memberlistSettings(text.toString("utf8"))
  if (!settings.ok) throw new Complaint(`failed to load memberlist config: ${file}: ${settings.error}`)
  return settings.value
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    throw new Complaint(`cannot read ${file}: ${code}`)
  }
}
