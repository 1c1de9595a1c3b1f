import { gunzipSync } from "node:zlib"
import tar from "tar-stream"

/** An archive of `troupe collect`: name without the archive's directory → content. */
export async function unpacked(archive: Buffer): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  const extract = tar.extract()
  extract.end(gunzipSync(archive))
  for await (const entry of extract) {
    const parts: Buffer[] = []
    for await (const part of entry) parts.push(part as Buffer)
    files.set(entry.header.name.replace(/^troupe-collect-\d{8}-\d{6}\//, ""), Buffer.concat(parts).toString())
  }
  return files
}
