import { arpRequestFrame, decodeArpClaim } from "../../../protocols/arp/claim.ts"
import { isGroupMac, parseMac } from "../../../protocols/ethernet/mac.ts"
import { familyOf, type Ip, parseIp } from "../../../protocols/ip.ts"
import { decodeAdvertisementClaim, solicitationFrame } from "../../../protocols/ndp/claim.ts"
import { allNodes, groupMac } from "../../../protocols/ndp/groups.ts"
import { parsePrefix, prefixContains } from "../../../protocols/prefix.ts"
import type { Log } from "../../../supervision/actor.ts"
import type { NetworkInterface, PacketPort, PacketSocket } from "../../../supervision/world.ts"

export interface ClaimHandlers {
  heard(ip: Ip, mac: Uint8Array, gratuitous: boolean): void
  /** A frame that no honest host would have sent. */
  dropped(reason: "malformed-claim" | "group-claim"): void
}

/** What an honest host may send, and says nothing about who has an address. */
const innocent: ReadonlySet<string> = new Set(["ether-type", "operation", "not-gratuitous", "probe"])

/** Asks on one interface who has an address, and hears who says so, asked or not. */
export class ClaimSockets {
  link: NetworkInterface
  readonly #log: Log
  readonly #on: ClaimHandlers
  #arp: PacketSocket | undefined
  #ndp: PacketSocket | undefined
  /** No socket that was wanted is missing. */
  readonly open: boolean

  constructor(
    link: NetworkInterface,
    wanted: { readonly arp: boolean; readonly ndp: boolean },
    packets: PacketPort,
    log: Log,
    on: ClaimHandlers,
  ) {
    this.link = link
    this.#log = log
    this.#on = on
    if (wanted.arp) this.#arp = this.#openOne(packets, "arp-claim", decodeArpClaim)
    if (wanted.ndp) {
      this.#ndp = this.#openOne(packets, "neighbour-advertisement", decodeAdvertisementClaim)
      this.#ndp?.joinGroup(groupMac(allNodes))
    }
    this.open = (!wanted.arp || this.#arp !== undefined) && (!wanted.ndp || this.#ndp !== undefined)
  }

  /** What cannot be sent is a question without an answer. */
  ask(target: Ip, mac: string | undefined): void {
    const to = mac === undefined ? undefined : parseMac(mac)
    const own = this.#own(target)
    if (familyOf(target) === "ipv4") {
      this.#arp?.send(arpRequestFrame({ mac: this.link.mac, senderIp: own, target, to }))
    } else if (own !== undefined) {
      this.#ndp?.send(solicitationFrame({ mac: this.link.mac, senderIp: own, target, to }))
    }
  }

  close(): void {
    this.#arp?.close()
    this.#ndp?.close()
    this.#arp = undefined
    this.#ndp = undefined
  }

  #openOne(
    packets: PacketPort,
    frames: "arp-claim" | "neighbour-advertisement",
    decode: typeof decodeArpClaim | typeof decodeAdvertisementClaim,
  ): PacketSocket | undefined {
    const opened = packets.open(
      { interfaceIndex: this.link.index, frames },
      {
        frame: (bytes) => {
          const claim = decode(bytes)
          if (!claim.ok) {
            if (!innocent.has(claim.error.kind)) this.#on.dropped("malformed-claim")
          } else if (isGroupMac(claim.value.mac)) this.#on.dropped("group-claim")
          else this.#on.heard(claim.value.ip, claim.value.mac, claim.value.gratuitous)
        },
        // While the link is down nobody watches; when it is gone the interface list tells.
        error: () => undefined,
      },
    )
    if (opened.ok) return opened.value
    const error = opened.error.message
    this.#log.error("failed to watch claims", { op: "openClaimSocket", error, frames, interface: this.link.name })
    return undefined
  }

  /** The sender of a question: for IPv4 an address of the same subnet, or any; for IPv6 the link-local one. */
  #own(target: Ip): Ip | undefined {
    const candidates = this.link.addresses.flatMap(({ address, prefixLength, tentative }) => {
      const ip = parseIp(address)
      return ip === undefined || tentative || familyOf(ip) !== familyOf(target) ? [] : [{ ip, prefixLength }]
    })
    if (familyOf(target) === "ipv6") return candidates.find(({ ip }) => /^fe[89ab]/.test(ip))?.ip
    const near = candidates.find(({ ip, prefixLength }) => {
      const subnet = parsePrefix(`${ip}/${prefixLength}`)
      return subnet !== undefined && prefixContains(subnet, target)
    })
    return (near ?? candidates[0])?.ip
  }
}
