/**
 * Classic BPF programs that the kernel runs on every frame of an interface: what they refuse never wakes this process.
 * One row is one instruction: code, jump if true, jump if false, operand.
 */
type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number]

const wordAt = 0x20
const halfWordAt = 0x28
const byteAt = 0x30
/** Four times the low half of the byte, into the index register: the length of the IPv4 header. */
const headerLengthAt = 0xb1
const halfWordBehindHeader = 0x48
const toIndex = 0x07
const jumpIfEqual = 0x15
const jumpIfIndex = 0x1d
const jumpIfAnyBit = 0x45
const give = 0x06

const accept: Instruction = [give, 0, 0, 0x40000]
const refuse: Instruction = [give, 0, 0, 0]

/** EtherType ARP, operation request. Replies are none of a responder's business. */
const arpRequests: readonly Instruction[] = [
  [halfWordAt, 0, 0, 12],
  [jumpIfEqual, 0, 3, 0x0806],
  [halfWordAt, 0, 0, 20],
  [jumpIfEqual, 0, 1, 1],
  accept,
  refuse,
]

/** EtherType ARP; a reply, or a request for the sender's own address (RFC 5227 §2.3). */
const arpClaims: readonly Instruction[] = [
  [halfWordAt, 0, 0, 12],
  [jumpIfEqual, 0, 7, 0x0806],
  [halfWordAt, 0, 0, 20],
  [jumpIfEqual, 4, 0, 2],
  [wordAt, 0, 0, 28],
  [toIndex, 0, 0, 0],
  [wordAt, 0, 0, 38],
  [jumpIfIndex, 0, 1, 0],
  accept,
  refuse,
]

/** EtherType IPv6, next header ICMPv6, hop limit 255 (RFC 4861 §7.1.1, §7.1.2). */
const neighbourDiscovery = (type: number): readonly Instruction[] => [
  [halfWordAt, 0, 0, 12],
  [jumpIfEqual, 0, 7, 0x86dd],
  [byteAt, 0, 0, 20],
  [jumpIfEqual, 0, 5, 58],
  [byteAt, 0, 0, 21],
  [jumpIfEqual, 0, 3, 255],
  [byteAt, 0, 0, 54],
  [jumpIfEqual, 0, 1, type],
  accept,
  refuse,
]

/** EtherType IPv4, UDP, no fragment after the first, to port 3784 or 3785 behind however many IP options (RFC 5881 §4). */
const bfd: readonly Instruction[] = [
  [halfWordAt, 0, 0, 12],
  [jumpIfEqual, 0, 8, 0x0800],
  [byteAt, 0, 0, 23],
  [jumpIfEqual, 0, 6, 17],
  [halfWordAt, 0, 0, 20],
  [jumpIfAnyBit, 4, 0, 0x1fff],
  [headerLengthAt, 0, 0, 14],
  [halfWordBehindHeader, 0, 0, 16],
  [jumpIfEqual, 2, 0, 3784],
  [jumpIfEqual, 1, 0, 3785],
  refuse,
  accept,
]

export const filters = {
  arp: assemble(arpRequests),
  "arp-claim": assemble(arpClaims),
  "neighbour-solicitation": assemble(neighbourDiscovery(135)),
  "neighbour-advertisement": assemble(neighbourDiscovery(136)),
  bfd: assemble(bfd),
}

function assemble(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8)
  for (const [i, [code, jumpTrue, jumpFalse, operand]] of program.entries()) {
    bytes.writeUInt16LE(code, i * 8)
    bytes.writeUInt8(jumpTrue, i * 8 + 2)
    bytes.writeUInt8(jumpFalse, i * 8 + 3)
    bytes.writeUInt32LE(operand, i * 8 + 4)
  }
  return bytes
}
