import fs from "node:fs"
import path from "node:path"
import { Complaint } from "../complaint.ts"
import type { Source } from "./parse.ts"

const maxBytes = 64 * 1024 * 1024
const maxFiles = 10_000

/**
 * Reads files, the manifests of directories as `kubectl -f` does, and `-` for standard input. A Complaint names what
 * cannot be read.
 */
export function readSources(paths: readonly string[], recursive: boolean): Source[] {
  const sources: Source[] = []
  let left = maxBytes
  for (const file of paths.flatMap((given) => filesOf(given, recursive))) {
    const name = file === "-" ? "standard input" : file
    const text = said(name, () => fs.readFileSync(file === "-" ? 0 : file, "utf8"))
    left -= Buffer.byteLength(text)
    if (left < 0) throw new Complaint(`${name}: more than ${maxBytes / 1024 / 1024} MiB of manifests`)
    sources.push({ name, text })
    if (sources.length > maxFiles) throw new Complaint(`more than ${maxFiles} files`)
  }
  return sources
}

function filesOf(given: string, recursive: boolean): readonly string[] {
  if (given === "-") return [given]
  if (!said(given, () => fs.statSync(given)).isDirectory()) return [given]
  const inside = said(given, () => fs.readdirSync(given, { withFileTypes: true, recursive }))
  const files = inside
    .filter((entry) => entry.isFile() && /\.(?:ya?ml|json)$/i.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
  if (files.length === 0) throw new Complaint(`${given}: no .yaml, .yml or .json file in this directory`)
  return files
}

function said<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown)
    throw new Complaint(`${name} cannot be read: ${code === "ENOENT" ? "no such file or directory" : code}`)
  }
}
