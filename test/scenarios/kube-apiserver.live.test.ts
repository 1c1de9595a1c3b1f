import ava from "ava"
import { installed } from "../../lab/run.ts"
import { runScenarios } from "./run.ts"
import { realServer } from "./servers.ts"

// The same scenarios, and those that need more, against Kubernetes' own API server.
const kubectl = await installed(process.env["KUBECTL"] || "kubectl")
const server = kubectl ? await realServer() : "needs kubectl"
const given = Boolean(process.env["TROUPE_TEST_KUBECONFIG"])
if (typeof server === "string") ava.skip(`the scenarios against a real kube-apiserver (${server})`, () => undefined)
else runScenarios(({ needs }) => !given || needs === undefined || needs === "users", server.start)
