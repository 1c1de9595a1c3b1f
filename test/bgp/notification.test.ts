import test from "ava"
import { cease, describeNotification, notification } from "../../protocols/bgp/notification.ts"
import { hex } from "./goldens.ts"

const rows: readonly [code: number, subcode: number, data: string, words: string][] = [
  [1, 1, "", "Message Header Error/Connection Not Synchronized"],
  [2, 2, "5ba0", "OPEN Message Error/Bad Peer AS"],
  [2, 0, "", "OPEN Message Error"],
  [3, 11, "", "UPDATE Message Error/Malformed AS_PATH"],
  [4, 0, "", "Hold Timer Expired"],
  [5, 3, "", "Finite State Machine Error/Receive Unexpected Message in Established State"],
  [6, 2, "13706c616e6e6564206d61696e74656e616e6365", 'Cease/Administrative Shutdown ("planned maintenance")'],
  [6, 2, "", "Cease/Administrative Shutdown"],
  [6, 2, "ff41", "Cease/Administrative Shutdown"],
  [6, 2, "02fffe", "Cease/Administrative Shutdown"],
  [6, 4, "0541 0a 42 1b 43", 'Cease/Administrative Reset ("A B C")'],
  [6, 1, "0341", "Cease/Maximum Number of Prefixes Reached"],
  [6, 99, "", "Cease/unknown subcode 99"],
  [42, 7, "", "unknown error code 42, subcode 7"],
]
for (const [code, subcode, data, words] of rows) {
  test(`${code}/${subcode} ${data}: ${words}`, (t) => {
    t.is(describeNotification(notification(code, subcode, hex(data))), words)
  })
}

test("RFC 9003 §2: long words are cut at 255 octets, between characters", (t) => {
  const { data } = cease(2, "ü".repeat(200))
  t.is(data[0], 254)
  t.is(data.length, 255)
  t.true(describeNotification(cease(2, "ü".repeat(200))).includes("üü"))
})

test("RFC 8203 §2: only shutdown and reset carry words", (t) => {
  t.is(cease(3, "bye").data.length, 0)
  t.deepEqual(cease(4, "bye").data, hex("03627965"))
})
