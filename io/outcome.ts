import { getSystemErrorMessage, getSystemErrorName } from "node:util"

/** `code` is the system's name for it (`ENODEV`), `message` a sentence for people. */
export interface SystemError {
  readonly code: string
  readonly message: string
}
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SystemError }

export const done: Outcome<void> = { ok: true, value: undefined }

/** `result` is what a function of `system-calls.ts` returned: an error number, negative. */
export function failure(doing: string, result: number): { readonly ok: false; readonly error: SystemError } {
  return { ok: false, error: systemError(doing, result) }
}

export function systemError(doing: string, result: number): SystemError {
  const code = getSystemErrorName(result)
  return { code, message: `${doing}: ${getSystemErrorMessage(result)} (${code})` }
}

/** For one who prints the code beside the message. */
export function refusal(doing: string, result: number): { readonly ok: false; readonly error: SystemError } {
  return {
    ok: false,
    error: { code: getSystemErrorName(result), message: `${doing}: ${getSystemErrorMessage(result)}` },
  }
}
