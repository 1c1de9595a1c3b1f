import type { Session, Settings } from "./session.ts"

/** RFC 5880 §6.8.3: "When bfd.SessionState is not Up, the system MUST set bfd.DesiredMinTxInterval to a value of not less than one second". */
const slowUs = 1_000_000
/** RFC 5880 §6.8.1, the initial value of bfd.RemoteMinRxInterval. */
const initialRemoteMinRxUs = 1
const u32 = 2 ** 32

export const desiredWhileDown = (settings: Settings): number => Math.max(settings.desiredMinTxUs, slowUs)

/** RFC 5880 §6.8.7: the greater of what we would like and what the peer takes; before the jitter. */
export const transmitIntervalUs = ({ transmitUs, remote }: Session): number =>
  Math.max(transmitUs, remote?.requiredMinRxUs ?? initialRemoteMinRxUs)

/** RFC 5880 §6.8.4: how long the peer may be silent. Undefined while nothing is known of it. */
export const detectionTimeUs = ({ receiveUs, remote }: Session): number | undefined =>
  remote === undefined ? undefined : remote.detectMultiplier * Math.max(receiveUs, remote.desiredMinTxUs)

/** The same from the peer's side: how long it waits for us. Undefined while it does not know us. */
export const remoteDetectionTimeUs = (session: Session): number | undefined =>
  session.remote === undefined ? undefined : session.settings.detectMultiplier * transmitIntervalUs(session)

/**
 * RFC 5880 §6.8.7: 75 to 100 percent of the interval, at most 90 percent when one lost packet ends the session, so that
 * sessions do not fall into step. `random` is uniform in 0 … 2³²−1.
 */
export function jitteredMs(intervalUs: number, detectMultiplier: number, random: number): number {
  const span = detectMultiplier === 1 ? 0.15 : 0.25
  return (intervalUs * (0.75 + (random / u32) * span)) / 1000
}

/** RFC 5880 §6.8.9: sent only while Up and while the peer loops echoes back. Undefined: not now. */
export function echoIntervalUs({ settings, state, remote }: Session): number | undefined {
  if (settings.echoIntervalUs === undefined || state !== "up" || !remote?.requiredMinEchoRxUs) return undefined
  return Math.max(settings.echoIntervalUs, remote.requiredMinEchoRxUs)
}
