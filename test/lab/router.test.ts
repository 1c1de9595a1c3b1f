import test from "ava"
import { parseRoutes } from "../../lab/router.ts"
import { routerEvents } from "../../lab/router-log.ts"

test("birdc's table: several paths of one prefix, other prefixes, both families, and noise", (t) => {
  const out = `BIRD 2.0.12 ready.
Table master4:
198.51.100.1/32      unicast [node1 05:51:03.100] * (100) [AS64512i]
\tvia 192.0.2.11 on eth0
                     unicast [node3 05:51:03.101] (100) [AS64512i]
\tvia 192.0.2.13 on eth0
                     unicast [node2 05:51:03.101] (100) [AS64512i]
\tvia 192.0.2.12 on eth0
198.51.100.2/32      unicast [node1 05:51:04.100] * (100) [AS64512i]
\tvia 192.0.2.11 on eth0

Table master6:
2001:db8:2::1/128    unicast [node1 08:25:36.952 from 192.0.2.11] * (100) [AS64512i]
\tvia 2001:db8:1::11 on eth0
                     unicast [node2 08:25:36.967 from 192.0.2.12] (100) [AS64512i]
\tvia 2001:db8:1::12 on eth0
`
  t.deepEqual(parseRoutes(out), [
    { prefix: "198.51.100.1/32", nextHops: ["192.0.2.11", "192.0.2.12", "192.0.2.13"] },
    { prefix: "198.51.100.2/32", nextHops: ["192.0.2.11"] },
    { prefix: "2001:db8:2::1/128", nextHops: ["2001:db8:1::11", "2001:db8:1::12"] },
  ])
  t.deepEqual(parseRoutes(""), [])
})

const at = "2026-11-24 08:25:39.086661 <TRACE>"

test("BIRD's log: a graceful restart changes nothing", (t) => {
  const log = `${at} node1: Connection closed
${at} node1: Neighbor graceful restart detected
${at} node1: State changed to start
${at} node1: BGP session established
${at} node1.ipv4 > ignored 198.51.100.1/32 0L 5G unicast
${at} node1.ipv6 > ignored 2001:db8:2::1/128 0L 5G unicast
${at} node1.ipv4 > added [best] 198.51.100.2/32 0L 5G unicast
${at} node1: Neighbor graceful restart done
`
  t.deepEqual(routerEvents(log, ["198.51.100.1/32", "2001:db8:2::1/128"]), { changes: [], restarts: 1 })
})

test("BIRD's log: a route that goes and comes, with and without a word in brackets", (t) => {
  const log = `${at} node1.ipv4 > removed [replaced] 198.51.100.1/32 0L 6G unicast
${at} kernel4.ipv4 < replaced 198.51.100.1/32 0L 4G unicast
${at} node1.ipv6 > removed [sole] 2001:db8:2::1/128 0L 4G unicast
${at} node1.ipv6 > added [best] 2001:db8:2::1/128 0L 4G unicast
${at} node2.ipv4 > updated 198.51.100.9/32 0L 4G unicast
`
  t.deepEqual(routerEvents(log, ["198.51.100.1/32", "2001:db8:2::1/128"]), {
    changes: [
      "node1.ipv4 > removed 198.51.100.1/32",
      "kernel4.ipv4 < replaced 198.51.100.1/32",
      "node1.ipv6 > removed 2001:db8:2::1/128",
      "node1.ipv6 > added 2001:db8:2::1/128",
    ],
    restarts: 0,
  })
})
