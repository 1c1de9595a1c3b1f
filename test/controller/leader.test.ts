import test from "ava"
import { until } from "../supervision/help.ts"
import type { Daemon } from "./daemon.ts"
import { addresses, doubles, namespace, pool, service, stage } from "./processes.ts"

// Each test starts processes of its own; two at a time would only make each other slow.
const serial = test.serial

const ready = (daemon: Daemon, how: "ok" | "standby") =>
  until(async () => (await daemon.ask("/readyz")) === `${how}\n`, 60_000)
const leads = async (daemon: Daemon) => /^troupe_leader (\d)$/m.exec((await daemon.ask("/metrics")) ?? "")?.[1]

async function two() {
  const set = await stage()
  const { api } = set
  api.objects.put(pool("p", "10.0.0.0/26"))
  const names = Array.from({ length: 20 }, (_, i) => `s${i}`)
  for (const name of names) api.objects.put(service(name))
  const a = set.controller("a", "--pod-name=a")
  await ready(a, "ok")
  await until(() => [...addresses(api).values()].every((address) => address !== ""), 60_000)
  const b = set.controller("b", "--pod-name=b")
  await ready(b, "standby")
  const given = addresses(api)
  const kept = (among = names) => among.every((name) => addresses(api).get(name) === given.get(name))
  return { ...set, a, b, kept, names }
}

const holder = (api: Awaited<ReturnType<typeof stage>>["api"]) => {
  const lease = api.objects.get("coordination.k8s.io/v1", "Lease", "troupe-controller", namespace)
  return (lease as { spec?: { holderIdentity?: string } } | undefined)?.spec?.holderIdentity ?? ""
}

serial("the leader freezes and wakes: it writes nothing any more, and stands by", async (t) => {
  const { api, a, b, kept, names, close } = await two()
  t.teardown(close)
  a.child.kill("SIGSTOP")
  // What it has not seen when it wakes: an address that came free and went to another.
  const [first = "", ...rest] = names
  const freed = addresses(api).get(first)
  api.objects.delete("v1", "Service", first, "default")
  api.objects.put(service("heir"))
  await until(() => addresses(api).get("heir") === freed, 60_000)
  t.regex(holder(api), /^b_/)
  a.child.kill("SIGCONT")
  api.objects.put(service("late"))
  await ready(a, "standby")
  await until(() => addresses(api).get("late") !== "", 60_000)
  await until(async () => (await leads(a)) === "0" && (await leads(b)) === "1")
  t.true(a.lines().some(({ msg }) => msg === "this controller leads no more"))
  t.false((await a.ask("/debug/actors"))?.includes("/controller/allocator"))
  t.is(addresses(api).get("heir"), freed)
  t.true(kept(rest))
  t.deepEqual(doubles(api), [])

  // It is as good a standby as it was a leader.
  b.child.kill("SIGTERM")
  await b.ended
  api.objects.put(service("later"))
  await until(() => addresses(api).get("later") !== "", 60_000)
  t.regex(holder(api), /^a_/)
  t.deepEqual(doubles(api), [])
})
