import { execFile } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { stringify } from "yaml"
import type { Explanation } from "../../cli/planning/explain.ts"
import type { Plan } from "../../cli/planning/plan.ts"
import * as actions from "../../lab/actions.ts"
import type { KubeObject } from "../../lab/kube.ts"
import { startLab } from "../../lab/lab.ts"
import { kubeconfigPath, layout } from "../../lab/layout.ts"
import { configuration } from "../../lab/objects.ts"
import { until } from "../../lab/wait.ts"
import { labTest } from "../lab/support.ts"

const test = await labTest("bird", "birdc")

/** What the command prints as JSON. */
const troupe = <T>(...args: readonly string[]): Promise<T> =>
  new Promise((resolve, reject) =>
    execFile(process.execPath, ["bin/troupe.mjs", ...args, "--output", "json"], (error, out, err) =>
      error === null ? resolve(JSON.parse(out) as T) : reject(new Error(err || out)),
    ),
  )

test("real speakers and a real router do what was explained and planned", async (t) => {
  t.timeout(300_000)
  const lab = await startLab(layout(`plan${process.pid}`, 3), { said: (line) => t.log(line) })
  try {
    await actions.applyConfiguration(lab)
    await actions.speakersAgree(lab)
    const web = await actions.addService(lab, "web")
    const shop = await actions.addService(lab, "shop", "routed")
    const names = lab.layout.nodes.map(({ name }) => name)
    const leader = await actions.arpAnswerer(lab, web)
    await actions.routedVia(lab, `${shop}/32`, names)

    const explain = (name: string) =>
      troupe<Explanation & { readonly live: readonly { node: string; layer2: boolean; bgp: boolean }[] }>(
        "explain",
        "service",
        `default/${name}`,
        "--lab",
        lab.layout.name,
      )
    const explained = await explain("web")
    t.is(explained.announcements.layer2, leader)
    t.deepEqual(
      explained.live.map(({ node, layer2 }) => [node, layer2]),
      names.map((name) => [name, name === leader]),
    )
    const routed = await explain("shop")
    t.deepEqual(
      routed.announcements.nodes.map(({ bgp }) => bgp.announces),
      routed.live.map(({ bgp }) => bgp),
    )

    // Half of the segment's addresses go, and two nodes announce no more.
    const [gone = "", ...rest] = names
    const changed = configuration(lab.layout).flatMap((object): KubeObject[] => {
      const { kind, metadata } = object
      if (kind === "IPAddressPool" && metadata.name === "segment")
        return [{ ...object, spec: { addresses: ["192.0.2.207-192.0.2.219"] } }]
      const nodeSelectors = [
        { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "NotIn", values: [gone] }] },
      ]
      return kind === "BGPAdvertisement" ? [{ ...object, spec: { ipAddressPools: ["routed"], nodeSelectors } }] : []
    })
    const file = path.join(lab.layout.directory, "change.yaml")
    fs.writeFileSync(file, changed.map((object) => stringify(object)).join("---\n"))
    const planned = await troupe<Plan>("plan", "-f", file, "--kubeconfig", kubeconfigPath(lab.layout))
    t.true(planned.valid)
    const [forShop, forWeb] = planned.services
    t.deepEqual([forShop?.service, forWeb?.service], ["default/shop", "default/web"])
    t.deepEqual(forShop?.announcements.bgp.stops, [{ prefix: `${shop}/32`, peers: ["router"], nodes: [gone] }])

    for (const object of changed) await lab.kube.apply(object)
    const next = forWeb?.addresses.after[0] ?? ""
    await until("the planned address", 30_000, async () =>
      (await actions.addressOf(lab, "web")) === next ? next : undefined,
    )
    await actions.answered(lab, next)
    t.is(await actions.arpAnswerer(lab, next), forWeb?.announcements.layer2.after ?? "nobody")
    await actions.routedVia(lab, `${shop}/32`, rest)
    const after = await troupe<Plan>("plan", "-f", file, "--kubeconfig", kubeconfigPath(lab.layout))
    t.deepEqual([after.services, after.objects.map(({ change }) => change)], [[], ["none", "none"]])
  } finally {
    await lab.stop()
  }
})
