import { endOfRib, type Update } from "../../protocols/bgp/update.ts"
import type { Message } from "../../protocols/bgp/packet.ts"
import type { Ip } from "../../protocols/ip.ts"
import { type Prefix, parsePrefix } from "../../protocols/prefix.ts"

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"))
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
export const ip = (text: string): Ip => text as Ip
export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (parsed === undefined) throw new Error(`no prefix: ${text}`)
  return parsed
}

const marker = "ff".repeat(16)

interface Golden {
  readonly name: string
  readonly fourOctet: boolean
  readonly message: Message
  readonly hex: string
}

const update = (parts: Partial<Update>): Update => ({
  kind: "update",
  withdrawn: [],
  attributes: {},
  nlri: [],
  ...parts,
})

/**
 * What MetalLB's native speaker puts on the wire; ours must be the same bytes. They hold both ways: encoded and decoded.
 */
export const metallb: readonly Golden[] = [
  {
    name: "OPEN of AS 64512",
    fourOctet: true,
    message: {
      kind: "open",
      version: 4,
      myAs: 64512,
      holdSeconds: 90,
      identifier: ip("192.0.2.1"),
      capabilities: [
        { kind: "multiprotocol", afi: 1, safi: 1 },
        { kind: "multiprotocol", afi: 2, safi: 1 },
        { kind: "four-octet-as", asn: 64512 },
      ],
    },
    hex: `${marker}00310104fc00005ac000020114021201040001000101040002000141040000fc00`,
  },
  {
    name: "OPEN of AS 4200000000: AS_TRANS in the old field",
    fourOctet: true,
    message: {
      kind: "open",
      version: 4,
      myAs: 23456,
      holdSeconds: 90,
      identifier: ip("192.0.2.1"),
      capabilities: [
        { kind: "multiprotocol", afi: 1, safi: 1 },
        { kind: "multiprotocol", afi: 2, safi: 1 },
        { kind: "four-octet-as", asn: 4200000000 },
      ],
    },
    hex: `${marker}003101045ba0005ac00002011402120104000100010104000200014104fa56ea00`,
  },
  {
    name: "eBGP route with a community",
    fourOctet: true,
    message: update({
      attributes: {
        origin: "igp",
        asPath: [{ type: "sequence", asns: [64512] }],
        nextHop: ip("192.0.2.1"),
        communities: [0xffffff01],
      },
      nlri: [prefix("198.51.100.7/32")],
    }),
    hex: `${marker}0037020000001b4001010040020602010000fc00400304c0000201c00804ffffff0120c6336407`,
  },
  {
    name: "eBGP route to a peer without 4-octet AS numbers",
    fourOctet: false,
    message: update({
      attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [64512] }], nextHop: ip("192.0.2.1") },
      nlri: [prefix("198.51.100.7/32")],
    }),
    hex: `${marker}002e0200000012400101004002040201fc00400304c000020120c6336407`,
  },
  {
    name: "iBGP route: empty AS_PATH, LOCAL_PREF",
    fourOctet: true,
    message: update({
      attributes: { origin: "igp", asPath: [], nextHop: ip("192.0.2.1"), localPref: 100 },
      nlri: [prefix("198.51.100.0/24")],
    }),
    hex: `${marker}0030020000001540010100400200400304c00002014005040000006418c63364`,
  },
  {
    name: "withdrawal of two prefixes",
    fourOctet: true,
    message: update({ withdrawn: [prefix("198.51.100.7/32"), prefix("203.0.113.0/24")] }),
    hex: `${marker}002002000920c633640718cb00710000`,
  },
  { name: "KEEPALIVE", fourOctet: true, message: { kind: "keepalive" }, hex: `${marker}001304` },
  {
    name: "ROUTE-REFRESH for IPv4 unicast",
    fourOctet: true,
    message: { kind: "route-refresh", afi: 1, subtype: 0, safi: 1 },
    hex: `${marker}00170500010001`,
  },
]

