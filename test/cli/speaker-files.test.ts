import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import test from "ava"
import { excludedInterfaces, gossipSecret } from "../../cli/daemon/speaker-files.ts"

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-files-"))
test.after.always(() => fs.rmSync(directory, { recursive: true }))

const written = (name: string, content: string): string => {
  const file = path.join(directory, name)
  fs.writeFileSync(file, content)
  return file
}

test("excluded interfaces: MetalLB's file becomes one unanchored expression", (t) => {
  const file = written("exclude.yaml", 'announcedInterfacesToExclude: ["^docker.*", "^cbr.*"]\n')
  const pattern = excludedInterfaces(file) ?? ""
  t.true(new RegExp(pattern).test("docker0"))
  t.true(new RegExp(pattern).test("cbr1"))
  t.false(new RegExp(pattern).test("eth0"))
})

test("excluded interfaces: no file, an empty file and an empty list exclude nothing", (t) => {
  t.is(excludedInterfaces(path.join(directory, "none.yaml")), undefined)
  t.is(excludedInterfaces(written("empty.yaml", "")), undefined)
  t.is(excludedInterfaces(written("list.yaml", "announcedInterfacesToExclude: []\n")), undefined)
})

for (const [name, content] of [
  ["bad expression", 'announcedInterfacesToExclude: ["("]\n'],
  ["no list", "announcedInterfacesToExclude: eth0\n"],
  ["no YAML", "a: [\n"],
] as const) {
  test(`excluded interfaces: ${name} stops the start with a sentence that names the file`, (t) => {
    const file = written(`${name}.yaml`, content)
    const error = t.throws(() => excludedInterfaces(file))
    t.regex(error.message, /^failed to parse announcedInterfacesToExclude from configMap: /)
    t.true(error.message.includes(file))
  })
}

test("gossip key: the file's content to the byte; a directory without it is fatal and named", (t) => {
  fs.writeFileSync(path.join(directory, "secretkey"), Buffer.from([0x61, 0xff, 0x0a]))
  t.deepEqual([...(gossipSecret(directory) ?? [])], [0x61, 0xff, 0x0a])
  t.is(gossipSecret(""), undefined)
  const error = t.throws(() => gossipSecret("/nowhere"))
  t.is(error.message, "failed to read memberlist secret key file: /nowhere/secretkey")
})
