// The BGP actor's thread as the daemon has it, with a log that says nothing.
import { bgpActor } from "../../actors/session/bgp.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"

const nothing = (): void => {}
serveThread(bgpActor, {
  world: () => realWorld(),
  log: () => ({ debug: nothing, info: nothing, warn: nothing, error: nothing }),
})
