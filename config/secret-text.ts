/**
 * A text that may reach no log, no error and no status page: whatever prints or serialises it gets `<redacted>`.
 *
 * Only `reveal` gives the text. Call it where a message to the thread that needs it is made: a structured clone of this
 * object carries no secret. Deep comparison cannot see the text either, so `revision` stands for it: another text, another
 * revision. Whoever reads the same text again keeps the object that it has.
 */
export class SecretText {
  static #made = 0
  readonly revision = ++SecretText.#made
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  holds(text: string): boolean {
    return this.#text === text
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  /** For `console.log` and `util.inspect`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return redacted
  }
}

const redacted = "<redacted>"
