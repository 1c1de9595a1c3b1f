import { type Family, familyOf, type Ip, ipFromNumber, ipToNumber, parseIp } from "../../../protocols/ip.ts"
import { bitsOf, parsePrefix, prefixContains, type Prefix } from "../../../protocols/prefix.ts"
import { at, type KubeObject, listAt, textAt } from "../object.ts"

/** What Services must not share: cluster addresses and node ports. Follows the store, so that it cannot leak. */
export class ServiceAllocator {
  readonly #networks: readonly Prefix[]
  readonly #ports: readonly [number, number]
  readonly #addresses = new Map<string, number>()
  readonly #nodePorts = new Map<string, number>()
  /** Where the search starts next; moves on, so that a freed value is not taken again at once. */
  #next = 0x2f1d

  /** The first network is the primary family. Throws on a network that is none: the caller configures them. */
  constructor(networks: readonly string[], ports: readonly [number, number]) {
    this.#networks = networks.map((text) => {
      const prefix = parsePrefix(text)
      if (prefix === undefined) throw new Error(`service network "${text}" is not a prefix`)
      return prefix
    })
    this.#ports = ports
  }

  get families(): readonly ("IPv4" | "IPv6")[] {
    return this.#networks.map((network) => (network.family === "ipv4" ? "IPv4" : "IPv6"))
  }

  /** The first host address of the primary network: by custom the API server's own. */
  firstAddress(): string {
    const [network] = this.#networks
    return network === undefined ? "" : ipFromNumber(ipToNumber(network.address) + 1n, network.family)
  }

  get portRange(): readonly [number, number] {
    return this.#ports
  }

  /** Called for every change of a Service in the store. */
  follow(old: KubeObject | undefined, now: KubeObject | undefined): void {
    if (now !== undefined) this.#count(now, 1)
    if (old !== undefined) this.#count(old, -1)
  }

  clear(): void {
    this.#addresses.clear()
    this.#nodePorts.clear()
  }

  addressTaken(address: string): boolean {
    return this.#addresses.has(parseIp(address) ?? address)
  }

  /** Whether the address is in one of the networks. */
  covers(address: string): boolean {
    const ip = parseIp(address)
    return ip !== undefined && this.#networks.some((network) => prefixContains(network, ip))
  }

  portTaken(port: number, protocol: string): boolean {
    return this.#nodePorts.has(`${protocol}/${port}`)
  }

  /** A free address of the family; undefined when there is none. */
  address(family: "IPv4" | "IPv6"): string | undefined {
    const wanted: Family = family === "IPv4" ? "ipv4" : "ipv6"
    const network = this.#networks.find((candidate) => candidate.family === wanted)
    if (network === undefined) return undefined
    const first = ipToNumber(network.address)
    const bits = bitsOf(wanted) - network.length
    const size = Number(1n << BigInt(Math.min(bits, 20)))
    // Not the network's own address, nor .1, which is the API server's by custom.
    const start = this.#advance()
    for (let i = 0; i < size; i++) {
      const offset = 2 + ((start + i) % Math.max(1, size - 3))
      const ip: Ip = ipFromNumber(first + BigInt(offset), wanted)
      if (familyOf(ip) === wanted && !this.#addresses.has(ip)) return ip
    }
    return undefined
  }

  nodePort(protocol: string, except: ReadonlySet<string>): number | undefined {
    const [low, high] = this.#ports
    const size = high - low + 1
    const start = this.#advance()
    for (let i = 0; i < size; i++) {
      const port = low + ((start + i) % size)
      if (!this.portTaken(port, protocol) && !except.has(`${protocol}/${port}`)) return port
    }
    return undefined
  }

  #advance(): number {
    this.#next = (this.#next * 1_103_515_245 + 12_345) % 0x7fffffff
    return this.#next
  }

  #count(service: KubeObject, by: 1 | -1): void {
    for (const address of listAt(service, "spec", "clusterIPs")) {
      if (typeof address === "string" && address !== "None") bump(this.#addresses, parseIp(address) ?? address, by)
    }
    for (const port of listAt(service, "spec", "ports")) {
      const number = at(port, "nodePort")
      if (typeof number === "number") bump(this.#nodePorts, `${textAt(port, "protocol")}/${number}`, by)
    }
    const health = at(service, "spec", "healthCheckNodePort")
    if (typeof health === "number") bump(this.#nodePorts, `TCP/${health}`, by)
  }
}

function bump(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
