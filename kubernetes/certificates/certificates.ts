import type { SecretText } from "../../config/secret-text.ts"

/** A certificate chain and its private key, both PEM. The key is revealed only to what opens the port. */
export interface KeyPair {
  readonly cert: string
  readonly key: SecretText
}

/** What the webhook server needs: a CA of its own, and the server certificate that this CA signed. */
export interface Certificates {
  readonly ca: KeyPair
  readonly server: KeyPair
}

/** Keys of the Secret, MetalLB's: each holds one PEM file. */
export const secretFiles = ["ca.crt", "ca.key", "tls.crt", "tls.key"] as const
export type SecretFile = (typeof secretFiles)[number]

export const dayMs = 24 * 60 * 60 * 1000
