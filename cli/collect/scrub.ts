/** Values of fields that are certainly secret may be short; what only sounds secret must also look so. */
const shortest = 6
const longest = 8 * 1024
const lineOfKey = 24

/**
 * Removes every known secret from any text: as it is, within base64 at whichever offset it begins, in hexadecimal, in a
 * URL, and escaped in JSON. The second line of defence, behind what is taken out by its place.
 */
export class Scrubber {
  readonly #needles = new Set<string>()
  #ordered: readonly string[] | undefined

  add(secret: string, certain: boolean): void {
    for (const one of [secret, secret.trim()]) this.#addOne(one, certain)
    // Of a key in several lines, each line.
    for (const line of secret.split(/\r?\n/)) if (line.length >= lineOfKey) this.#addOne(line, certain)
  }

  clean(text: string): string {
    this.#ordered ??= [...this.#needles].sort((a, b) => b.length - a.length)
    let cleaned = text
    for (const needle of this.#ordered) if (cleaned.includes(needle)) cleaned = cleaned.replaceAll(needle, "<redacted>")
    return cleaned
  }

  #addOne(secret: string, certain: boolean): void {
    if (secret.length < shortest || secret.length > longest || secret.startsWith("<redacted")) return
    // A word like "kubernetes" under a name that sounds secret would take half of the archive along.
    if (!certain && !(secret.length >= 8 && /[^a-z-]/.test(secret))) return
    if (this.#needles.has(secret)) return
    this.#ordered = undefined
    const bytes = Buffer.from(secret)
    const escaped = JSON.stringify(secret).slice(1, -1)
    const plain = [secret, escaped, JSON.stringify(escaped).slice(1, -1), encodeURIComponent(secret)]
    for (const form of [...plain, bytes.toString("hex"), ...base64Forms(bytes)]) this.#needles.add(form)
  }
}

/** Three bytes are four characters, so there are three ways in which a text can stand in base64. */
function base64Forms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replace(/=+$/, "")
    const from = Math.ceil((offset * 8) / 6)
    // The last character may hold bits of what follows.
    const to = ((offset + bytes.length) * 8) % 6 === 0 ? encoded.length : encoded.length - 1
    const inner = encoded.slice(from, to)
    return inner.length < 6 ? [] : [inner, inner.replaceAll("+", "-").replaceAll("/", "_")]
  })
}
