import type { Layout } from "./layout.ts"
import { run } from "./run.ts"

export interface Fetched {
  readonly ok: boolean
  /** The application's answer, or curl's words about the failure. */
  readonly text: string
  readonly ms: number
}

/** `curl` in the client's namespace: real packets, by the kernel's own ARP or NDP, or the router's route. */
export async function curl(lab: Layout, ip: string, timeoutSeconds = 2): Promise<Fetched> {
  const began = performance.now()
  const ran = await run("ip", [
    "netns",
    "exec",
    lab.client.namespace,
    "curl",
    "-sS",
    "--connect-timeout",
    String(timeoutSeconds),
    "--max-time",
    String(timeoutSeconds),
    `http://${ip.includes(":") ? `[${ip}]` : ip}/`,
  ])
  return { ok: ran.code === 0, text: (ran.code === 0 ? ran.out : ran.error).trim(), ms: performance.now() - began }
}

/** The MAC address that the client's kernel learned for the address; undefined when nobody answered. */
export async function learnedMac(lab: Layout, ip: string): Promise<string | undefined> {
  const { out } = await run("ip", ["-n", lab.client.namespace, "neigh", "show", ip, "dev", "eth0"])
  return /lladdr ([0-9a-f:]{17}) (?!FAILED|INCOMPLETE)/.exec(out)?.[1]
}

/** Makes the client's kernel forget what it learned, so that its next packet asks by ARP or NDP again. */
export async function forgetMac(lab: Layout, ip: string): Promise<void> {
  await run("ip", ["-n", lab.client.namespace, "neigh", "del", ip, "dev", "eth0"])
}
