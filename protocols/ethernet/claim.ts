import type { Ip } from "../ip.ts"

/** What an ARP packet or a Neighbour Advertisement says: this address has that MAC. */
export interface Claim {
  readonly ip: Ip
  /** A view into the frame. */
  readonly mac: Uint8Array
  /** Said without having been asked. */
  readonly gratuitous: boolean
}
