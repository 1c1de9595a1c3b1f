import { once } from "node:events"
import type { Writable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGzip } from "node:zlib"
import tar from "tar-stream"

export interface Archive {
  /** False when the archive is full: the file is left out. */
  add(name: string, content: string): Promise<boolean>
  /** Even when it is full. */
  addLast(name: string, content: string): Promise<void>
  /** Resolves when all is written; throws what the output throws. */
  finish(): Promise<void>
  counts(): { readonly files: number; readonly bytes: number; readonly leftOut: readonly string[] }
}

/** A `.tar.gz` that is written as it comes: no file of it is kept. `limitBytes` counts before compression. */
export function startArchive(output: Writable, directory: string, nowMs: number, limitBytes: number): Archive {
  const pack = tar.pack()
  const written = pipeline(pack, createGzip(), output)
  let failure: unknown
  written.catch((error: unknown) => {
    failure = error
  })
  const leftOut: string[] = []
  let files = 0
  let bytes = 0

  async function put(name: string, content: string): Promise<void> {
    if (failure !== undefined) throw failure
    const body = Buffer.from(content)
    const entry = { name: `${directory}/${name}`, size: body.length, mtime: new Date(nowMs), mode: 0o600 }
    const stream = pack.entry(entry)
    stream.end(body)
    // An output that broke ends no entry.
    await Promise.race([once(stream, "close"), written])
    files++
    bytes += body.length
  }

  return {
    async add(name, content) {
      if (bytes + Buffer.byteLength(content) > limitBytes) {
        leftOut.push(name)
        return false
      }
      await put(name, content)
      return true
    },
    addLast: put,
    async finish() {
      pack.finalize()
      await written
    },
    counts: () => ({ files, bytes, leftOut }),
  }
}
