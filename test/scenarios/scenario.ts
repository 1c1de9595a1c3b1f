import type { ExecutionContext } from "ava"
import type { World } from "./world.ts"

/** Written once, run against each API server. It finds no Service and no configuration, and a controller at work. */
export interface Scenario {
  readonly name: string
  /** What not every server or machine has: it calls webhooks here, checks who may do what, is reached from a namespace. */
  readonly needs?: "webhooks" | "users" | "wire"
  readonly run: (t: ExecutionContext, world: World) => Promise<void>
}
