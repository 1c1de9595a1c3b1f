import { networkInterfaces } from "node:os"
import { errno, family, ipv6Option, level, messageFlag, protocol, socketType } from "./linux.ts"
import { done, type Outcome, refusal } from "./outcome.ts"
import { bind, closeDescriptor, interfaceIndex, socket, transmitTo } from "./system-calls.ts"
import { deviceMissing, setNumber, setTcpOptions, socketAddress } from "./tcp-options.ts"

/**
 * An ICMPv6 message to all nodes on the link of `device`, from our link-local address there: RFC 4861 §6.1.2 has routers
 * drop a Router Advertisement from any other. Needs CAP_NET_RAW.
 */
export function tellLink(device: string, message: Uint8Array): Outcome<void> {
  const index = interfaceIndex(device)
  if (index <= 0) return deviceMissing(device)
  const source = networkInterfaces()[device]?.find(({ address }) => address.startsWith("fe80:"))
  if (source === undefined) {
    const text = `interface "${device}" has no link-local address, or no link`
    return { ok: false, error: { code: "EADDRNOTAVAIL", message: text } }
  }
  return withIcmpv6(device, index, ({ bindTo, send }) => {
    // Refused while the address is tentative (RFC 4862 §5.4).
    const bound = bindTo(source.address)
    return bound.ok ? send(message, "ff02::1") : bound
  })
}

interface Icmpv6Socket {
  readonly bindTo: (address: string) => Outcome<void>
  readonly send: (bytes: Uint8Array, to: string) => Outcome<void>
}

/** A raw socket on one interface, for as long as `use` takes. Its addresses are all of that link. */
export function withIcmpv6(device: string, index: number, use: (socket: Icmpv6Socket) => Outcome<void>): Outcome<void> {
  const fd = socket(family.ipv6, socketType.raw | socketType.nonBlocking | socketType.closeOnExec, protocol.icmpv6)
  if (fd < 0) return refusal("opening an ICMPv6 socket", fd)
  try {
    const bound = setTcpOptions(fd, { device }, "::")
    if (!bound.ok) return bound
    // RFC 4861 §6.1: a hop limit of 255 proves that it comes from this link.
    const hops = setNumber(fd, level.ipv6, ipv6Option.multicastHops, 255, "the hop limit of ICMPv6")
    if (!hops.ok) return hops
    // We are a node of the link as well, and no router of our own.
    const loop = setNumber(fd, level.ipv6, ipv6Option.multicastLoop, 0, "that ICMPv6 does not come back")
    if (!loop.ok) return loop
    return use({
      bindTo(address) {
        const at = onLink(address, index)
        const result = at === undefined ? errno.invalid : bind(fd, at, at.length)
        return result < 0 ? refusal(`sending from ${address} on interface "${device}"`, result) : done
      },
      send(bytes, to) {
        const at = onLink(to, index)
        const result =
          at === undefined ? errno.invalid : transmitTo(fd, bytes, bytes.length, messageFlag.noSignal, at, at.length)
        return result < 0 ? refusal(`sending ICMPv6 to ${to} on interface "${device}"`, result) : done
      },
    })
  } finally {
    closeDescriptor(fd)
  }
}

function onLink(address: string, index: number): Uint8Array | undefined {
  const bytes = socketAddress(address, 0)
  if (bytes !== undefined) new DataView(bytes.buffer, bytes.byteOffset).setUint32(24, index, true)
  return bytes
}
