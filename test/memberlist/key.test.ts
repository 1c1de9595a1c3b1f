import test from "ava"
import { metallbKey } from "../../protocols/memberlist/encryption.ts"

test("the gossip key is no digest of the Secret: its text, then the digest of nothing", (t) => {
  const secret = "AAECAwQFBgcICQoLDA0ODw"
  const key = Buffer.from(metallbKey(Buffer.from(secret)))
  t.is(key.length, 32)
  t.is(key.subarray(0, 22).toString(), secret)
  t.is(key.subarray(22).toString("hex"), "e3b0c44298fc1c149afb")
  t.is(Buffer.from(metallbKey(Buffer.from(secret), 16)).toString(), secret.slice(0, 16), "before 0.14")
})
