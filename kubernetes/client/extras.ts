import { configMaps } from "./collections.ts"
import type { FeedOptions } from "./feed.ts"
import { startFeed } from "./feed.ts"
import { objectAt, textOf } from "./json.ts"

/**
 * MetalLB's ConfigMap `bgpextras` is text for FRR, added to what it makes of the resources. Nothing here reads such text:
 * whoever relies on it is told.
 */
export function noticeExtras({
  cluster,
  namespace,
  log,
  time,
}: Pick<FeedOptions<string>, "cluster" | "log" | "time"> & { readonly namespace: string }) {
  const feed = startFeed<string>({
    cluster,
    collection: { ...configMaps(namespace), fieldSelector: "metadata.name=bgpextras" },
    keep: (object) => textOf(objectAt(object, "data")["extras"]),
    log,
    time,
  })
  feed.listen({
    changed(key, text) {
      if (text !== undefined && text.trim() !== "")
        log.warn(`ConfigMap ${key} is configuration for FRR: it does nothing here`, { op: "setConfig" })
    },
  })
  return feed
}
