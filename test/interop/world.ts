import type { BgpCommand, RouteGroup, SessionReport } from "../../actors/session/messages.ts"
import { refTo } from "../../supervision/system.ts"
import { type Speaker, startSpeaker, until } from "../session/system.ts"
import { type Watching, watch } from "./bfd.ts"
import { birdRouter } from "./bird.ts"
import { frrRouter } from "./frr.ts"
import { gobgpRouter } from "./gobgp.ts"
import { addSite } from "./network.ts"
import type { Neighbour, Router, RouterName, SeenRoute } from "./router.ts"
import { desiredPeer, keyOf, names, neighbourOf, routesOf, type VariantName, variants } from "./variants.ts"

/** One session of ours with one router, as a feature's check sees it. */
export interface Session {
  readonly router: Router
  readonly neighbour: Neighbour
  readonly internal: boolean
  report(): SessionReport | undefined
  route(prefix: string): SeenRoute | undefined
  /** Other routes than before, of this session alone. */
  readonly want: (...routes: readonly RouteGroup[]) => void
  /** Waits; what is still missing after the bound is the failure. */
  until(what: string, condition: () => boolean, boundMs?: number): Promise<void>
}

export const pathOf = ({ router, neighbour }: Session) => ({
  name: keyOf(router, neighbour),
  peer: neighbour.theirAddress,
  local: neighbour.ourAddress,
})

/**
 * Three routers and two speakers: graceful restart needs one of its own, whose thread is killed. Their threads, because
 * this one is blocked while a router is asked.
 */
export class World {
  readonly routers: readonly Router[]
  readonly speakers: Readonly<Record<"main" | "restart", Speaker>>
  watching: Watching | undefined
  readonly #sessions = new Map<string, Session>()
  readonly #done = new Map<string, Promise<void>>()
  readonly #routes = new Map<string, readonly RouteGroup[]>()

  constructor() {
    this.routers = [birdRouter(addSite()), frrRouter(addSite()), gobgpRouter(addSite())]
    this.speakers = {
      main: startSpeaker({ thread: true, config: { retry: { firstMs: 100, maxMs: 1_000 }, drainMs: 4_000 } }),
      restart: startSpeaker({ thread: true, config: { retry: { firstMs: 100, maxMs: 1_000 } } }),
    }
    for (const router of this.routers) {
      let index = 0
      for (const variant of names)
        for (const internal of [false, true]) {
          const neighbour = neighbourOf(router, variant, internal, index)
          if (neighbour === undefined) continue
          index++
          const session = this.#session(router, neighbour)
          this.#sessions.set(keyOf(router, neighbour), session)
          const { stay, go } = routesOf(neighbour)
          this.#routes.set(keyOf(router, neighbour), [stay, go])
        }
    }
  }

  #session(router: Router, neighbour: Neighbour): Session {
    const key = keyOf(router, neighbour)
    const report = (): SessionReport | undefined => this.speakerOf(neighbour).session(key)
    return {
      router,
      neighbour,
      internal: neighbour.internal,
      report,
      route: (prefix) => router.route(prefix),
      want: (...routes) => {
        this.#routes.set(key, routes)
        this.tell(neighbour.gracefulRestart ? "restart" : "main")
      },
      until: (what, condition, boundMs) =>
        until(`${key}: ${what}`, condition, boundMs, () => JSON.stringify([report(), router.describe(neighbour)])),
    }
  }

  speakerOf({ gracefulRestart }: Neighbour): Speaker {
    return this.speakers[gracefulRestart ? "restart" : "main"]
  }

  /** The whole set of peers and routes, as it is now. */
  tell(to: "main" | "restart"): void {
    const sessions = [...this.#sessions.values()]
    const mine = sessions.filter(({ neighbour }) => this.speakerOf(neighbour) === this.speakers[to])
    this.speakers[to].want(
      ...mine.map(({ router, neighbour }) =>
        desiredPeer(router, neighbour, this.#routes.get(keyOf(router, neighbour)) ?? []),
      ),
    )
  }

  async start(): Promise<void> {
    await Promise.all(
      this.routers.map((router) =>
        router.start([...this.#sessions.values()].flatMap((one) => (one.router === router ? [one.neighbour] : []))),
      ),
    )
    this.tell("main")
    this.tell("restart")
    this.watchPaths()
  }

  /** What is done once for all sessions, whichever of them comes to it first. */
  once(what: string, act: () => Promise<void>): Promise<void> {
    const done = this.#done.get(what) ?? act()
    this.#done.set(what, done)
    return done
  }

  all(variant: VariantName): readonly Session[] {
    return [...this.#sessions.values()].filter(({ neighbour }) => neighbour.variant === variant)
  }

  /** BFD on the paths of the sessions that have it; what it says goes on to BGP. */
  watchPaths(): void {
    const paths = this.all("bfd").map((session) => pathOf(session))
    const bgp = refTo<BgpCommand>("/speaker/bgp")
    this.watching = watch(paths, (told) => this.speakers.main.system.send(bgp, { kind: "paths", paths: told }))
  }

  /** Undefined: the router has no such thing, or it makes no sense that way. */
  session(router: RouterName, variant: VariantName, internal: boolean): Session | string {
    const found = this.#sessions.get(`${router}_${variant}_${internal ? "internal" : "external"}`)
    if (found !== undefined) return found
    const lack = this.routers.find(({ name }) => name === router)?.lacks(variants[variant])
    return lack === undefined ? "external peers only" : `peer has ${lack}`
  }

  async stop(): Promise<void> {
    await this.watching?.system.stop()
    await Promise.all(Object.values(this.speakers).map(({ system }) => system.stop()))
    await Promise.all(this.routers.map((router) => router.stop()))
  }
}
