import { type Command, Option } from "commander"

/** `exit` hears the code. */
export function addCollectCommand(program: Command, exit: (code: number) => void): void {
  program
    .command("collect")
    .description("everything that helps to find out what is wrong, in one archive, without secrets")
    .addOption(new Option("-n, --namespace <namespace>", "where Troupe runs").default("metallb-system"))
    .option("--kubeconfig <path>", "ask this cluster (default: as kubectl does)")
    .option("--context <name>", "context of the kubeconfig")
    .option("-o, --output <file>", "the archive, - for standard output (default: troupe-collect-<time>.tar.gz)")
    .option("--since <duration>", "logs of this long only, such as 90m or 24h (default: all there are)")
    .option("--max-log-size <MiB>", "the newest part of each log, up to this", "10")
    .option("--max-size <MiB>", "of all files together, before compression", "500")
    .option("--lab [name]", "from this lab and its daemons")
    .option("--socket <path...>", "debug sockets of daemons, to ask them as well")
    .option(
      "--local",
      "also of this host: addresses, routes, rules, neighbours, sockets, and the daemon on its loopback",
    )
    .addHelpText(
      "after",
      `
Objects (metallb.io, Services, EndpointSlices, Nodes, Namespaces; Pods, workloads, ConfigMaps, Leases and Events of the
namespace), logs of controller and speakers with those of crashed containers, metrics, actor trees and states of the
daemons, and an explanation for each Service. The daemons are asked by port forwarding (create on pods/portforward), the
controller else by the API server's proxy (get on pods/proxy). What could not be had is said in errors.txt.

Taken out: data of Secrets, passwords, tokens, private keys, environment variables and annotations that sound secret, also
in what kubectl last applied; and what was found there, wherever else it stands, in base64 too. Look through the archive
before you give it away all the same: it names your nodes, Services and addresses.

Exit code: 0 there is an archive; 1 there is none.`,
    )
    .action(async (options) => exit(await (await import("./collect.ts")).collectCommand(options)))
}
