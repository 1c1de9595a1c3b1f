import { type KubeConfig, PortForward } from "@kubernetes/client-node"
import { Duplex, PassThrough } from "node:stream"
import { err, ok, type Result } from "../../protocols/result.ts"
import { type ApiFailure, unreachable } from "./failure.ts"
import type { Time } from "./time.ts"

export interface PodPort {
  readonly namespace: string
  readonly pod: string
  readonly port: number
}

const openWithinMs = 10_000

/**
 * One TCP connection to a port of a Pod, through the API server: as the Pod's own loopback sees it, so that what listens
 * on 127.0.0.1 answers. Closing the stream closes it.
 */
export async function forwardPort(config: KubeConfig, time: Time, at: PodPort): Promise<Result<Duplex, ApiFailure>> {
  const { namespace, pod, port } = at
  const input = new PassThrough()
  const output = new PassThrough()
  const faults = new PassThrough()
  faults.on("data", (text: Buffer) => output.destroy(new Error(String(text).trim().slice(0, 500))))
  const opening = new PortForward(config).portForward(namespace, pod, [port], output, faults, input).then(
    (socket) => ok(typeof socket === "function" ? socket() : socket),
    // The library's error event; its message names the status and no credential.
    (thrown: unknown) => err(unreachable(`port ${port} of Pod ${namespace}/${pod}: ${messageOf(thrown)}`)),
  )
  const opened = await inTime(time, opening)
  if (opened === undefined) {
    void opening.then((late) => late.ok && late.value?.close())
    return err(unreachable(`port ${port} of Pod ${namespace}/${pod}: no answer within ${openWithinMs / 1000} s`))
  }
  if (!opened.ok) return opened
  const socket = opened.value
  if (!socket) return err(unreachable(`port ${port} of Pod ${namespace}/${pod}: no connection`))
  socket.addEventListener("close", () => output.end(), { once: true })
  const stream = Duplex.from({ writable: input, readable: output })
  stream.once("close", () => socket.close())
  return ok(stream)
}

function inTime<T>(time: Time, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const cancel = time.after(openWithinMs, () => resolve(undefined))
    void work.then((value) => {
      cancel()
      resolve(value)
    })
  })
}

function messageOf(thrown: unknown): string {
  const message = typeof thrown === "object" && thrown !== null && "message" in thrown ? thrown.message : undefined
  return typeof message === "string" && message !== "" ? message : "refused"
}
