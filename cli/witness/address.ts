import { err, ok, type Result } from "../../protocols/result.ts"

/** Where the witness is, and how to get in. */
export interface WitnessAddress {
  /** For people: no password. */
  readonly where: string
  /** Of all keys; `troupe:` unless another one is wanted, for several clusters with one Redis. */
  readonly prefix: string
  readonly host?: string
  readonly port?: number
  /** Of a Unix socket. */
  readonly path?: string
  readonly db?: number
  readonly tls?: { readonly servername?: string; readonly ca?: string }
  readonly username?: string
  readonly password?: string
}

const example = "redis://HOST[:PORT][/DB], rediss://HOST[:PORT][/DB] or unix:///PATH"

/**
 * `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`, `rediss://` for TLS, `unix:///path`. A password given apart wins. The
 * error never repeats the text: there may be a password in it.
 */
export function parseWitness(
  text: string,
  { prefix, password, ca }: { readonly prefix: string; readonly password?: string; readonly ca?: string },
): Result<WitnessAddress, string> {
  if (!/^[!-~]{0,64}$/.test(prefix)) return err("witness-prefix must be at most 64 printable characters without blanks")
  if (!URL.canParse(text)) return err(`witness must be ${example}`)
  const url = new URL(text)
  const secret = password ?? decoded(url.password)
  const login = {
    ...(url.username !== "" && { username: decoded(url.username) ?? "" }),
    ...(secret !== undefined && { password: secret }),
  }
  if (url.protocol === "unix:") {
    if (url.host !== "" || url.pathname.length < 2) return err(`witness must be ${example}`)
    return ok({ where: `unix://${url.pathname}`, prefix, path: url.pathname, ...login })
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") return err(`witness must be ${example}`)
  // Redis has databases, and a URL may say so.
  const db = /^\/?(\d{0,3})$/.exec(url.pathname)?.[1]
  if (url.hostname === "" || db === undefined || url.search !== "" || url.hash !== "")
    return err(`witness must be ${example}`)
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1")
  const port = url.port === "" ? 6379 : Number(url.port)
  return ok({
    where: `${url.protocol}//${url.hostname}:${port}${db === "" ? "" : `/${db}`}`,
    prefix,
    host,
    port,
    ...(db !== "" && { db: Number(db) }),
    ...(url.protocol === "rediss:" && { tls: { servername: host, ...(ca !== undefined && { ca }) } }),
    ...login,
  })
}

function decoded(text: string): string | undefined {
  if (text === "") return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
