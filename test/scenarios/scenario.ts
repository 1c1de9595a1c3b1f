import type { ExecutionContext } from "ava"
import type { World } from "./world.ts"

/** Written once, run against each API server. It finds no Service and no configuration, and a controller at work. */
export interface Scenario {
  readonly name: string
  /** What not every server or machine has: one that calls webhooks here, one that checks who may do what. */
  readonly needs?: "webhooks" | "users"
  readonly run: (t: ExecutionContext, world: World) => Promise<void>
}
