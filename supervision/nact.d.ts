// The parts of nact 7.6.2 that this room builds on. It ships no types for these modules; the version is pinned.

declare module "nact/lib/actor.js" {
  interface Parent {
    readonly children: Map<string, Actor>
    readonly system: System
    childSpawned(child: Actor): void
    childStopped(child: Actor): void
  }
  interface System extends Parent {
    readonly name: string
    stop(): void
  }
  export class Actor implements Parent {
    constructor(parent: Parent, name: string, system: System, behaviour: unknown, properties: object)
    readonly name: string
    readonly system: System
    readonly children: Map<string, Actor>
    stopped: boolean
    childSpawned(child: Actor): void
    childStopped(child: Actor): void
    initializeState(): void
    dispatch(message: unknown): void
    processNext(): void
    handleFault(message: unknown, sender: unknown, error: unknown): void
    stop(): void
  }
}

declare module "nact/lib/system.js" {
  export function start(options: { readonly name: string }): object
}

declare module "nact/lib/system-map.js" {
  import type { System } from "nact/lib/actor.js"
  export function find(name: string): System | undefined
}
