import { readFileSync } from "node:fs"
import { type OnSplit, onSplitChoices } from "../../actors/announcer/left.ts"
import type { WitnessStore } from "../../cluster/witness/messages.ts"
import { Complaint } from "../complaint.ts"
import type { FlagValues } from "../flags/parse.ts"
import { parseWitness } from "./address.ts"

export const passwordVariable = "TROUPE_WITNESS_PASSWORD"

/** The witness that the flags ask for. Undefined: none. Whether it answers plays no part in starting. */
export async function openWitness(
  flags: Pick<FlagValues, "text">,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly store: WitnessStore; readonly onSplit: OnSplit } | undefined> {
  const text = flags.text("witness")
  const chosen = flags.text("witness-split")
  const onSplit = onSplitChoices.find((choice) => choice === chosen)
  if (onSplit === undefined) {
    throw new Complaint(`witness-split: ${JSON.stringify(chosen)} is none of ${onSplitChoices.join(", ")}`)
  }
  if (text === "") return undefined
  // As a Secret is mounted, or as an editor leaves it: with the end of a line or without.
  const password =
    contentOf(flags, "witness-password-file")?.replace(/\r?\n$/, "") ?? (env[passwordVariable] || undefined)
  const prefix = flags.text("witness-prefix")
  const ca = contentOf(flags, "witness-ca-file")
  const address = parseWitness(text, {
    prefix,
    ...(password !== undefined && { password }),
    ...(ca !== undefined && { ca }),
  })
  if (!address.ok) throw new Complaint(address.error)
  const { redisStore } = await import("./redis-store.ts")
  return { store: await redisStore(address.value), onSplit }
}

/** Of the file that a flag names. */
function contentOf(flags: Pick<FlagValues, "text">, flag: string): string | undefined {
  const file = flags.text(flag)
  if (file === "") return undefined
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    throw new Complaint(`${flag}: cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
}
