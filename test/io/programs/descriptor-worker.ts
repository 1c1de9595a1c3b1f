// A worker that opens packet sockets, joins a group, and says so. It never closes anything: it is there to be terminated.
import { parentPort, workerData } from "node:worker_threads"
import { packetPort } from "../../../io/packet-port.ts"
import { createRawLoop } from "../../../io/raw-loop.ts"

const { descriptors, interfaceIndex } = workerData as { descriptors: SharedArrayBuffer; interfaceIndex: number }
const port = packetPort(createRawLoop(descriptors))
const on = { frame: () => {}, error: () => {} }
const arp = port.open({ interfaceIndex, frames: "arp" }, on)
const ndp = port.open({ interfaceIndex, frames: "neighbour-solicitation" }, on)
const joined = ndp.ok && ndp.value.joinGroup(Uint8Array.of(0x33, 0x33, 0xff, 0, 0, 1)).ok
parentPort?.postMessage(arp.ok && joined, [])
