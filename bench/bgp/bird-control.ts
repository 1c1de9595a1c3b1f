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
    const socket = net.connect(path)
    const control = new BirdControl(socket)
    await new Promise((resolve, reject) => {
      control.#answered = resolve
      socket.once("error", reject)
    })
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

  /** How many routes the protocol has brought: unlike `routes`, BIRD does not count them for the answer. */
  async imported(protocol: string): Promise<number> {
    return Number(/Routes: +(\d+) imported/.exec(await this.ask(`show protocols all ${protocol}`))?.[1] ?? 0)
  }

  close(): void {
    this.#socket.destroy()
  }
}
