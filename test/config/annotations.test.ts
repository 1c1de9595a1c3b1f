import test from "ava"
import { compile } from "../../config/compile.ts"
import type { BGPPeerSpec, ConfigurationFacts, SecretFacts } from "../../config/facts.ts"
import { SecretText } from "../../config/secret-text.ts"
import { bgpNamed, node, nothing, peerNamed, poolNamed } from "../support/configuration.ts"

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

const peerSpec = { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.1" }
const secret = (name: string, password: string | undefined, type = "kubernetes.io/basic-auth"): SecretFacts => ({
  name,
  type,
  ...(password !== undefined && { password: new SecretText(password) }),
})
const readPeer = (
  annotations: Record<string, string>,
  spec: Partial<BGPPeerSpec> = {},
  passwordSecrets: readonly SecretFacts[] | undefined = [secret("k", "geheim")],
) => {
  const peers = [{ ...peerNamed("p", { ...peerSpec, ...spec }), annotations }]
  return compile({ ...nothing, peers, ...(passwordSecrets !== undefined && { passwordSecrets }) })
}

for (const [annotations, want] of [
  [{ "troupe.dev/passive": "true" }, { passive: true, listenPort: 179 }],
  [
    { "troupe.dev/passive": "true", "troupe.dev/listen-port": "1790" },
    { passive: true, listenPort: 1790 },
  ],
  [{ "troupe.dev/listen-port": "65535" }, { listenPort: 65_535, passive: undefined }],
  [{ "troupe.dev/passive": "false" }, { passive: undefined, listenPort: undefined }],
  [
    { "troupe.dev/tcp-ao-secret": "k", "troupe.dev/tcp-ao-key-id": "0" },
    { authentication: { algorithm: "hmac-sha-1-96", sendId: 0, receiveId: 0 } },
  ],
  [
    {
      "troupe.dev/tcp-ao-secret": "k",
      "troupe.dev/tcp-ao-key-id": "7",
      "troupe.dev/tcp-ao-receive-key-id": "255",
      "troupe.dev/tcp-ao-algorithm": "aes-128-cmac-96",
    },
    { authentication: { algorithm: "aes-128-cmac-96", sendId: 7, receiveId: 255 } },
  ],
  [
    { "troupe.dev/import-prefixes": "0.0.0.0/0" },
    { import: { prefixes: ["0.0.0.0/0"], maximum: 1000, beyondMaximum: "warn", table: 1790 } },
  ],
  [
    {
      "troupe.dev/import-prefixes": " 0.0.0.0/0, 10.0.0.0/8{16,24}\n::/0+",
      "troupe.dev/import-maximum": "5",
      "troupe.dev/import-maximum-action": "shutdown",
      "troupe.dev/import-table": "4294967295",
      "troupe.dev/import-sources": "10.244.1.0/24,fd00:10::/64",
    },
    {
      import: {
        prefixes: ["0.0.0.0/0", "10.0.0.0/8{16,24}", "::/0+"],
        maximum: 5,
        beyondMaximum: "shutdown",
        table: 4_294_967_295,
        sources: ["10.244.1.0/24", "fd00:10::/64"],
      },
    },
  ],
] as const)
  test(`peer with ${JSON.stringify(annotations)}`, (t) => {
    const result = readPeer(annotations)
    t.like(result.ok ? result.value.peers[0] : result.error, want)
    t.notRegex(JSON.stringify(result), /geheim/)
  })

for (const [annotations, spec, text] of [
  [{ "troupe.dev/passive": "yes" }, {}, 'invalid troupe.dev/passive "yes": must be "true" or "false"'],
  [{ "troupe.dev/listen-port": "0" }, {}, 'invalid troupe.dev/listen-port "0": must be 1 to 65535'],
  [
    { "troupe.dev/passive": "true" },
    { peerAddress: "", interface: "eth0" },
    "troupe.dev/passive and troupe.dev/listen-port need a peerAddress: nobody could tell who connects",
  ],
  [{ "troupe.dev/tcp-ao-key-id": "1" }, {}, "troupe.dev/tcp-ao-key-id means nothing without troupe.dev/tcp-ao-secret"],
  [{ "troupe.dev/tcp-ao-secret": "k" }, {}, "troupe.dev/tcp-ao-secret needs troupe.dev/tcp-ao-key-id"],
  [
    { "troupe.dev/tcp-ao-secret": "k", "troupe.dev/tcp-ao-key-id": "256" },
    {},
    'invalid troupe.dev/tcp-ao-key-id "256": must be 0 to 255',
  ],
  [
    { "troupe.dev/tcp-ao-secret": "k", "troupe.dev/tcp-ao-key-id": "1", "troupe.dev/tcp-ao-algorithm": "md5" },
    {},
    'invalid troupe.dev/tcp-ao-algorithm "md5": must be hmac-sha-1-96 or aes-128-cmac-96',
  ],
  [
    { "troupe.dev/tcp-ao-secret": "k", "troupe.dev/tcp-ao-key-id": "1" },
    { password: "x" },
    "troupe.dev/tcp-ao-secret and a password are both set: a connection is signed in one way",
  ],
  [
    { "troupe.dev/tcp-ao-secret": "other", "troupe.dev/tcp-ao-key-id": "1" },
    {},
    'troupe.dev/tcp-ao-secret "metallb-system"/"other": there is no such Secret',
  ],
  [
    { "troupe.dev/tcp-ao-secret": "opaque", "troupe.dev/tcp-ao-key-id": "1" },
    {},
    'troupe.dev/tcp-ao-secret "metallb-system"/"opaque": its type must be "kubernetes.io/basic-auth"',
  ],
  [
    { "troupe.dev/tcp-ao-secret": "empty", "troupe.dev/tcp-ao-key-id": "1" },
    {},
    'troupe.dev/tcp-ao-secret "metallb-system"/"empty": it has no key "password"',
  ],
  [
    { "troupe.dev/import-table": "100" },
    {},
    "troupe.dev/import-table means nothing without troupe.dev/import-prefixes",
  ],
  [{ "troupe.dev/import-prefixes": " , " }, {}, 'invalid troupe.dev/import-prefixes " , ": must be 1 to 64 prefixes'],
  [
    { "troupe.dev/import-prefixes": "10.0.0.1/8" },
    {},
    'invalid troupe.dev/import-prefixes: "10.0.0.1/8" has host bits set: 10.0.0.0/8 is meant',
  ],
  [
    { "troupe.dev/import-prefixes": "::/0", "troupe.dev/import-table": "254" },
    {},
    'invalid troupe.dev/import-table "254": that table is the host\'s',
  ],
  [
    { "troupe.dev/import-prefixes": "::/0", "troupe.dev/import-maximum": "100001" },
    {},
    'invalid troupe.dev/import-maximum "100001": must be 1 to 100000',
  ],
  [
    { "troupe.dev/import-prefixes": "::/0", "troupe.dev/import-maximum-action": "drop" },
    {},
    'invalid troupe.dev/import-maximum-action "drop": must be warn or shutdown',
  ],
  [
    { "troupe.dev/import-prefixes": "::/0", "troupe.dev/import-sources": "10.244.1.1/24" },
    {},
    'invalid troupe.dev/import-sources: "10.244.1.1/24" has host bits set: 10.244.1.0/24 is meant',
  ],
  [
    { "troupe.dev/import-prefixes": "::/0" },
    { vrf: "red" },
    "troupe.dev/import-prefixes and vrf are both set, which is not supported",
  ],
] as const)
  test(`peer refused: ${text}`, (t) => {
    const secrets = [secret("k", "geheim"), secret("opaque", "geheim", "Opaque"), secret("empty", undefined)]
    const result = readPeer(annotations, spec, secrets)
    t.deepEqual(result.ok ? [] : result.error.map(({ text }) => text), [`parsing peer p ${text}`])
    t.is(result.ok ? "" : result.error[0]?.field, "metadata.annotations")
    t.notRegex(JSON.stringify(result), /geheim/)
  })

test("a key in a Secret that was not asked for: nobody connects for that peer", (t) => {
  const peers = [
    {
      ...peerNamed("p", peerSpec),
      annotations: { "troupe.dev/tcp-ao-secret": "k", "troupe.dev/tcp-ao-key-id": "1" },
    },
  ]
  const result = compile({ ...nothing, peers })
  t.true(result.ok && result.value.peers[0]?.passwordUnread)
})
