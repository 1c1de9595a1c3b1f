import * as actions from "../../lab/actions.ts"
import type { KubeObject } from "../../lab/kube.ts"
import { type Lab, startLab } from "../../lab/lab.ts"
import { layout } from "../../lab/layout.ts"
import { until } from "../../lab/wait.ts"
import { labTest } from "./support.ts"

const test = await labTest("bird", "birdc")

test("what operators read in the API is what the network does, also when the leader is gone", async (t) => {
  t.timeout(240_000)
  const lab = await startLab(layout(`status${process.pid}`, 3), { said: (line) => t.log(line) })
  try {
    await actions.applyConfiguration(lab)
    await actions.speakersAgree(lab)
    const web = await actions.addService(lab, "web")
    const shop = await actions.addService(lab, "shop", "routed")
    const names = lab.layout.nodes.map(({ name }) => name)
    const leader = await actions.arpAnswerer(lab, web)
    await actions.routedVia(lab, `${shop}/32`, names)
    await until("the leader in the API", 30_000, async () => (await layer2(lab)) === `web@${leader}`)
    await until("its Pod as the owner", 30_000, async () => (await owners(lab)) === `Pod speaker-${leader}`)
    const routers = names.map((name) => `shop@${name} router`).join()
    await until("the peers of all nodes in the API", 30_000, async () => (await bgp(lab)) === routers)

    await lab.processes.kill(leader)
    const next = await actions.arpAnswerer(lab, web, { not: leader })
    await until("the next leader in the API, alone", 30_000, async () => (await layer2(lab)) === `web@${next}`)
    // On BGP every node speaks for itself: what the killed one said goes with its Pod.
    await until("the peers of all nodes still", 30_000, async () => (await bgp(lab)) === routers)
    lab.startSpeaker(leader)
    t.is(await actions.answersAgain(lab, web, leader), leader)
    await until("the old leader in the API again", 30_000, async () => (await layer2(lab)) === `web@${leader}`)
  } finally {
    await lab.stop()
  }
})

const objects = (lab: Lab, plural: string): Promise<readonly KubeObject[]> =>
  lab.kube.list(`/apis/metallb.io/v1beta1/namespaces/metallb-system/${plural}`)

const owners = async (lab: Lab): Promise<string> =>
  (await objects(lab, "servicel2statuses"))
    .flatMap(({ metadata }) => (metadata as Owned).ownerReferences ?? [])
    .map(({ kind, name }) => `${kind} ${name}`)
    .join()

interface Owned {
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[]
}

interface Said {
  readonly node?: string
  readonly serviceName?: string
  readonly peers?: readonly string[]
}

const statuses = async (lab: Lab, plural: string): Promise<Said[]> =>
  (await objects(lab, plural)).map(({ status }) => (status ?? {}) as Said)

const layer2 = async (lab: Lab): Promise<string> =>
  (await statuses(lab, "servicel2statuses")).map(({ node, serviceName }) => `${serviceName}@${node}`).join()

const bgp = async (lab: Lab): Promise<string> =>
  (await statuses(lab, "servicebgpstatuses"))
    .map(({ node, serviceName, peers }) => `${serviceName}@${node} ${peers?.join(" ")}`)
    .sort()
    .join()
