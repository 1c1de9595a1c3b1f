import { listInterfaces, type NetworkInterface } from "./interfaces.ts"
import { monitorLinks } from "./link-monitor.ts"
import { done, type Outcome } from "./outcome.ts"
import { openPacketSocket, type PacketFilter, type PacketHandlers, type PacketSocket } from "./packet-socket.ts"
import type { Cancel, RawLoop } from "./raw-loop.ts"

/** The same shape as the world's packet port: raw frames on interfaces, and which interfaces there are. */
export interface PacketPort {
  interfaces(): Outcome<readonly NetworkInterface[]>
  watchInterfaces(changed: () => void): Outcome<Cancel>
  open(at: PacketFilter, on: PacketHandlers): Outcome<PacketSocket>
}

/** For the worker thread whose loop it is; everything happens in that thread. */
export function packetPort(loop: RawLoop): PacketPort {
  const watchers = new Set<() => void>()
  const sockets = new Set<PacketSocket>()
  let stopMonitor: Cancel | undefined

  /** One netlink socket for all, from the first that needs it: a packet socket alone does not hear that its interface is gone. */
  const monitored = (): Outcome<void> => {
    if (stopMonitor !== undefined) return done
    const monitor = monitorLinks(loop, {
      changed: () => {
        for (const changed of watchers) changed()
      },
      gone: (index) => {
        for (const socket of sockets) if (socket.interfaceIndex === index) socket.interfaceGone()
      },
    })
    if (!monitor.ok) return monitor
    stopMonitor = monitor.value
    return done
  }
  const unmonitored = () => {
    if (watchers.size > 0 || sockets.size > 0) return
    stopMonitor?.()
    stopMonitor = undefined
  }

  return {
    interfaces: () => listInterfaces(loop.descriptors),
    watchInterfaces(changed) {
      const monitor = monitored()
      if (!monitor.ok) return monitor
      const watcher = () => changed()
      watchers.add(watcher)
      return {
        ok: true,
        value: () => {
          watchers.delete(watcher)
          unmonitored()
        },
      }
    },
    open(at, on) {
      const monitor = monitored()
      if (!monitor.ok) return monitor
      const opened = openPacketSocket(loop, at, on, (socket) => {
        sockets.delete(socket)
        unmonitored()
      })
      if (opened.ok) sockets.add(opened.value)
      else unmonitored()
      return opened
    },
  }
}
