import test from "ava"
import { capabilityFrom } from "../../protocols/bgp/capability.ts"
import { capabilityCodeOf, describeCapability } from "../../protocols/bgp/capability-text.ts"
import { hex } from "./goldens.ts"

for (const [code, value, text] of [
  [1, "00020001", "multiprotocol: IPv6 unicast"],
  [1, "00190046", "multiprotocol: AFI 25 SAFI 70"],
  [2, "", "route refresh"],
  [5, "000100010002 000200010003", "extended next hop: IPv4 unicast by IPv6, IPv6 unicast by AFI 3"],
  [6, "", "extended message"],
  [
    64,
    "c078 0001 01 80 0002 01 00",
    "graceful restart: 120 s, restarting, also over NOTIFICATIONs, IPv4 unicast kept, IPv6 unicast",
  ],
  [64, "0000", "graceful restart: 0 s"],
  [65, "fa56ea00", "4-octet AS numbers: AS 4200000000"],
  [70, "", "enhanced route refresh"],
  [73, "02 7231 00", "host name: r1"],
  [73, "02 0a1b 00", "host name: ??"],
  [73, "09 7231", "host name"],
  [69, "0001 01 03", "ADD-PATH"],
  [200, "ff", "capability 200"],
] as const)
  test(`${code} ${value}: ${text}`, (t) => {
    const capability = capabilityFrom(code, hex(value))
    if (typeof capability === "string") return t.fail(capability)
    t.is(describeCapability(capability), text)
    t.is(capabilityCodeOf(capability), code)
  })
