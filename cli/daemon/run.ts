import fs from "node:fs"
import pkg from "../../package.json" with { type: "json" }
import type { AccessCheck } from "../../kubernetes/client/access.ts"
import type { Log } from "../../supervision/actor.ts"
import type { System } from "../../supervision/system.ts"
import { Complaint } from "../complaint.ts"
import { type Flag, type FlagValues, flagHelp, parseFlags } from "../flags/parse.ts"
import { type TlsSettings, tlsSettings } from "../flags/tls.ts"
import { isLogLevel, jsonLog, type LogLevel } from "../logging.ts"
import { actorsHandler, killHandler } from "./debug.ts"
import { fatalGoesTo } from "./fatal.ts"
import { healthHandler } from "./health.ts"
import { serveMetrics } from "./metrics-port.ts"
import { watchProcess } from "./process-metrics.ts"
import { profilingAddress, startProfiling } from "./profiling.ts"
import { type Handler, type Server, serve } from "./serve.ts"

/** What is the same for both daemons before anything runs. */
export interface Begun {
  readonly flags: FlagValues
  readonly log: Log
  readonly logLevel: LogLevel
  /** Of /metrics and webhooks. */
  readonly tls: TlsSettings
  /** Where the custom resources are. */
  readonly namespace: string
}

const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

/** Parses the flags and begins the log. Undefined after `--help`; a Complaint for anything that is wrong. */
export function begin(
  role: "controller" | "speaker",
  about: string,
  known: readonly Flag[],
  args: readonly string[],
): Begun | undefined {
  if (args.some((arg) => /^--?(h|help)$/.test(arg))) {
    console.log(`troupe ${role}: ${about}\n\nFlags (-x and --x are the same):\n${flagHelp(known)}`)
    return undefined
  }
  const parsed = parseFlags(known, args, process.env)
  if (!parsed.ok) throw new Complaint(`${role}: ${parsed.error} (troupe ${role} --help lists the flags)`)
  const flags = parsed.value
  const logLevel = flags.text("log-level")
  if (!isLogLevel(logLevel)) {
    throw new Complaint(`failed to initialize logging: failed to parse log level: ${logLevel}`)
  }
  const log = jsonLog(logLevel)
  fatalGoesTo(log)
  watchProcess()
  log.info(`Troupe ${role} starting ${pkg.version}`, { version: pkg.version, node: process.version })
  for (const warning of flags.warnings) log.warn(warning, { op: "startup" })
  return { flags, log, logLevel, tls: tlsOf(flags, log), namespace: namespaceOf(flags.text("namespace")) }
}

function tlsOf(flags: FlagValues, log: Log): TlsSettings {
  const names = ["tls-cipher-suites", "tls-curve-preferences", "tls-min-version"] as const
  const [suites, curves, version] = names.map((name) => flags.text(name))
  const settings = tlsSettings(suites ?? "", curves ?? "", version ?? "")
  if (!settings.ok) throw new Complaint(`failed to parse TLS configuration: ${settings.error}`)
  log.info("TLS of /metrics and webhooks", {
    op: "startup",
    ...Object.fromEntries(names.map((name) => [name, flags.text(name)])),
  })
  return settings.value
}

function namespaceOf(flag: string): string {
  if (flag !== "") return flag
  try {
    return fs.readFileSync(namespaceFile, "utf8").trim()
  } catch {
    throw new Complaint(
      "Unable to get namespace from pod service account data, please specify --namespace or METALLB_NAMESPACE: there is " +
        `no ${namespaceFile}`,
    )
  }
}

export interface Running {
  readonly begun: Begun
  readonly system: System
  readonly healthHost: string
  readonly notReady: () => string | undefined | Promise<string | undefined>
  /** What `/readyz` says when it is; `ok` unless given. */
  readonly readyText?: () => string
  readonly metrics: () => Promise<string>
  /** Who may see them. */
  readonly access: AccessCheck
  /** More questions that the debug socket and the health port answer. */
  readonly handlers: readonly Handler[]
  /** Those that change something: the debug socket alone. */
  readonly socketHandlers?: readonly Handler[]
  /** What is to be done before the actors stop: say good-bye to peers. */
  readonly beforeStop: () => Promise<void>
}

/** Opens the ports, then runs until a signal or until the tree gives up; gives the exit code. */
export async function runUntilStopped(running: Running): Promise<number> {
  const { begun, system } = running
  const { flags, log } = begun
  const servers: Server[] = []
  try {
    // Heard from now on: opening the ports may take a while.
    const signal = signalled(flags.boolean("exit-with-stdin"))
    await listen(running, servers)
    const why = await Promise.race([signal, gaveUp(system)])
    if (why.gaveUp) log.error("the tree of actors gave up", { op: "shutdown", error: why.reason })
    log.info("starting shutdown", { op: "shutdown", reason: why.reason })
    if (!why.gaveUp) await running.beforeStop()
    return why.gaveUp ? 1 : 0
  } finally {
    await Promise.all(servers.map((server) => server.close()))
    await system.stop()
    // Nobody waits for it any more; open, it would keep the process.
    if (flags.boolean("exit-with-stdin")) process.stdin.destroy()
    log.info("done", { op: "shutdown" })
  }
}

async function listen({ begun, system, ...running }: Running, servers: Server[]): Promise<void> {
  const { flags, log, tls } = begun
  const about = [...running.handlers, actorsHandler(system)]
  const health = [healthHandler(running.notReady, running.readyText), ...about]
  const metrics: Handler = async ({ path }) =>
    path === "/metrics"
      ? { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: await running.metrics() }
      : undefined
  // Who reaches our loopback is on this host, or may forward ports to us.
  const localMetrics: Handler = (asked) => (asked.local ? metrics(asked) : undefined)
  const wanted: Parameters<typeof serve>[] = []
  const port = flags.number("port")
  if (port !== 0) {
    const certDirectory = flags.text("metrics-cert-dir")
    const { access } = running
    servers.push(await serveMetrics({ host: "0.0.0.0", port, certDirectory, settings: tls, access, metrics, log }))
  }
  const healthPort = flags.number("health-probe-port")
  if (healthPort !== 0) wanted.push([{ host: running.healthHost, port: healthPort }, [...health, localMetrics]])
  const socket = flags.text("debug-socket")
  if (socket !== "") {
    const changing = [...(running.socketHandlers ?? []), killHandler(system, flags.boolean("debug-kill"))]
    wanted.push([{ socket }, [...health, metrics, ...changing]])
  }
  const profiled = flags.text("pprof-bind-address")
  if (profiled !== "") {
    const at = profilingAddress(profiled)
    if (!at.ok) throw new Complaint(at.error)
    wanted.push([at.value, [(await startProfiling()).handler]])
  }
  for (const one of wanted) {
    const served = await serve(...one)
    if (!served.ok) throw new Complaint(served.error)
    servers.push(served.value)
  }
}

interface Why {
  readonly reason: string
  readonly gaveUp: boolean
}

function signalled(withStdin: boolean): Promise<Why> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM"] as const) {
      process.once(signal, () => resolve({ reason: signal, gaveUp: false }))
    }
    if (!withStdin) return
    process.stdin.resume()
    process.stdin.once("end", () => resolve({ reason: "standard input ended", gaveUp: false }))
  })
}

async function gaveUp(system: System): Promise<Why> {
  const exit = await system.exited
  return { reason: `${exit.path}: ${exit.error ?? exit.reason}`, gaveUp: true }
}
