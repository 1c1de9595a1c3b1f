/** First byte of a message. hashicorp/memberlist has no registry: its `net.go` is the list. */
export const messageType = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  hasCrc: 12,
  error: 13,
  label: 244,
} as const

/** State of a node in a push/pull entry. */
export const nodeState = { alive: 0, suspect: 1, dead: 2, left: 3 } as const

/**
 * Version bytes: lowest, highest and present protocol version, then the same for the application's. Every MetalLB
 * speaker sends exactly these. A list shorter than six bytes crashes memberlist 0.5.1, so nothing else is ever sent.
 */
export const versionBytes: Uint8Array = Uint8Array.of(1, 5, 2, 0, 0, 0)

export const limits = {
  /** Messages in one compound: its count is one byte. */
  compoundParts: 255,
  metaBytes: 512,
  /** Largest datagram there is. */
  packetBytes: 65_536,
  /** What all compressed parts of one packet may inflate to together. Senders plan for 1400 bytes. */
  packetInflatedBytes: 1 << 20,
  /** Messages of one packet, nested ones counted, bad ones too. A packet of 1400 bytes holds about 40. */
  packetMessages: 1024,
  /** Compound in compressed in compound …: real nodes nest two deep. */
  packetDepth: 6,
  /** An encrypted stream frame, and so any stream: what memberlist itself accepts. */
  streamBytes: 20 << 20,
  streamInflatedBytes: 40 << 20,
  /** Entries of one push/pull. Kubernetes is built for 5000 nodes. */
  pushPullNodes: 65_536,
} as const