/**
 * Recorded from BIRD 2.0.12 and GoBGP 3.10.0 on Debian 12. Each was given one neighbour on 127.0.0.1, a small program
 * that listened, answered with the OPEN of AS 4200000000 above (or for "old" with one without capabilities) and a
 * KEEPALIVE, and printed whole messages. BIRD (AS 4200000001) had four static routes, one with communities 65000:1 and
 * no-export and a large community; at the end `birdc disable p "planned maintenance"`. GoBGP (AS 65010) had two routes
 * by `gobgp global rib add`, one with `origin egp med 5`, then `rib del` and `neighbor … shutdown`.
 */
export const recorded: readonly Golden[] = [
  {
    name: "BIRD: OPEN with route refresh, graceful restart and enhanced refresh",
    fourOctet: true,
    message: {
      kind: "open",
      version: 4,
      myAs: 23456,
      holdSeconds: 90,
      identifier: ip("192.0.2.2"),
      capabilities: [
        { kind: "multiprotocol", afi: 1, safi: 1 },
        { kind: "route-refresh" },
        {
          kind: "graceful-restart",
          restarting: false,
          notifications: false,
          seconds: 120,
          families: [{ afi: 1, safi: 1, forwarding: false }],
        },
        { kind: "four-octet-as", asn: 4200000001 },
        { kind: "enhanced-route-refresh" },
        { kind: "unknown", code: 71, value: hex("") },
      ],
    },
    hex: `${marker}003901045ba0005ac00002021c021a010400010001020040060078000101004104fa56ea0146004700`,
  },
  {
    name: "BIRD: three prefixes in one UPDATE, the default route among them",
    fourOctet: true,
    message: update({
      attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [4200000001] }], nextHop: ip("192.0.2.2") },
      nlri: [prefix("0.0.0.0/0"), prefix("10.128.0.0/9"), prefix("203.0.113.7/32")],
    }),
    hex: `${marker}00340200000014400101004002060201fa56ea01400304c000020200090a8020cb007107`,
  },
  {
    name: "BIRD: communities, and a large community",
    fourOctet: true,
    message: update({
      attributes: {
        origin: "igp",
        asPath: [{ type: "sequence", asns: [4200000001] }],
        nextHop: ip("192.0.2.2"),
        communities: [0xfde80001, 0xffffff01],
        largeCommunities: [[65000, 1, 2]],
      },
      nlri: [prefix("198.51.100.0/24")],
    }),
    hex: `${marker}0049020000002e400101004002060201fa56ea01400304c0000202c00808fde80001ffffff01c0200c0000fde8000000010000000218c63364`,
  },
  {
    name: "BIRD: End-of-RIB",
    fourOctet: true,
    message: update({}),
    hex: `${marker}00170200000000`,
  },
  {
    name: "BIRD: Cease with the operator's words",
    fourOctet: true,
    message: {
      kind: "notification",
      code: 6,
      subcode: 2,
      data: hex("13706c616e6e6564206d61696e74656e616e6365"),
    },
    hex: `${marker}002903060213706c616e6e6564206d61696e74656e616e6365`,
  },
  {
    name: "BIRD: Bad Peer AS with the number it was given",
    fourOctet: true,
    message: { kind: "notification", code: 2, subcode: 2, data: hex("5ba0") },
    hex: `${marker}00170302025ba0`,
  },
  {
    name: "GoBGP: OPEN with one parameter of five capabilities",
    fourOctet: true,
    message: {
      kind: "open",
      version: 4,
      myAs: 65010,
      holdSeconds: 90,
      identifier: ip("192.0.2.3"),
      capabilities: [
        { kind: "route-refresh" },
        { kind: "unknown", code: 73, value: hex("02766d00") },
        { kind: "multiprotocol", afi: 1, safi: 1 },
        { kind: "four-octet-as", asn: 65010 },
        { kind: "extended-next-hop", encodings: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
      ],
    },
    hex: `${marker}003b0104fdf2005ac00002031e021c0200490402766d0001040001000141040000fdf20506000100010002`,
  },
  {
    name: "GoBGP: EGP origin and MULTI_EXIT_DISC",
    fourOctet: true,
    message: update({
      attributes: {
        origin: "egp",
        asPath: [{ type: "sequence", asns: [65010] }],
        nextHop: ip("192.0.2.3"),
        multiExitDisc: 5,
        communities: [0xfde80001, 0xffffff01],
      },
      nlri: [prefix("198.51.100.0/24")],
    }),
    hex: `${marker}004102000000264001010140020602010000fdf2400304c000020380040400000005c00808fde80001ffffff0118c63364`,
  },
  {
    name: "GoBGP: withdrawal",
    fourOctet: true,
    message: update({ withdrawn: [prefix("203.0.113.7/32")] }),
    hex: `${marker}001c02000520cb0071070000`,
  },
]

