/** Numbers assigned by IANA: https://www.iana.org/assignments/bfd-parameters and .../service-names-port-numbers. */

/** RFC 5881 §4, RFC 5883 §5. */
export const port = { singleHop: 3784, echo: 3785, multihop: 4784 } as const

/** RFC 5880 §4.1, in the order of their numbers. */
export const states = ["admin-down", "down", "init", "up"] as const

export const diagnostic = {
  none: 0,
  detectionTimeExpired: 1,
  echoFailed: 2,
  neighbourSignaledDown: 3,
  administrativelyDown: 7,
} as const

const words: Readonly<Record<number, string>> = {
  0: "no diagnostic",
  1: "control detection time expired",
  2: "echo function failed",
  3: "neighbor signaled session down",
  4: "forwarding plane reset",
  5: "path down",
  6: "concatenated path down",
  7: "administratively down",
  8: "reverse concatenated path down",
  9: "mis-connectivity defect",
}

export const describeDiagnostic = (code: number): string => words[code] ?? `diagnostic ${code}`
