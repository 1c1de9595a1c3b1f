import { networkInterfaces } from "node:os"
import type { Agreed } from "../../actors/session/messages.ts"
import type { Family } from "../../protocols/ip.ts"
import type { SeenRoute } from "./router.ts"
import { prefixesOf } from "./variants.ts"
import type { Session } from "./world.ts"

/** `works`, or what the peer lacks. */
export type Outcome = { readonly works: true } | { readonly lacks: string }
export const works: Outcome = { works: true }

export const established = (session: Session): Promise<void> =>
  session.until("established", () => session.report()?.state === "established")

export const agreed = (session: Session, so: (agreed: Agreed) => boolean): Promise<void> =>
  session.until("agreed", () => {
    const { agreed } = session.report() ?? {}
    return agreed !== undefined && so(agreed)
  })

/** A route of the family is there, and looks so. */
export async function arrives(
  session: Session,
  family: Family,
  so: (route: SeenRoute) => boolean,
  which: "stay" | "go" = "stay",
): Promise<Outcome> {
  const prefix = prefixesOf(session.neighbour)[which][family === "ipv4" ? 0 : 1]
  await session.until(`route ${prefix}`, () => session.route(prefix) !== undefined)
  let seen = session.route(prefix)
  await session
    .until(
      `route ${prefix} as sent: ${so.toString()}`,
      () => {
        seen = session.route(prefix)
        return seen !== undefined && so(seen)
      },
      5_000,
    )
    .catch((error: unknown) => {
      throw new Error(`${JSON.stringify(seen)}: ${String(error)}`, { cause: error })
    })
  return works
}

/** A fact from the peer's own OPEN. */
export function lacksIn(session: Session, code: number, what: string): Outcome | undefined {
  const { received } = session.report() ?? {}
  if (received === undefined) throw new Error("no OPEN was received")
  return received.some((one) => one.code === code)
    ? undefined
    : { lacks: `peer has no ${what}: capability ${code} is not in its OPEN` }
}

/** It is an address of the link on which the session runs. */
export function addressed({ router, neighbour }: Session, address: string): boolean {
  const { devices } = router.site
  const device = neighbour.link === "ipv6" ? devices.ipv6.ours : devices.both.ours
  return networkInterfaces()[device]?.some((one) => address.includes(one.address)) ?? false
}
