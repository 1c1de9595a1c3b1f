import test from "ava"
import { parseRoutes } from "../../lab/router.ts"

test("birdc's table: several paths of one prefix, other prefixes, and noise", (t) => {
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
`
  t.deepEqual(parseRoutes(out), [
    { prefix: "198.51.100.1/32", nextHops: ["192.0.2.11", "192.0.2.12", "192.0.2.13"] },
    { prefix: "198.51.100.2/32", nextHops: ["192.0.2.11"] },
  ])
  t.deepEqual(parseRoutes(""), [])
})
