import { spawn } from "node:child_process"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { SecretText } from "../../config/secret-text.ts"
import type { Certificates, KeyPair } from "./certificates.ts"

/** What goes to the other process and comes back, over pipes that nobody else reads. */
export interface PlainPair {
  readonly cert: string
  readonly key: string
}

export type Order =
  | { readonly kind: "ca-and-server"; readonly dnsName: string; readonly nowMs: number }
  | { readonly kind: "server"; readonly ca: PlainPair; readonly dnsName: string; readonly nowMs: number }
  | { readonly kind: "self-signed"; readonly nowMs: number }

export interface Issued {
  readonly ca?: PlainPair
  readonly server: PlainPair
}

/** A CA and, signed by it, a certificate for the server called `dnsName`. */
export async function orderCertificates(dnsName: string, nowMs: number): Promise<Certificates> {
  const { ca, server } = await issued({ kind: "ca-and-server", dnsName, nowMs })
  if (ca === undefined) throw new Error("no CA was issued")
  return { ca: secret(ca), server: secret(server) }
}

/** A new server certificate from the CA that there is. */
export async function orderServerCertificate(ca: KeyPair, dnsName: string, nowMs: number): Promise<KeyPair> {
  const plain = { cert: ca.cert, key: ca.key.reveal() }
  return secret((await issued({ kind: "server", ca: plain, dnsName, nowMs })).server)
}

/** For a port whose clients check nothing. */
export async function orderSelfSigned(nowMs: number): Promise<KeyPair> {
  return secret((await issued({ kind: "self-signed", nowMs })).server)
}

const secret = ({ cert, key }: PlainPair): KeyPair => ({ cert, key: new SecretText(key) })

const timeoutMs = 60_000
const program = fileURLToPath(new URL("./issue-process.ts", import.meta.url))

/**
 * In a process that ends with its answer: the library takes a quarter of a second to load, in which nothing else runs,
 * and 45 MB to stay, and is needed once in ten years.
 */
async function issued(order: Order): Promise<Issued> {
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "ignore"], timeout: timeoutMs })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", resolve)
  })
  // Not in the arguments, which everybody on the machine sees.
  child.stdin.on("error", () => undefined)
  child.stdin.end(JSON.stringify(order))
  const [answer, code] = await Promise.all([text(child.stdout), ended])
  if (code !== 0) throw new Error(`no certificate was issued (exit code ${code})`)
  return JSON.parse(answer) as Issued
}
