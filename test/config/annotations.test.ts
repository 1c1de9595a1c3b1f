import test from "ava"
import { compile } from "../../config/compile.ts"
import type { ConfigurationFacts } from "../../config/facts.ts"
import { bgpNamed, node, nothing, poolNamed } from "../support/configuration.ts"

const around: ConfigurationFacts = {
  ...nothing,
  pools: [poolNamed("p", { addresses: ["192.0.2.0/24"] })],
  nodes: [node("n")],
}
const advertisement = (name: string, annotations: Record<string, string>, spec = {}) => ({
  ...bgpNamed(name, spec),
  annotations,
})
const texts = (...bgpAdvertisements: ConfigurationFacts["bgpAdvertisements"]): string[] => {
  const result = compile({ ...around, bgpAdvertisements })
  return result.ok ? [] : result.error.map(({ object, field, text }) => `${object.name} ${field}: ${text}`)
}

test("MED and prepend of a BGPAdvertisement", (t) => {
  const annotations = { "troupe.dev/med": "4294967295", "troupe.dev/as-path-prepend": "32" }
  const result = compile({ ...around, bgpAdvertisements: [advertisement("a", annotations)] })
  const [read] = (result.ok && result.value.pools.get("p")?.bgpAdvertisements) || []
  t.like(read, { med: 4_294_967_295, prepend: 32 })
})

for (const [name, value, rule] of [
  ["troupe.dev/med", "-1", "0 to 4294967295"],
  ["troupe.dev/med", "4294967296", "0 to 4294967295"],
  ["troupe.dev/med", "1e3", "0 to 4294967295"],
  ["troupe.dev/med", "", "0 to 4294967295"],
  ["troupe.dev/as-path-prepend", "0", "1 to 32"],
  ["troupe.dev/as-path-prepend", "33", "1 to 32"],
  ["troupe.dev/as-path-prepend", "two", "1 to 32"],
] as const)
  test(`${name} ${JSON.stringify(value)}`, (t) =>
    t.deepEqual(texts(advertisement("a", { [name]: value })), [
      `a metadata.annotations: invalid ${name} ${JSON.stringify(value)}: must be ${rule}`,
    ]))

for (const name of ["troupe.dev/med", "troupe.dev/as-path-prepend"]) {
  test(`${name}: two values for the same routes`, (t) => {
    const [a, b] = [advertisement("a", { [name]: "1" }), advertisement("b", { [name]: "2" })]
    t.deepEqual(texts(a, b), [`b metadata.annotations: invalid ${name} 2: advertisement a says 1 of the same routes`])
    t.deepEqual(texts(a, { ...b, spec: { aggregationLength: 24 } }), [], "other prefixes")
    t.deepEqual(texts({ ...a, spec: { peers: ["x"] } }, { ...b, spec: { peers: ["y"] } }), [], "other peers")
    t.deepEqual(texts(a, advertisement("b", {})), [], "one has no opinion")
    t.deepEqual(texts(a, advertisement("b", { [name]: "1" })), [], "the same")
  })
}
