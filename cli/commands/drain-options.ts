import { type Command, Option } from "commander"

/** `troupe drain` and `troupe undrain`. */
export function addDrainCommands(program: Command, exit: (code: number) => void): void {
  const common = (command: Command): Command =>
    command
      .addOption(new Option("--socket <path>", "ask the speaker with this debug socket"))
      .option("--wait", "until nothing is announced from there any more (undrain: until it may announce again)")
      .option("--timeout <duration>", "how long --wait may take", "30s")
      .addOption(new Option("--output <format>", "how to print").choices(["text", "json"]).default("text"))
  common(
    program
      .command("drain [node]")
      .description("moves all addresses and routes of this node's speaker to other nodes; it takes none until undone"),
  )
    .option("--undo", "the same as undrain")
    .option("--force", "also where nobody else can announce an address: it falls silent")
    .option("--status", "say how it stands, and change nothing")
    .addHelpText(
      "after",
      `
Asks the speaker on this host by its debug socket (its flag --debug-socket), or in a lab the one of NODE. Layer 2: the next
leader announces each address before this node falls silent, which takes a few hundred milliseconds and at most 2 s. BGP:
routes get the community GRACEFUL_SHUTDOWN (RFC 8326) and are withdrawn 300 ms later; the sessions stay.

It lasts until it is undone or the speaker's process ends. For longer, or from afar:
  kubectl taint nodes NODE troupe.dev/drain=:NoSchedule

Exit code: 0 done, or begun without --wait; 1 refused, the speaker does not answer, or the time is over.`,
    )
    .action(async (node: string | undefined, options) =>
      exit(await (await import("./drain.ts")).drainCommand(node, options)),
    )
  common(program.command("undrain [node]").description("this node's speaker may announce again")).action(
    async (node: string | undefined, options) =>
      exit(await (await import("./drain.ts")).drainCommand(node, { ...options, undo: true })),
  )
}
