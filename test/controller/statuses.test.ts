import { execFile } from "node:child_process"
import { promisify } from "node:util"
import test from "ava"
import { until } from "../supervision/help.ts"
import { addresses, namespace, pool, service, stage } from "./processes.ts"

interface Stored {
  readonly metadata: { readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[] }
  readonly status?: Readonly<Record<string, unknown>>
  readonly data?: Readonly<Record<string, string>>
}

const owners = (object: Stored | undefined) =>
  object?.metadata.ownerReferences?.map(({ kind, name }) => `${kind}/${name}`)

test.serial(
  "what an operator sees: pool statuses, the verdict on the configuration, the memberlist Secret",
  async (t) => {
    const { api, controller, kubeconfig, close } = await stage()
    t.teardown(close)
    const metadata = (name: string) => ({ name, namespace })
    const containers = [{ name: "controller", image: "troupe" }]
    api.objects.put({ apiVersion: "v1", kind: "Pod", metadata: metadata("controller-1"), spec: { containers } })
    const labels = { app: "troupe" }
    const template = { metadata: { labels }, spec: { containers } }
    const spec = { selector: { matchLabels: labels }, template }
    api.objects.put({ apiVersion: "apps/v1", kind: "Deployment", metadata: metadata("controller"), spec })
    api.objects.put(pool("p", "10.0.0.0/29", "fc00::/64"))
    api.objects.put(service("web"))
    const flags = ["--pod-name=controller-1", "--ml-secret-name=memberlist", "--deployment=controller"]
    const daemon = controller("one", ...flags)
    const stored = (apiVersion: string, kind: string, name: string) =>
      api.objects.get(apiVersion, kind, name, namespace) as unknown as Stored | undefined
    const poolStatus = () => stored("metallb.io/v1beta1", "IPAddressPool", "p")?.status
    const state = () => stored("metallb.io/v1beta1", "ConfigurationState", "controller")

    await until(() => poolStatus()?.["assignedIPv4"] === 1, 60_000)
    t.like(poolStatus(), { availableIPv4: 7, assignedIPv6: 0 })
    await until(() => state()?.status?.["result"] === "Valid")
    t.deepEqual(owners(state()), ["Pod/controller-1"])
    const secret = stored("v1", "Secret", "memberlist")
    t.deepEqual(owners(secret), ["Deployment/controller"])
    t.regex(Buffer.from(secret?.data?.["secretkey"] ?? "", "base64").toString(), /^[A-Za-z0-9+/]{22}$/)
    t.false(daemon.lines().some(({ msg }) => String(msg).includes("is not supported yet")))

    api.objects.put(pool("bad", "nonsense"))
    await until(() => state()?.status?.["result"] === "Invalid")
    const said =
      'configuration error: parsing address pool bad: invalid CIDR "nonsense" in pool "bad": invalid CIDR "nonsense"'
    t.is(state()?.status?.["errorSummary"], said)
    // The last valid one stays in force.
    api.objects.put(service("more"))
    await until(() => addresses(api).get("more") === "10.0.0.1")
    await until(() => poolStatus()?.["assignedIPv4"] === 2)
    const kubectl = async (...args: readonly string[]) => {
      const whole = ["--kubeconfig", kubeconfig(), "-n", namespace, ...args]
      // Not in the way of the API server, which lives in this process.
      return promisify(execFile)("kubectl", whole, { timeout: 60_000 }).then(
        ({ stdout }) => stdout,
        (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? undefined : String(error)),
      )
    }
    const states = await kubectl("get", "configurationstates")
    if (states === undefined) t.log("kubectl is not installed: what it prints is not looked at")
    else {
      t.regex(states, /^NAME +RESULT +ERRORSUMMARY +AGE\ncontroller +Invalid +configuration error: /)
      const counters = "jsonpath={.status.assignedIPv4} {.status.availableIPv4}"
      t.is(await kubectl("get", "ipaddresspools", "p", "-o", counters), "2 6")
    }
    api.objects.delete("metallb.io/v1beta1", "IPAddressPool", "bad", namespace)
    await until(() => state()?.status?.["result"] === "Valid")

    // A second controller finds the Secret, and leaves it as it is.
    daemon.child.kill("SIGTERM")
    await daemon.ended
    const next = controller("two", ...flags)
    await until(async () => (await next.ask("/readyz")) === "ok\n", 60_000)
    t.deepEqual(stored("v1", "Secret", "memberlist"), secret)
  },
)

test.serial("without its Deployment the memberlist Secret is not made, and the controller ends", async (t) => {
  const { controller, close } = await stage()
  t.teardown(close)
  for (const deployment of ["nowhere", ""]) {
    const daemon = controller("one", "--ml-secret-name=memberlist", `--deployment=${deployment}`)
    t.is(await daemon.ended, 1)
  }
})
