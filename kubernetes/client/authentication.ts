import type { KubeConfig } from "@kubernetes/client-node"

/** Why the credentials of a kubeconfig could not be had, as a sentence. Their content never appears in it. */
export function authenticationFailure(config: KubeConfig, thrown: unknown): string {
  const user = config.getCurrentUser()
  const command = textAt(user?.exec, "command")
  const { code, message, path } = details(thrown)
  if (command !== undefined) {
    const plugin = `the credential plugin "${command}" of user "${user?.name}"`
    if (code === "ENOENT") return `${plugin} is not installed`
    if (code === "EACCES") return `${plugin} may not be run`
    // What it printed was no ExecCredential. The parser's own message would quote it, token and all.
    if (thrown instanceof SyntaxError || thrown instanceof TypeError) return `${plugin} printed no ExecCredential`
    return `${plugin} failed: ${firstLine(message) || "it said nothing"}`
  }
  if (path !== undefined) return `${path} named by the kubeconfig cannot be read (${code})`
  if (/HTTP protocol is not allowed/.test(message)) return "the kubeconfig's server is plain HTTP"
  return `no credentials for user "${user?.name ?? ""}": ${firstLine(message)}`
}

function details(thrown: unknown): { code: string; message: string; path: string | undefined } {
  if (!(thrown instanceof Error)) return { code: "", message: "unknown error", path: undefined }
  const { code, path } = thrown as { code?: unknown; path?: unknown }
  return {
    code: typeof code === "string" ? code : "",
    message: thrown.message,
    path: typeof path === "string" ? path : undefined,
  }
}

const firstLine = (text: string): string => (text.trim().split("\n")[0] ?? "").slice(0, 200)

function textAt(value: unknown, name: string): string | undefined {
  const found = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined
  return typeof found === "string" ? found : undefined
}