/** The same BIRD towards a peer without 4-octet AS numbers: AS_TRANS in AS_PATH, the truth in AS4_PATH. One way only. */
export const birdOld = {
  hex: `${marker}003b020000001b4001010040020402015ba0400304c0000202c011060201fa56ea0100090a8020cb007107`,
  asPath: [{ type: "sequence", asns: [4200000001] }],
} as const

const fromBird = {
  origin: "igp",
  asPath: [{ type: "sequence", asns: [64513] }],
} as const
const ipv6Routes = [prefix("2001:db8:7::/48"), prefix("2001:db8:8::1/128")]

/**
 * BIRD 2.0.12 over IPv6, to a peer that offers all that we offer; static routes with communities. Bodies with the octets
 * of their length and type. Its MP_REACH_NLRI always has the long form of the length, so they are read, not written.
 */
export const captured: readonly { readonly name: string; readonly message: Message; readonly hex: string }[] = [
  {
    name: "OPEN with every capability",
    message: {
      kind: "open",
      version: 4,
      myAs: 64513,
      holdSeconds: 240,
      identifier: ip("192.0.2.2"),
      capabilities: [
        { kind: "multiprotocol", afi: 1, safi: 1 },
        { kind: "multiprotocol", afi: 2, safi: 1 },
        { kind: "route-refresh" },
        { kind: "extended-next-hop", encodings: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
        { kind: "extended-message" },
        {
          kind: "graceful-restart",
          restarting: false,
          notifications: false,
          seconds: 120,
          families: [
            { afi: 1, safi: 1, forwarding: false },
            { afi: 2, safi: 1, forwarding: false },
          ],
        },
        { kind: "four-octet-as", asn: 64513 },
        { kind: "enhanced-route-refresh" },
        { kind: "unknown", code: 71, value: hex("") },
      ],
    },
    hex: "004d0104fc0100f0c000020230022e010400010001010400020001020005060001000100020600400a0078000101000002010041040000fc0146004700",
  },
  {
    name: "RFC 8950: an IPv4 route by an IPv6 next hop, with an extended and a large community",
    message: update({
      attributes: {
        ...fromBird,
        mpReach: { family: "ipv4", nextHop: ip("fd64:197b:1::2"), nlri: [prefix("198.51.100.0/24")] },
        extendedCommunities: ["0002fde800000001"],
        largeCommunities: [[65000, 1, 2]],
      },
    }),
    hex: "005b0200000044900e001900010110fd64197b0001000000000000000000020018c633644001010040020602010000fc01c010080002fde800000001c0200c0000fde80000000100000002",
  },
  {
    name: "two IPv6 routes",
    message: update({
      attributes: {
        ...fromBird,
        mpReach: { family: "ipv6", nextHop: ip("fd64:197b:1::2"), nlri: ipv6Routes },
        largeCommunities: [[65000, 1, 2]],
      },
    }),
    hex: "0064020000004d900e002d00020110fd64197b000100000000000000000002003020010db800078020010db80008000000000000000000014001010040020602010000fc01c0200c0000fde80000000100000002",
  },
  {
    name: "End-of-RIB of IPv6",
    message: endOfRib("ipv6"),
    hex: "001d0200000006800f03000201",
  },
  {
    name: "both routes withdrawn",
    message: update({ attributes: { mpUnreach: { family: "ipv6", withdrawn: ipv6Routes } } }),
    hex: "0036020000001f900f001b0002013020010db800078020010db8000800000000000000000001",
  },
  { name: "BoRR of IPv6", message: { kind: "route-refresh", afi: 2, safi: 1, subtype: 1 }, hex: "00170500020101" },
  { name: "EoRR of IPv6", message: { kind: "route-refresh", afi: 2, safi: 1, subtype: 2 }, hex: "00170500020201" },
]
