// The BGP actor's thread as the daemon has it, with a log that says nothing.
import { bgpActor } from "../../actors/session/bgp.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { network } from "./network.ts"

const nothing = (): void => {}
serveThread(bgpActor, {
  world: () => realWorld({ network }),
  log: () => ({ debug: nothing, info: nothing, warn: nothing, error: nothing }),
})
