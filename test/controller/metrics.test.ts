import test from "ava"
import { until } from "../supervision/help.ts"
import type { Daemon } from "./daemon.ts"
import { addresses, namespace, pool, service, stage } from "./processes.ts"

/** One scrape: `name{label="value",…}` → number, labels in the order of their names. */
type Scraped = ReadonlyMap<string, number>

function parsed(text: string): Scraped {
  const samples = new Map<string, number>()
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue
    const parts = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/i.exec(line)
    if (!parts) throw new Error(`no sample: ${line}`)
    const [, name = "", labels = "", value = ""] = parts
    const sorted = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([label]) => label).sort()
    const key = sorted.length === 0 ? name : `${name}{${sorted.join(",")}}`
    if (samples.has(key)) throw new Error(`twice: ${key}`)
    samples.set(key, value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value))
  }
  return samples
}

async function scrapeOf(daemon: Daemon): Promise<Scraped> {
  const text = await daemon.ask("/metrics")
  if (text === undefined) throw new Error("no answer")
  return parsed(text)
}

/** What a histogram must be whatever was counted. */
function histogramFaults(samples: Scraped): readonly string[] {
  const faults: string[] = []
  for (const [key, count] of samples) {
    const parts = /^(\w+)_count(\{.*\})?$/.exec(key)
    if (!parts) continue
    const [, name, labels = ""] = parts
    const inner = labels.slice(1, -1)
    const buckets = [...samples].flatMap(([bucket, value]) => {
      const le = /^(\w+)_bucket\{(.*)\}$/.exec(bucket)
      if (le?.[1] !== name) return []
      const others = (le?.[2] ?? "").split(",").filter((label) => !label.startsWith("le="))
      const bound = /le="([^"]*)"/.exec(bucket)?.[1] ?? ""
      return others.join() === inner ? [{ bound: bound === "+Inf" ? Infinity : Number(bound), value }] : []
    })
    if (
      buckets.some(
        ({ bound, value }, i) =>
          i > 0 && !(bound > (buckets[i - 1]?.bound ?? 0) && value >= (buckets[i - 1]?.value ?? 0)),
      )
    )
      faults.push(`${key}: buckets do not add up`)
    if (buckets.at(-1)?.bound !== Infinity || buckets.at(-1)?.value !== count)
      faults.push(`${key}: not the last bucket`)
  }
  return faults
}

