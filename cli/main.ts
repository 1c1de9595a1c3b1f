import { Command, Option } from "commander"
import pkg from "../package.json" with { type: "json" }
import { addCollectCommand } from "./commands/collect-options.ts"
import { addDrainCommands } from "./commands/drain-options.ts"
import { addPlanningCommands } from "./commands/options.ts"
import { addStatusCommands } from "./commands/status-options.ts"
import { Complaint } from "./complaint.ts"
import { fatalInLog } from "./daemon/fatal.ts"

/** Parses, wires and exits; the work is in `commands/`, `daemon/` and `lab/`, loaded only when asked for. */
async function main(args: readonly string[]): Promise<number> {
  // The daemons take MetalLB's flags, in Go's syntax, so they parse for themselves.
  if (args[0] === "controller")
    return fatalInLog((await import("./daemon/controller.ts")).controllerMain(args.slice(1)))
  if (args[0] === "speaker") return fatalInLog((await import("./daemon/speaker.ts")).speakerMain(args.slice(1)))

  let code = 0
  const program = new Command("troupe")
    .description("LoadBalancer Services for bare-metal Kubernetes, by ARP/NDP or BGP")
    .version(pkg.version)
    .showHelpAfterError("(troupe --help lists the commands)")
  program.command("controller").description("assigns addresses to Services (troupe controller --help)")
  program.command("speaker").description("announces addresses from this node (troupe speaker --help)")
  program
    .command("lab")
    .description("a whole world on this machine: an API server, nodes, a client, a router; needs Linux and root")
    .option("--name <name>", "name of the lab, for more than one at a time", "lab")
    .option("--nodes <n>", "how many nodes", "3")
    .option("--script <name>", "run a story unattended and exit 0 only if every step held; there is: demo")
    .action(async (options: { name: string; nodes: string; script?: string }) => {
      const { labCommand } = await import("../lab/command.ts")
      const { name, nodes, script } = options
      code = await labCommand({ name, nodes: Number(nodes), ...(script === undefined ? {} : { script }) })
    })
  const socket = () => new Option("--socket <path>", "ask the daemon with this debug socket")
  const actors = program
    .command("actors")
    .description("the live tree of actors; without options of the labs that run here, else of the daemon on this host")
    .addOption(socket())
    .option("--address <host:port>", "ask the daemon with this health port (default 127.0.0.1:17472)")
    .option("--output <format>", "text or json", "text")
    .action(async (options: { socket?: string; address?: string; output: string }) => {
      await (await import("./commands/actors.ts")).actorsCommand(options)
    })
  actors
    .command("kill <path>")
    .description("crash one actor, as PATH or PROCESS:PATH; only where the daemon allows it (tests, the lab)")
    .addOption(socket())
    .action(async (path: string, _: unknown, command: Command) => {
      await (await import("./commands/actors.ts")).killCommand(path, command.optsWithGlobals())
    })
  const exit = (exitCode: number) => {
    code = exitCode
  }
  addPlanningCommands(program, exit)
  addCollectCommand(program, exit)
  addStatusCommands(program, exit)
  addDrainCommands(program, exit)
  await program.parseAsync([...args], { from: "user" })
  return code
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof Complaint)) throw error
  process.stderr.write(`troupe: ${error.message}\n`)
  process.exitCode = 1
}
