import { type Command, Option } from "commander"

const socket = () => new Option("--socket <path>", "ask the daemon with this debug socket")
const address = () =>
  new Option("--address <host:port>", "ask the daemon with this health port (default 127.0.0.1:17472)")
const output = () => new Option("--output <format>", "how to print").choices(["text", "json"]).default("text")

/** `troupe status …`: what speakers say of themselves. */
export function addStatusCommands(program: Command, exit: (code: number) => void): void {
  const status = program
    .command("status")
    .description("what speakers do; without options of the labs that run here, else of the speaker on this host")
    .addOption(socket())
    .addOption(address())
    .addOption(output())
    .action(async (options) => exit(await (await import("./status.ts")).statusCommand(options)))
  status
    .command("layer2")
    .description("which addresses are answered for by ARP and NDP, who leads, and who comes after it")
    .addOption(socket())
    .addOption(address())
    .addOption(output())
    .action(async (_: unknown, command: Command) =>
      exit(await (await import("./status.ts")).statusLayer2Command(command.optsWithGlobals())),
    )
  status
    .command("bgp [peer]")
    .description("the BGP sessions, or all about those with one peer (the name of its BGPPeer)")
    .addOption(socket())
    .addOption(address())
    .option("--routes", "with a peer: route by route what it has and should have")
    .option("--cluster", "of all nodes, from the BGPSessionState objects that the speakers write")
    .option("-n, --namespace <namespace>", "with --cluster: where they live", "metallb-system")
    .option("--kubeconfig <path>", "with --cluster: ask this one (default: as kubectl does)")
    .option("--context <name>", "with --cluster: context of the kubeconfig")
    .addOption(output())
    .addHelpText(
      "after",
      `
Exit code: 0 every speaker answered; 1 one did not, or there is no such peer.`,
    )
    .action(async (peer: string | undefined, _: unknown, command: Command) =>
      exit(await (await import("./status.ts")).statusBgpCommand(peer, command.optsWithGlobals())),
    )
}
