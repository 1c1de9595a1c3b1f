import { setTimeout } from "node:timers/promises"
import { labTest, leftovers, troupe } from "./support.ts"

const name = `refuse${process.pid}`
const test = await labTest("setpriv")

test("a second lab of the same name is refused with a sentence; Ctrl-C ends the first and leaves nothing", async (t) => {
  t.timeout(120_000)
  const first = troupe(["lab", "--name", name])
  for (let i = 0; i < 600 && !first.output().includes("look around:"); i++) await setTimeout(100)
  t.regex(first.output(), /look around:/)
  const second = await troupe(["lab", "--name", name]).ended
  t.is(second.code, 1)
  t.regex(second.out, new RegExp(`^troupe: a lab named ${name} is running already \\(process \\d+\\)`))
  first.child.kill("SIGINT")
  const ended = await first.ended
  t.is(ended.code, 0, ended.out)
  t.deepEqual(leftovers(name), [])
})

test("what a lab that was killed has left is cleared away by the next", async (t) => {
  t.timeout(120_000)
  const first = troupe(["lab", "--name", name, "--nodes", "1"], { under: ["setsid", "--wait"] })
  for (let i = 0; i < 600 && !first.output().includes("look around:"); i++) await setTimeout(100)
  const group = first.child.pid
  t.truthy(group)
  // The launcher and the lab itself; its children notice that their standard input has ended.
  const { run } = await import("../../lab/run.ts")
  const { out } = await run("sh", ["-c", `cat /run/troupe-${name}/pid`])
  process.kill(Number(out), "SIGKILL")
  await first.ended
  t.not(leftovers(name).length, 0, "something was left")
  const next = troupe(["lab", "--name", name, "--nodes", "1"])
  for (let i = 0; i < 600 && !next.output().includes("look around:"); i++) await setTimeout(100)
  next.child.kill("SIGTERM")
  t.is((await next.ended).code, 0)
  t.deepEqual(leftovers(name), [])
})

for (const [what, options, sentence] of [
  [
    "without CAP_NET_ADMIN",
    { under: ["setpriv", "--bounding-set", "-net_admin"] },
    /^troupe: the lab needs CAP_NET_ADMIN: run it as root\n$/,
  ],
  ["without the ip command", { path: "/nowhere" }, /^troupe: the lab needs the program ip \(install iproute2\)\n$/],
] as const) {
  test(`${what}: a sentence, exit code 1, and nothing is left`, async (t) => {
    const { code, out } = await troupe(["lab", "--name", name], options).ended
    t.regex(out, sentence)
    t.is(code, 1)
    t.deepEqual(leftovers(name), [])
  })
}

test("wrong options: a sentence each", async (t) => {
  for (const [args, sentence] of [
    [["--script", "tragedy"], /there is no script named tragedy/],
    [["--nodes", "many"], /--nodes takes a number from 1 to 9/],
    [["--name", "../x"], /use small letters, digits and dashes/],
  ] as const) {
    const { code, out } = await troupe(["lab", ...args]).ended
    t.regex(out, sentence)
    t.is(code, 1)
  }
})