test.serial("what a dashboard of MetalLB asks for is there and true", async (t) => {
  const { api, controller, close } = await stage()
  t.teardown(close)
  api.objects.put(pool("p", "10.0.0.0/31"))
  for (const name of ["a", "b", "c"]) api.objects.put(service(name))
  const one = controller("one")
  const at = async (name: string) => (await scrapeOf(one)).get(name)
  await until(async () => (await one.ask("/readyz")) === "ok\n", 60_000)
  await until(() => [...addresses(api).values()].filter((ip) => ip !== "").length === 2, 60_000)
  // The waiting one's condition is written too, and its echo looked at.
  await until(async () => (await at('workqueue_depth{controller="service",name="service"}')) === 0)
  await until(
    async () => (await at('controller_runtime_reconcile_total{controller="service-status",result="success"}')) === 3,
  )

  const first = await scrapeOf(one)
  t.deepEqual(histogramFaults(first), [])
  for (const [key, value] of Object.entries({
    'metallb_allocator_addresses_total{pool="p"}': 2,
    'metallb_allocator_ipv4_addresses_total{pool="p"}': 2,
    'metallb_allocator_ipv6_addresses_total{pool="p"}': 0,
    'metallb_allocator_addresses_in_use_total{pool="p"}': 2,
    'metallb_allocator_ipv4_addresses_in_use_total{pool="p"}': 2,
    'metallb_allocator_ipv6_addresses_in_use_total{pool="p"}': 0,
    'metallb_allocator_services_allocated_total{pool="p"}': 2,
    metallb_k8s_client_config_loaded_bool: 1,
    metallb_k8s_client_config_stale_bool: 0,
    'leader_election_master_status{name="troupe-controller"}': 1,
    'controller_runtime_max_concurrent_reconciles{controller="service"}': 1,
    'controller_runtime_active_workers{controller="service"}': 0,
    'workqueue_unfinished_work_seconds{controller="service",name="service"}': 0,
    'workqueue_longest_running_processor_seconds{controller="service",name="service"}': 0,
    'controller_runtime_reconcile_errors_total{controller="service"}': 0,
  }))
    t.is(first.get(key), value, key)
  const decided = first.get('controller_runtime_reconcile_total{controller="service",result="success"}') ?? 0
  t.true(decided >= 3)
  t.is(first.get('workqueue_queue_duration_seconds_count{controller="service",name="service"}'), decided)
  t.is(first.get('workqueue_work_duration_seconds_count{controller="service",name="service"}'), decided)
  t.is(first.get('controller_runtime_reconcile_time_seconds_count{controller="service"}'), decided)
  t.true((first.get("metallb_k8s_client_updates_total") ?? 0) >= 4, "three Services and a configuration")
  t.true((first.get("metallb_k8s_client_update_errors_total") ?? 0) >= 1, "one has no address")
  // Two views of the same requests.
  const total = (prefix: string) =>
    [...first].filter(([key]) => key.startsWith(prefix)).reduce((sum, [, n]) => sum + n, 0)
  t.true(total("rest_client_requests_total{") > 5)
  t.is(total("rest_client_requests_total{"), total("troupe_api_requests_total{"))
  t.is(total("rest_client_request_duration_seconds_count{"), total("troupe_api_requests_total{"))
  const { host } = new URL(api.url)
  t.true((first.get(`rest_client_requests_total{code="200",host="${host}",method="PUT"}`) ?? 0) >= 2)
  for (const name of [
    "nodejs_eventloop_lag_p99_seconds",
    "nodejs_heap_size_used_bytes",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_start_time_seconds",
  ])
    t.true((first.get(name) ?? 0) > 0, name)

  // Not valid: the last one stays in force, and an invalid object is no failed update.
  const errors = first.get("metallb_k8s_client_update_errors_total")
  api.objects.put(pool("bad", "nonsense"))
  await until(async () => (await at("metallb_k8s_client_config_stale_bool")) === 1)
  t.is(await at("metallb_k8s_client_config_loaded_bool"), 1)
  t.is(await at("metallb_k8s_client_update_errors_total"), errors)
  api.objects.delete("metallb.io/v1beta1", "IPAddressPool", "bad", namespace)
  await until(async () => (await at("metallb_k8s_client_config_stale_bool")) === 0)

  // A second one stands by: nothing loaded, no pools, not the master.
  const two = controller("two")
  await until(async () => (await two.ask("/readyz")) === "standby\n", 60_000)
  const master = 'leader_election_master_status{name="troupe-controller"}'
  await until(async () => (await scrapeOf(two)).get(master) === 0)
  const standby = await scrapeOf(two)
  for (const name of ["updates_total", "update_errors_total", "config_loaded_bool", "config_stale_bool"])
    t.is(standby.get(`metallb_k8s_client_${name}`), 0, name)
  t.deepEqual(
    [...standby.keys()].filter((key) => key.startsWith("metallb_allocator_")),
    [],
  )

  // An API server in trouble: writes fail, are tried again, and are seen to.
  api.chaos.errorRate = 0.5
  for (const name of ["a", "b"]) api.objects.delete("v1", "Service", name, "default")
  for (let i = 0; i < 12; i++) api.objects.put({ ...service(`more-${i}`) })
  await until(
    async () => ((await at('workqueue_retries_total{controller="service-status",name="service-status"}')) ?? 0) > 0,
    60_000,
  )
  api.chaos.errorRate = 0
  const late = await scrapeOf(one)
  t.true((late.get('controller_runtime_reconcile_errors_total{controller="service-status"}') ?? 0) > 0)
  t.true((late.get("metallb_k8s_client_update_errors_total") ?? 0) > (errors ?? 0))
  t.deepEqual(histogramFaults(late), [])
})

test.serial("a pool that goes takes its series along", async (t) => {
  const { api, controller, close } = await stage()
  t.teardown(close)
  api.objects.put(pool("p", "10.0.0.0/31", "fc00::/64"))
  const one = controller("one", "--leader-elect=false")
  const series = async () => [...(await scrapeOf(one)).keys()].filter((key) => key.includes('pool="p"')).length
  await until(async () => (await one.ask("/readyz")) === "ok\n", 60_000)
  await until(async () => (await series()) === 7)
  t.is(
    (await scrapeOf(one)).get('metallb_allocator_addresses_total{pool="p"}'),
    2 ** 63,
    "int64's largest, as a double",
  )
  t.false(
    [...(await scrapeOf(one)).keys()].some((key) => key.startsWith("leader_election_")),
    "no Lease decides",
  )
  api.objects.delete("metallb.io/v1beta1", "IPAddressPool", "p", namespace)
  await until(async () => (await series()) === 0)
})
