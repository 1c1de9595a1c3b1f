import test from "ava"
import { createSecureContext } from "node:tls"
import { tlsSettings } from "../../cli/flags/tls.ts"

test("nothing given: TLS 1.3 and what OpenSSL prefers", (t) => {
  t.deepEqual(tlsSettings("", "", ""), { ok: true, value: { minVersion: "TLSv1.3" } })
})

test("everything given, with blanks: what Node takes", (t) => {
  const settings = tlsSettings(
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_256_CBC_SHA",
    "29, 4588,23",
    "VersionTLS12",
  )
  if (!settings.ok) return t.fail(settings.error)
  t.is(settings.value.minVersion, "TLSv1.2")
  t.is(settings.value.ecdhCurve, "X25519:X25519MLKEM768:P-256")
  t.true(settings.value.ciphers?.endsWith(":ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA"))
  t.notThrows(() => createSecureContext(settings.value))
})

for (const id of [23, 24, 25, 29, 4587, 4588, 4589]) {
  test(`curve ${id} is one that this Node has`, (t) => {
    const settings = tlsSettings("", String(id), "VersionTLS13")
    if (!settings.ok) return t.fail(settings.error)
    t.notThrows(() => createSecureContext(settings.value))
  })
}

for (const [suites, curves, version, error] of [
  ["x", "", "VersionTLS12", "parsing tls-cipher-suites: Cipher suite x not supported or doesn't exist"],
  [
    "TLS_AES_128_GCM_SHA256,",
    "",
    "VersionTLS12",
    "parsing tls-cipher-suites: Cipher suite  not supported or doesn't exist",
  ],
  ["constructor", "", "", "parsing tls-cipher-suites: Cipher suite constructor not supported or doesn't exist"],
  ["TLS_AES_128_GCM_SHA256", "", "", "cipher suites cannot be configured with TLS 1.3"],
  ["TLS_AES_128_GCM_SHA256", "", "VersionTLS13", "cipher suites cannot be configured with TLS 1.3"],
  [
    "",
    "X25519",
    "",
    'parsing tls-curve-preferences: invalid curve preference "X25519": must be a numeric CurveID (0-65535)',
  ],
  [
    "",
    "65536",
    "",
    'parsing tls-curve-preferences: invalid curve preference "65536": must be a numeric CurveID (0-65535)',
  ],
  ["", "-1", "", 'parsing tls-curve-preferences: invalid curve preference "-1": must be a numeric CurveID (0-65535)'],
  ["", "29,", "", 'parsing tls-curve-preferences: invalid curve preference "": must be a numeric CurveID (0-65535)'],
  ["", "0", "", "parsing tls-curve-preferences: curve preference 0 is out of range (must be 1-65535)"],
  ["", "29,23,29", "", "parsing tls-curve-preferences: duplicate curve preference 29"],
  ["", "9999", "", "parsing tls-curve-preferences: curve preference 9999 is not supported by the current Go version"],
  ["", "", "1.2", 'parsing tls-min-version: unknown tls version "1.2"'],
  ["x", "x", "x", "parsing tls-cipher-suites: Cipher suite x not supported or doesn't exist"],
] as const) {
  test(`refused as MetalLB does: ${suites} | ${curves} | ${version}`, (t) => {
    t.deepEqual(tlsSettings(suites, curves, version), { ok: false, error })
  })
}
