/** A sentence for whatever was thrown. */
export function describe(error: unknown): string {
  if (error instanceof Error) return error.name === "Error" ? error.message : `${error.name}: ${error.message}`
  try {
    return String(error)
  } catch {
    return "something that cannot be printed"
  }
}
