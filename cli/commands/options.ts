import { type Command, Option } from "commander"
import { modes } from "../../config/modes.ts"

export type Output = "text" | "json"

const namespace = () =>
  new Option("-n, --namespace <namespace>", "where the metallb.io resources live").default("metallb-system")
const output = () => new Option("--output <format>", "how to print").choices(["text", "json"]).default("text")
const files = (what: string) => new Option("-f, --filename <path...>", what)
const recursive = () => new Option("-R, --recursive", "files in directories below too")
const kubeconfig = () => new Option("--kubeconfig <path>", "ask this cluster (default: as kubectl does)")
const context = () => new Option("--context <name>", "context of the kubeconfig")
const state = () =>
  new Option("--state <path...>", "instead of a cluster: its objects in files, as of `kubectl get -o yaml`")
const lbClass = () => new Option("--lb-class <class>", "the controller's --lb-class")

const group = (program: Command, name: string, description: string): Command =>
  program.commands.find((command) => command.name() === name) ?? program.command(name).description(description)

/** Commands that compute from resources; `exit` hears the code. Each is loaded only when it runs. */
export function addPlanningCommands(program: Command, exit: (code: number) => void): void {
  group(program, "config", "the configuration as the daemons would read it")
    .command("check")
    .description("checks manifests, or the resources of a cluster, and writes nothing")
    .addOption(files("manifests: files, directories, - for standard input; none: the cluster's resources"))
    .addOption(recursive())
    .addOption(namespace())
    .addOption(new Option("--mode <mode>", "who is to speak BGP").choices(modes).default("native"))
    .addOption(kubeconfig())
    .addOption(context())
    .addOption(output())
    .addHelpText(
      "after",
      `
Looks for: files that are no YAML, fields that no schema knows, values that a schema or CEL rule refuses, and what is
wrong with the configuration as a whole. Files together with --kubeconfig: what the cluster would have after an apply.

Modes: native (Troupe's own BGP), frr and frr-k8s (MetalLB's rules for FRR), metallb-native (what MetalLB's native mode
refuses, for a cluster where both run).

Exit code: 0 valid, with or without warnings; 1 not valid, or something could not be read.`,
    )
    .action(async (options) => exit(await (await import("./config-check.ts")).configCheckCommand(options)))

  program
    .command("plan")
    .description("what applying manifests would change, Service by Service; writes nothing")
    .addOption(files("manifests to plan: files, directories, - for standard input").makeOptionMandatory())
    .addOption(recursive())
    .addOption(namespace())
    .addOption(kubeconfig())
    .addOption(context())
    .addOption(state())
    .addOption(lbClass())
    .option("--exit-code", "exit with 2 when a Service would change")
    .addOption(output())
    .addHelpText(
      "after",
      `
Objects count one after the other, in the order of the files, as kubectl applies them; the controller settles in between.
Where all at once would end differently, the plan says so. Nothing is deleted.

Exit code: 0 the plan is made and its configuration is valid; 1 it is not valid, or something could not be read; 2 with
--exit-code, when a Service would change.`,
    )
    .action(async (options) => exit(await (await import("./plan.ts")).planCommand(options)))

  group(program, "explain", "why something is as it is")
    .command("service <namespace/name>")
    .description("why a Service has its addresses or none, and who announces them")
    .addOption(namespace())
    .addOption(kubeconfig())
    .addOption(context())
    .addOption(state())
    .addOption(lbClass())
    .option("--lab [name]", "ask this lab and its daemons")
    .option("--socket <path...>", "debug sockets of speakers, to add what they say of themselves")
    .addOption(output())
    .addHelpText(
      "after",
      `
Computed from the cluster's objects by the functions that the daemons decide with; no daemon is asked unless --lab or
--socket says so. Who is alive is taken from the speaker Pods; without any, every node counts.

Exit code: 0 explained; 1 there is no such Service, or something could not be read.`,
    )
    .action(async (key: string, options) =>
      exit(await (await import("./explain.ts")).explainServiceCommand(key, options)),
    )

  group(program, "migrate", "from older configurations")
    .command("configmap")
    .description("converts MetalLB's ConfigMap of before 0.13 to resources, on standard output")
    .addOption(new Option("-f, --filename <path>", "the ConfigMap; - for standard input").makeOptionMandatory())
    .option("--only-data", "the file is the inner YAML alone")
    .option("--out <path>", "write there instead")
    .addHelpText(
      "after",
      `
What is changed on the way, such as names that Kubernetes does not take, is said on standard error.

Exit code: 0 converted, and the result is valid; 1 not, and nothing is written.`,
    )
    .action(async (options) => exit(await (await import("./migrate.ts")).migrateConfigMapCommand(options)))
}
