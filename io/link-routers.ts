import {
  errno,
  family,
  messageFlag,
  neighbourAttribute,
  neighbourFlag,
  neighbourState,
  netlinkFlag,
  netlinkRoute,
  netlinkType,
  socketType,
} from "./linux.ts"
import { withIcmpv6 } from "./link-messages.ts"
import { addressText } from "./ip-address.ts"
import { attributesIn, errorIn, messagesIn } from "./netlink.ts"
import { type Outcome, refusal } from "./outcome.ts"
import { closeDescriptor, interfaceIndex, receive, socket, transmit } from "./system-calls.ts"
import { deviceMissing } from "./tcp-options.ts"

/**
 * The router on the link of an interface, by its link-local address. The kernel notes in its neighbour table who has sent
 * a Router Advertisement (RFC 4861 §6.3.4), whether or not it takes its configuration from one. Of several, the one that
 * was heard last.
 */
export function routerOn(device: string): Outcome<string> {
  const index = interfaceIndex(device)
  if (index <= 0) return deviceMissing(device)
  const asked = solicit(device, index)
  const found = neighboursOf(index)
  if (!found.ok) return found
  const [router] = found.value.filter(({ isRouter, usable }) => isRouter && usable).sort((a, b) => a.age - b.age)
  if (router !== undefined) return { ok: true, value: router.address }
  if (!asked.ok) return asked
  const message = `no router has made itself known on interface "${device}" by a Router Advertisement`
  return { ok: false, error: { code: "EHOSTUNREACH", message } }
}

export interface Neighbour {
  readonly address: string
  readonly isRouter: boolean
  readonly usable: boolean
  /** Since it last was heard, in ticks of the kernel's clock. */
  readonly age: number
}

/** ndmsg and its attributes. Undefined for what is not link-local. */
export function decodeNeighbour(body: DataView): Neighbour | undefined {
  if (body.byteLength < neighbourLength) return undefined
  const attributes = attributesIn(body, neighbourLength)
  const destination = attributes.get(neighbourAttribute.destination)
  if (destination?.length !== 16 || destination[0] !== 0xfe || ((destination[1] ?? 0) & 0xc0) !== 0x80) return undefined
  const info = attributes.get(neighbourAttribute.cacheInfo)
  const unusable = neighbourState.incomplete | neighbourState.failed
  return {
    address: addressText(destination),
    isRouter: (body.getUint8(10) & neighbourFlag.router) !== 0,
    usable: (body.getUint16(8, true) & unusable) === 0,
    age: info === undefined || info.length < 4 ? 0 : Buffer.from(info).readUInt32LE(0),
  }
}

const headerLength = 16
const neighbourLength = 12

function neighboursOf(index: number): Outcome<readonly Neighbour[]> {
  const fd = socket(family.netlink, socketType.raw | socketType.closeOnExec, netlinkRoute)
  if (fd < 0) return refusal("opening a netlink socket", fd)
  try {
    const request = Buffer.alloc(headerLength + neighbourLength)
    request.writeUInt32LE(request.length, 0)
    request.writeUInt16LE(netlinkType.getNeighbour, 4)
    request.writeUInt16LE(netlinkFlag.request | netlinkFlag.dump, 6)
    request.writeUInt8(family.ipv6, headerLength)
    const sent = transmit(fd, request, request.length, messageFlag.noSignal)
    if (sent < 0) return refusal("asking for neighbours", sent)
    return neighboursFrom(fd, index)
  } finally {
    closeDescriptor(fd)
  }
}

/** The kernel prepares each part when it is asked for: nothing here waits. */
function neighboursFrom(fd: number, index: number): Outcome<readonly Neighbour[]> {
  const found: Neighbour[] = []
  const buffer = new Uint8Array(65_536)
  for (;;) {
    const length = receive(fd, buffer, buffer.length, messageFlag.doNotWait)
    if (length === errno.intr) continue
    if (length < 0) return refusal("reading neighbours", length)
    for (const { type, body } of messagesIn(buffer.subarray(0, length))) {
      if (type === netlinkType.done) return { ok: true, value: found }
      if (type === netlinkType.error) return refusal("reading neighbours", errorIn(body))
      if (type !== netlinkType.newNeighbour || body.byteLength < 8 || body.getInt32(4, true) !== index) continue
      const neighbour = decodeNeighbour(body)
      if (neighbour !== undefined) found.push(neighbour)
    }
  }
}

/** RFC 4861 §4.1. The kernel adds checksums. */
const routerSolicitation = Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0)
/**
 * RFC 4443 §4.1. A host that forwards takes no note of a router whose advertisement does not tell its MAC, as BIRD's do not,
 * unless it knows the MAC already: to answer this, the router has to ask for ours, and tells its own.
 */
const echoRequest = Uint8Array.of(128, 0, 0, 0, 0x42, 0x47, 0, 1)

/** Asks routers to make themselves known. The answer is there by the next try. */
function solicit(device: string, index: number): Outcome<void> {
  return withIcmpv6(device, index, (socket) => {
    socket.send(echoRequest, "ff02::2")
    return socket.send(routerSolicitation, "ff02::2")
  })
}
