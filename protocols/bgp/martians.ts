import type { Ip } from "../ip.ts"
import { parsePrefix, type Prefix, prefixContains } from "../prefix.ts"

const prefixes = (...texts: readonly string[]): readonly Prefix[] =>
  texts.map((text) => parsePrefix(text)).filter((prefix) => prefix !== undefined)

/** Nobody routes to these (RFC 6890, RFC 1122 §3.2.1.3): this host, loopback, link-local, multicast, reserved. */
const notRouted = prefixes(
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/3",
  "::/128",
  "::1/128",
  "fe80::/10",
  "ff00::/8",
)

export const martianPrefix = ({ address, length, family }: Prefix): boolean =>
  notRouted.some((one) => one.family === family && length >= one.length && prefixContains(one, address))

/** RFC 4271 §6.3, RFC 7606 §7.3: no host has such an address. A link-local one is a neighbour's. */
export const martianHop = (hop: Ip): boolean => !isLinkLocal(hop) && notRouted.some((one) => prefixContains(one, hop))

const isLinkLocal = (ip: Ip): boolean => /^fe[89ab]/.test(ip) || ip.startsWith("169.254.")
