import { until } from "../../lab/wait.ts"
import { type Daemon, startDaemon } from "../controller/daemon.ts"
import { home } from "./objects.ts"

/** Generous: the machine may be slow. What takes as long has failed. */
export const patienceMs = 60_000

export type Account = "controller" | "speaker"

/** The real program in processes of its own; one controller of them counts as the one at work. */
export class Daemons {
  readonly #directory: string
  readonly #kubeconfigOf: (account: Account) => Promise<string>
  readonly #running = new Set<Daemon>()
  #controller: Daemon | undefined
  #started = 0

  /** `kubeconfigOf`: path of a kubeconfig with the rights of that service account. */
  constructor(directory: string, kubeconfigOf: (account: Account) => Promise<string>) {
    this.#directory = directory
    this.#kubeconfigOf = kubeconfigOf
  }

  get controller(): Daemon {
    if (this.#controller === undefined) throw new Error("no controller is at work")
    return this.#controller
  }

  async start(program: Account, ...args: readonly string[]): Promise<Daemon> {
    const election = program === "controller" ? ["--leader-elect-lease-duration=3s"] : []
    return this.#launch(program, undefined, [`--kubeconfig=${await this.#kubeconfigOf(program)}`, ...election, ...args])
  }

  /** In a network namespace; how it gets to the API is in its arguments. */
  startInside(networkNamespace: string, program: Account, ...args: readonly string[]): Daemon {
    return this.#launch(program, networkNamespace, args)
  }

  #launch(program: Account, networkNamespace: string | undefined, args: readonly string[]): Daemon {
    const daemon = startDaemon({
      directory: this.#directory,
      name: `${program}-${++this.#started}`,
      program,
      ...(networkNamespace !== undefined && { networkNamespace }),
      args: [`--namespace=${home}`, ...args],
    })
    this.#running.add(daemon)
    return daemon
  }

  readonly ready = (daemon: Daemon, how: "ok" | "standby" = "ok"): Promise<true> =>
    until(`a daemon to be ${how}`, patienceMs, async () => {
      if (daemon.child.exitCode !== null) throw new Error(`it ended: ${JSON.stringify(daemon.lines().slice(-5))}`)
      return (await daemon.ask("/readyz")) === `${how}\n`
    })

  /** The one at work: without webhooks, and ready. */
  async startController(): Promise<Daemon> {
    this.#controller = await this.start("controller", "--webhook-mode=disabled")
    await this.ready(this.#controller)
    return this.#controller
  }

  /** Ends it as a kubelet does, or at once. */
  async stopController(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const daemon = this.#controller
    this.#controller = undefined
    if (daemon !== undefined) await this.end(daemon, signal)
  }

  /** This one counts as the one at work from now on. */
  adopt(daemon: Daemon): void {
    this.#controller = daemon
  }

  async end(daemon: Daemon, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    daemon.child.kill(signal)
    await daemon.ended
    this.#running.delete(daemon)
  }

  async endAll(): Promise<void> {
    for (const daemon of this.#running) await this.end(daemon, "SIGKILL")
  }

  /** Just the one at work is left. */
  async settle(): Promise<void> {
    for (const daemon of this.#running) if (daemon !== this.#controller) await this.end(daemon)
    if (this.#controller === undefined) await this.startController()
  }

  /** What those that run have said of rights that they lack. */
  forbidden(): readonly Readonly<Record<string, unknown>>[] {
    const lines = [...this.#running].flatMap((daemon) => daemon.lines())
    return lines.filter((line) => JSON.stringify(line).includes("is forbidden"))
  }
}
