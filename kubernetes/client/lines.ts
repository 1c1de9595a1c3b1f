/** A line longer than this is no watch event: etcd takes objects of some 1.5 MB. */
const lineLimit = 16 * 1024 * 1024

/** The lines of a watch stream. `heard` is called for every chunk. Throws when a line exceeds the limit. */
export async function* lines(stream: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of stream) {
    heard()
    rest += decoder.decode(chunk, { stream: true })
    let start = 0
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", start)) {
      if (end > start) yield rest.slice(start, end)
      start = end + 1
    }
    rest = rest.slice(start)
    if (rest.length > lineLimit) throw new Error("a watch event without end")
  }
}
