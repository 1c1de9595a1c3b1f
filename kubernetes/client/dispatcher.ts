import type { KubeConfig } from "@kubernetes/client-node"

interface Dispatcher {
  close(): Promise<void>
  destroy(): Promise<void>
}

type Tls = Readonly<Record<string, unknown>>
type Create = (cluster: unknown, tls: Tls) => Dispatcher | undefined

/**
 * The client library makes a new connection pool for every request, and with it a new TLS handshake. This keeps one
 * pool and gives it out until the CA, the client certificate or the server name changes. A test counts connections,
 * because the method is the library's own and an upgrade may rename it.
 */
export function keepDispatcher(config: KubeConfig): { close(): Promise<void> } {
  const create = (Reflect.get(config, "createDispatcher") as Create).bind(config)
  let kept: { readonly tls: Tls; readonly dispatcher: Dispatcher | undefined } | undefined
  Object.defineProperty(config, "createDispatcher", {
    value: (cluster: unknown, tls: Tls) => {
      if (kept !== undefined && sameTls(kept.tls, tls)) return kept.dispatcher
      // Requests under way on the old pool end by themselves; it closes after the last one.
      kept?.dispatcher?.close().catch(() => {})
      kept = { tls: { ...tls }, dispatcher: create(cluster, tls) }
      return kept.dispatcher
    },
  })
  return {
    async close() {
      await kept?.dispatcher?.destroy()
      kept = undefined
    },
  }
}

function sameTls(a: Tls, b: Tls): boolean {
  return ["ca", "cert", "key", "pfx", "passphrase", "rejectUnauthorized", "servername"].every((name) => {
    const [x, y] = [a[name], b[name]]
    return x === y || (Buffer.isBuffer(x) && Buffer.isBuffer(y) && x.equals(y))
  })
}
