const MAX_ENTRIES = 5000

/** Keeps a computed value, starting over when too many have gathered: what is computed from is sent by clients. */
export function remember<K, V>(cache: Map<K, V>, key: K, value: V): void {
  if (cache.size >= MAX_ENTRIES) cache.clear()
  cache.set(key, value)
}
