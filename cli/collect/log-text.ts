/** The end of a stream as text, at most so many bytes, and how many came before them. */
export async function tailOf(
  stream: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<{ readonly text: string; readonly leftOutBytes: number }> {
  let kept: Uint8Array[] = []
  let bytes = 0
  let total = 0
  for await (const chunk of stream) {
    total += chunk.length
    kept.push(chunk)
    bytes += chunk.length
    // In bigger steps than chunk by chunk: a log of gigabytes passes here.
    if (bytes > 2 * limitBytes) {
      kept = [Buffer.concat(kept).subarray(-limitBytes)]
      bytes = limitBytes
    }
  }
  const tail = Buffer.concat(kept).subarray(-limitBytes)
  const text = tail.toString("utf8")
  if (total <= limitBytes) return { text, leftOutBytes: 0 }
  // From the first whole line on.
  const begin = text.indexOf("\n") + 1
  return { text: text.slice(begin), leftOutBytes: total - Buffer.byteLength(text.slice(begin)) }
}

export const withNote = ({ text, leftOutBytes }: Awaited<ReturnType<typeof tailOf>>): string =>
  leftOutBytes === 0 ? text : `[${leftOutBytes} bytes before this are left out]\n${text}`
