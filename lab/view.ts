import { styleText } from "node:util"
import type { Lab } from "./lab.ts"
import { debugSocket, kubeconfigPath } from "./layout.ts"
import { type Observation, onSegment } from "./observe.ts"

const dim = (text: string) => styleText("dim", text)
const bold = (text: string) => styleText("bold", text)

/** Columns padded to their widest cell; colours come after, or they would count as width. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(width[i] ?? 0))
      .join("  ")
      .trimEnd()
  return [dim(line(header)), ...rows.map(line)].join("\n")
}

/** The whole screen as text, for a terminal of any width. */
export function screen(lab: Lab, seen: Observation, said: readonly string[]): string {
  const nodes = lab.layout.nodes.map(({ name }) => {
    const running = lab.processes.isRunning(name)
    return `${running ? styleText("green", "●") : styleText("red", "○")} ${name}${running ? "" : dim(" (speaker down)")}`
  })
  const services = seen.services.map((service) => [
    service.name,
    service.ip ?? "pending",
    service.pool ?? "",
    service.arp ?? (onSegment(service.ip) ? "nobody" : ""),
    service.ok ? (service.answer ?? "") : `no answer: ${service.answer ?? "no address"}`,
  ])
  const routes = seen.routes.map(({ prefix, nextHops }) => [prefix, nextHops.map((hop) => nodeAt(lab, hop)).join(", ")])
  return [
    `${bold("troupe lab")}  ${nodes.join("   ")}`,
    "",
    table(["SERVICE", "ADDRESS", "POOL", "ANSWERS", "CURL FROM THE CLIENT"], services),
    "",
    lab.hasRouter
      ? table(["ROUTE AT THE ROUTER", "VIA"], routes.length > 0 ? routes : [["none yet", ""]])
      : dim("no BIRD here (Debian: apt-get install bird2), so nothing is shown of BGP"),
    "",
    dim("WHAT HAPPENED"),
    ...said.slice(-6),
    ...seen.events.map(({ text }) => dim(text)),
    "",
    hints(lab),
  ].join("\n")
}

const nodeAt = (lab: Lab, address: string): string =>
  lab.layout.nodes.find((node) => node.address === address || node.address6 === address)?.name ?? address

/** How to look around, for the screen and for a terminal that is none. */
export function hints(lab: Lab): string {
  const node = lab.layout.nodes[0]
  return [
    `look around:   kubectl --kubeconfig ${kubeconfigPath(lab.layout)} get services,ipaddresspools -A`,
    `               npx troupe actors --socket ${debugSocket(lab.layout, node?.name ?? "")}`,
    `be the client: ip netns exec ${lab.layout.client.namespace} curl http://192.0.2.200/`,
    "keys:          k kill the speaker that leads the first Service   r start stopped speakers   a kill an actor",
    "               s add a Service   d delete it again   q quit",
  ].join("\n")
}
