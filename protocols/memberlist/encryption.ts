import { createCipheriv, createDecipheriv, createHash } from "node:crypto"
import { err, ok, type Result } from "../result.ts"

/** AES-GCM with a key of 16, 24 or 32 bytes. */
const NONCE_BYTES = 12
const TAG_BYTES = 16
const BLOCK_BYTES = 16

/** 1: as is, from protocol version 2 on. 0: padded to whole blocks (PKCS #7), from nodes that speak version 1. */
export type EncryptionVersion = 0 | 1

/** Version, nonce, tag: what encryption adds to a packet. */
export const encryptionOverheadBytes: number = 1 + NONCE_BYTES + TAG_BYTES

export type EncryptionError =
  | { readonly kind: "ciphertext-too-short"; readonly got: number }
  | { readonly kind: "unknown-encryption-version"; readonly version: number }
  /** No key fits, or the bytes or the label were changed on the way. */
  | { readonly kind: "no-key-fits" }
  | { readonly kind: "bad-padding" }

export interface Sealing {
  readonly key: Uint8Array
  /** 12 bytes, never used twice with the same key. */
  readonly nonce: Uint8Array
  readonly version?: EncryptionVersion
}

/** `version | nonce | ciphertext | tag`. */
export function encrypt(plain: Uint8Array, sealing: Sealing, additional: Uint8Array): Uint8Array {
  const { key, nonce, version = 1 } = sealing
  const cipher = createCipheriv(algorithm(key), key, nonce)
  cipher.setAAD(additional)
  const sealed = cipher.update(version === 0 ? padded(plain) : plain)
  cipher.final()
  return Buffer.concat([Uint8Array.of(version), nonce, sealed, cipher.getAuthTag()])
}

export function encryptedLength(plainBytes: number, version: EncryptionVersion = 1): number {
  return encryptionOverheadBytes + (version === 1 ? plainBytes : plainBytes + BLOCK_BYTES - (plainBytes % BLOCK_BYTES))
}

/** Tries the keys in order. The version is the payload's own, whatever this node speaks. */
export function decrypt(
  payload: Uint8Array,
  keys: readonly Uint8Array[],
  additional: Uint8Array,
): Result<Uint8Array, EncryptionError> {
  const version = payload[0]
  if (version === undefined) return err({ kind: "ciphertext-too-short", got: 0 })
  if (version > 1) return err({ kind: "unknown-encryption-version", version })
  if (payload.length < encryptedLength(0, version === 0 ? 0 : 1))
    return err({ kind: "ciphertext-too-short", got: payload.length })
  const nonce = payload.subarray(1, 1 + NONCE_BYTES)
  const sealed = payload.subarray(1 + NONCE_BYTES, payload.length - TAG_BYTES)
  const tag = payload.subarray(payload.length - TAG_BYTES)
  for (const key of keys) {
    const decipher = createDecipheriv(algorithm(key), key, nonce)
    decipher.setAAD(additional)
    decipher.setAuthTag(tag)
    const plain = decipher.update(sealed)
    try {
      decipher.final()
    } catch {
      continue
    }
    return version === 0 ? unpadded(plain) : ok(plain)
  }
  return err({ kind: "no-key-fits" })
}

type Algorithm = "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm"
const algorithm = (key: Uint8Array): Algorithm => `aes-${key.length * 8}-gcm` as Algorithm

function padded(plain: Uint8Array): Uint8Array {
  const missing = BLOCK_BYTES - (plain.length % BLOCK_BYTES)
  return Buffer.concat([plain, new Uint8Array(missing).fill(missing)])
}

function unpadded(plain: Uint8Array): Result<Uint8Array, EncryptionError> {
  const added = plain.at(-1) ?? 0
  if (added < 1 || added > BLOCK_BYTES || added > plain.length) return err({ kind: "bad-padding" })
  return ok(plain.subarray(0, plain.length - added))
}

/**
 * The key MetalLB makes of its secret. Not a hash of it, though surely meant to be: the secret's own bytes, then
 * SHA-256 of nothing, cut to the key's length: 32 bytes since v0.14.0, 16 before. The secret is the file's content byte
 * for byte, a newline at its end included.
 */
export function metallbKey(secret: Uint8Array, keyBytes: 16 | 32 = 32): Uint8Array {
  const hashOfNothing = createHash("sha256").digest()
  return Uint8Array.from(Buffer.concat([secret, hashOfNothing]).subarray(0, keyBytes))
}
