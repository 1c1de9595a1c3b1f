// A speaker in a process of its own, for tests that stop it with a signal. Argument: the desired peers as JSON.
import type { DesiredPeer } from "../../actors/session/messages.ts"
import { startSpeaker } from "./system.ts"

const speaker = startSpeaker()
speaker.want(...(JSON.parse(process.argv[2] ?? "[]") as DesiredPeer[]))
