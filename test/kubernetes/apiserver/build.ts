import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import path from "node:path"
import { pathToFileURL } from "node:url"

/**
 * The API server of Kubernetes, built from its Go module once and kept in a cache:
 * `node bin/with-node.mjs test/kubernetes/apiserver/build.ts` builds it and prints where it is.
 */

const sources = ["go.mod", "go.sum", "main.go"] as const
const read = (file: string) => readFileSync(path.join(import.meta.dirname, file), "utf8")

const version = /k8s\.io\/kubernetes (v1\.(\d+)\.\d+)/.exec(read("go.mod")) ?? []
// As Kubernetes' own build does it: clients ask.
const stamped = { gitVersion: version[1], gitMajor: "1", gitMinor: version[2] }
const stamps = Object.entries(stamped).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
// What is left out makes the build cheaper and changes no behaviour: symbols, DWARF, inlining.
const flags = ["-trimpath", `-ldflags=-s -w ${stamps.join(" ")}`, "-gcflags=all=-l -dwarf=false"]

/** Why it cannot be built here; undefined: it can. */
export function cannotBuild(): string | undefined {
  const [, major = "1", minor = "0"] = /^go (\d+)\.(\d+)/m.exec(read("go.mod")) ?? []
  const version = spawnSync(go(), ["env", "GOVERSION"], { encoding: "utf8", env: goEnvironment() })
  if (version.status !== 0) return `needs Go ${major}.${minor}`
  const [, haveMajor = "0", haveMinor = "0"] = /^go(\d+)\.(\d+)/.exec(version.stdout) ?? []
  const enough = Number(haveMajor) * 1000 + Number(haveMinor) >= Number(major) * 1000 + Number(minor)
  return enough ? undefined : `needs Go ${major}.${minor}, here is ${version.stdout.trim()}`
}

/** Path of the program, built or not: another version of what it is made of has another path. */
export function builtPath(): string {
  const hash = createHash("sha256")
  for (const file of sources) hash.update(read(file))
  hash.update(flags.join("\n"))
  const cache = process.env["XDG_CACHE_HOME"] || path.join(homedir(), ".cache")
  return path.join(cache, "troupe", `kube-apiserver-${version[1]}-${hash.digest("hex").slice(0, 12)}`)
}

/** Builds it where it is not there yet, and gives its path. Two at a time do twice the work and no harm. */
export async function build(): Promise<string> {
  const file = builtPath()
  if (existsSync(file)) return file
  const directory = path.dirname(file)
  mkdirSync(directory, { recursive: true })
  const own = mkdtempSync(path.join(directory, "build-"))
  try {
    const made = path.join(own, "kube-apiserver")
    await run(go(), ["build", ...flags, "-o", made, "."])
    renameSync(made, file)
    return file
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

const go = (): string => process.env["GO"] || "go"
const goEnvironment = () => ({ ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOTOOLCHAIN: "local" })

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: import.meta.dirname,
      env: goEnvironment(),
      stdio: ["ignore", "ignore", "pipe"],
    })
    let said = ""
    child.stderr.setEncoding("utf8")
    child.stderr.on("data", (text: string) => {
      said = (said + text).slice(-4_000)
    })
    child.on("error", reject)
    child.on("close", (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}:\n${said}`))
    })
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const why = existsSync(builtPath()) ? undefined : cannotBuild()
  if (why !== undefined) {
    console.error(`kube-apiserver cannot be built: ${why}`)
    process.exitCode = 1
  } else console.log(await build())
}
