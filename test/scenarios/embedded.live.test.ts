import ava from "ava"
import { installed } from "../../lab/run.ts"
import { runScenarios } from "./run.ts"
import { embeddedServer } from "./servers.ts"

// The scenarios against our own API server.
if (await installed(process.env["KUBECTL"] || "kubectl"))
  runScenarios(({ needs }) => needs === undefined || needs === "wire", embeddedServer)
else ava.skip("the scenarios against the embedded API server (needs kubectl)", () => undefined)
