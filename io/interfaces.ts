import type { Descriptors } from "./descriptors.ts"
import {
  errno,
  family,
  level,
  messageFlag,
  netlinkFlag,
  netlinkOption,
  netlinkRoute,
  netlinkType,
  socketType,
} from "./linux.ts"
import {
  decodeAddress,
  decodeLink,
  dumpRequest,
  errorIn,
  type Link,
  type LinkAddress,
  messagesIn,
  type NetlinkMessage,
} from "./netlink.ts"
import { failure, type Outcome } from "./outcome.ts"
import { openSocket } from "./socket.ts"
import { bind, receive, setsockopt, transmit } from "./system-calls.ts"

export interface NetworkInterface extends Link {
  readonly addresses: readonly LinkAddress[]
}

/** The kernel's advice for dumps. */
const bufferLength = 65536
/** A dump that changed under our hands is begun again, but not for ever. */
const attempts = 5

/** All links of this network namespace and their addresses, in the kernel's order. */
export function listInterfaces(descriptors: Descriptors): Outcome<readonly NetworkInterface[]> {
  const opened = openSocket(descriptors, family.netlink, socketType.raw | socketType.closeOnExec, netlinkRoute)
  if (!opened.ok) return opened
  const fd = opened.value
  try {
    const bound = bindNetlink(fd, 0)
    if (bound < 0) return failure("binding a netlink socket", bound)
    // Refused by old kernels, which filter less and answer the same.
    setsockopt(fd, level.netlink, netlinkOption.strictCheck, Uint8Array.of(1, 0, 0, 0), 4)
    const links = dump(fd, netlinkType.getLink, netlinkType.newLink, decodeLink)
    if (!links.ok) return links
    const addresses = dump(fd, netlinkType.getAddress, netlinkType.newAddress, decodeAddress)
    if (!addresses.ok) return addresses
    return { ok: true, value: joined(links.value, addresses.value) }
  } finally {
    descriptors.close(fd)
  }
}

/** sockaddr_nl. `groups` is the mask of events to hear. */
export function bindNetlink(fd: number, groups: number): number {
  const address = Buffer.alloc(12)
  address.writeUInt16LE(family.netlink, 0)
  address.writeUInt32LE(groups, 8)
  return bind(fd, address, address.length)
}

function joined(links: readonly Link[], addresses: readonly LinkAddress[]): NetworkInterface[] {
  const byIndex = Map.groupBy(addresses, ({ index }) => index)
  return links.map((link) => ({
    ...link,
    addresses: byIndex.get(link.index) ?? [],
  }))
}

type DumpType = Parameters<typeof dumpRequest>[0]

function dump<T>(
  fd: number,
  request: DumpType,
  answer: number,
  decode: (body: DataView) => T | undefined,
): Outcome<T[]> {
  for (let attempt = 1; ; attempt++) {
    const bytes = dumpRequest(request)
    const sent = transmit(fd, bytes, bytes.length, messageFlag.noSignal)
    if (sent < 0) return failure("asking for interfaces", sent)
    const found = answers(fd)
    if (!found.ok) return found
    const interrupted = found.value.some(({ flags }) => (flags & netlinkFlag.dumpInterrupted) !== 0)
    if (interrupted && attempt < attempts) continue
    const values = found.value.filter(({ type }) => type === answer).map(({ body }) => decode(body))
    return { ok: true, value: values.filter((value) => value !== undefined) }
  }
}

/** The kernel prepares each part when it is asked for: nothing here waits. */
function answers(fd: number): Outcome<NetlinkMessage[]> {
  const all: NetlinkMessage[] = []
  for (;;) {
    const buffer = new Uint8Array(bufferLength)
    const length = receive(fd, buffer, bufferLength, messageFlag.doNotWait)
    if (length === errno.intr) continue
    if (length < 0) return failure("reading interfaces", length)
    for (const message of messagesIn(buffer.subarray(0, length))) {
      if (message.type === netlinkType.done) return { ok: true, value: all }
      if (message.type === netlinkType.error) return failure("reading interfaces", errorIn(message.body))
      all.push(message)
    }
  }
}
