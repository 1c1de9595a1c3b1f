import { labTest, leftovers, troupe } from "./support.ts"

const name = `demo${process.pid}`
const test = await labTest("bird", "birdc")

test("npm start -- --script demo: every step holds, and nothing is left behind", async (t) => {
  t.timeout(240_000)
  const { code, out } = await troupe(["lab", "--script", "demo", "--name", name]).ended
  t.log(out)
  t.is(code, 0)
  t.regex(out, /ok {2}curl 192\.0\.2\.200 from the client: node-\d answers at 192\.0\.2\.200/)
  t.regex(out, /address 192\.0\.2\.200 moved from node-\d to node-\d in \d+\.\d\d s/)
  t.regex(out, /ok {2}curl 2001:db8:1::200 from the client: node-\d answers at 2001:db8:1::200/)
  t.regex(out, /ok {2}the router has 198\.51\.100\.1\/32: node-1, node-2, node-3/)
  t.regex(out, /ok {2}its kernel spreads 2001:db8:2::1\/128 over: node-1, node-2, node-3/)
  t.regex(out, /ok {2}what BIRD's log says of all three: 3 graceful restarts, 0 route changes/)
  t.regex(out, /ok {2}Service shop is deleted; BIRD's log: 6 routes removed/)
  t.regex(out, /every step held/)
  t.deepEqual(leftovers(name), [])
})
