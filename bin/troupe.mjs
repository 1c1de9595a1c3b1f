#!/usr/bin/env node
import { fileURLToPath } from "node:url"
import { runOnNode } from "./with-node.mjs"

const main = fileURLToPath(new URL("../cli/main.ts", import.meta.url))
// In the terminal Ctrl-C reaches the child by itself; this process only waits for it.
const child = runOnNode([main, ...process.argv.slice(2)])
child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
