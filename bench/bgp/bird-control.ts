import net from "node:net"

/** BIRD's control socket: one question at a time, a fraction of a millisecond each. */
export class BirdControl {
  readonly #socket: net.Socket
  #text = ""
  #answered: ((text: string) => void) | undefined

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.setEncoding("utf8")
    socket.on("data", (text: string) => {
      this.#text += text
      // The last line of an answer has a blank behind its number, the others a dash.
      if (!/(^|\n)\d{4} [^\n]*\n$/.test(this.#text)) return
      const whole = this.#text
      this.#text = ""
      this.#answered?.(whole)
    })
  }

  static async open(path: string): Promise<BirdControl> {
    const control = new BirdControl(net.connect(path))
    await new Promise((resolve) => (control.#answered = resolve))
    return control
  }

  ask(command: string): Promise<string> {
    return new Promise((resolve) => {
      this.#answered = resolve
      this.#socket.write(`${command}\n`)
    })
  }

  async routes(): Promise<number> {
    return Number(/(\d+) of \d+ routes/.exec(await this.ask("show route count"))?.[1] ?? 0)
  }

  close(): void {
    this.#socket.destroy()
  }
}
