import fs from "node:fs"
import { createSecureContext } from "node:tls"
import { SecretText } from "../../config/secret-text.ts"
import type { KeyPair } from "../../kubernetes/certificates/certificates.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { Log } from "../../supervision/actor.ts"

/** `tls.crt` and `tls.key` of a directory. The error is a sentence that names the file and quotes none of it. */
export function readCertificateFiles(directory: string): Result<KeyPair, string> {
  const texts: string[] = []
  for (const file of ["tls.crt", "tls.key"]) {
    try {
      texts.push(fs.readFileSync(`${directory}/${file}`, "utf8"))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return err(
        `${directory}/${file} cannot be read: ${code === "ENOENT" ? "no such file or directory" : (code ?? "unknown error")}`,
      )
    }
  }
  const [cert = "", key = ""] = texts
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown error"
    return err(`${directory} holds no certificate with its key: ${reason}`)
  }
  return ok({ cert, key: new SecretText(key) })
}

export interface FollowedFiles {
  readonly stop: () => Promise<void>
}

const everyMs = 10_000

/**
 * Tells of each pair that differs from the one before, the first one when `known` is not given. Reads the files again
 * every ten seconds: kubelet replaces them behind symbolic links, and a watch on those misses what is mounted over them.
 * A pair that cannot be used, say because it is half written, changes nothing and is named once.
 */
export function followCertificateFiles(
  directory: string,
  known: KeyPair | undefined,
  changed: (pair: KeyPair) => void,
  log: Log,
  intervalMs = everyMs,
): FollowedFiles {
  let current = known
  let complaint = ""
  const look = () => {
    const read = readCertificateFiles(directory)
    if (!read.ok) {
      if (read.error !== complaint) {
        const holds =
          current === undefined ? "nothing is served until it can be" : "the certificate before stays in use"
        log.warn(`${read.error}; ${holds}`, { op: "certificates" })
      }
      complaint = read.error
      return
    }
    complaint = ""
    const pair = read.value
    if (current?.cert === pair.cert && current.key.holds(pair.key.reveal())) return
    current = pair
    changed(pair)
  }
  const timer = setInterval(look, intervalMs)
  timer.unref()
  if (known === undefined) look()
  return { stop: async () => clearInterval(timer) }
}
