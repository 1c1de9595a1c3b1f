/**
 * Everything that goes through the foreign function interface, and nothing else: the one module that knows koffi.
 * Only calls that return at once, but for `poll`. Results are the kernel's own convention: zero or more is the value,
 * below zero the negated errno.
 */
import koffi from "koffi"

/** The process itself: libc, libuv and Node-API are all in it. */
const self = koffi.load(null)

type Call<A extends unknown[]> = (...args: A) => number
const native = <A extends unknown[]>(declaration: string): Call<A> => {
  const call = self.func(declaration) as Call<A>
  return (...args) => {
    const result = call(...args)
    return result < 0 ? -koffi.errno() : result
  }
}

export const socket = native<[family: number, type: number, protocol: number]>(
  "int socket(int family, int type, int protocol)",
)
export const bind = native<[fd: number, address: Uint8Array, length: number]>(
  "int bind(int fd, const void *address, uint32_t length)",
)
export const listen = native<[fd: number, backlog: number]>("int listen(int fd, int backlog)")
export const setsockopt = native<[fd: number, level: number, name: number, value: Uint8Array, length: number]>(
  "int setsockopt(int fd, int level, int name, const void *value, uint32_t length)",
)
export const receive = native<[fd: number, bytes: Uint8Array, length: number, flags: number]>(
  "intptr_t recv(int fd, void *bytes, size_t length, int flags)",
)
export const transmit = native<[fd: number, bytes: Uint8Array, length: number, flags: number]>(
  "intptr_t send(int fd, const void *bytes, size_t length, int flags)",
)
export const transmitTo = native<
  [fd: number, bytes: Uint8Array, length: number, flags: number, address: Uint8Array, addressLength: number]
>("intptr_t sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint32_t addressLength)")
/** `message` is a msghdr, which names by address where everything goes. */
export const receiveMessage = native<[fd: number, message: Uint8Array, flags: number]>(
  "intptr_t recvmsg(int fd, void *message, int flags)",
)
/** 0 when there is none of that name. */
export const interfaceIndex = native<[name: string]>("unsigned int if_nametoindex(const char *name)")
export const closeDescriptor = native<[fd: number]>("int close(int fd)")
/** Of the calling thread, when `thread` is 0. */
export const setScheduler = native<[thread: number, policy: number, parameters: Uint8Array]>(
  "int sched_setscheduler(int thread, int policy, const void *parameters)",
)

/** `entries` is an array of pollfd, `timeout` a timespec. The only call that waits. */
export const poll = native<[entries: Uint8Array, count: number, timeout: Uint8Array, mask: null]>(
  "int ppoll(void *entries, unsigned long count, const void *timeout, const void *mask)",
)

/**
 * The address of a buffer, to be written into a structure that the kernel follows. It does not keep the buffer alive:
 * the caller must, for as long as the kernel may look.
 */
export const addressOf = (bytes: Uint8Array): bigint => koffi.address(bytes)

/** The descriptor that becomes readable when this thread's event loop has something to do: a message, a terminate. */
export function eventLoopDescriptor(): number {
  const loop: unknown[] = [null]
  const environment = (koffi as unknown as { node: { env: unknown } }).node.env
  const find = self.func("int napi_get_uv_event_loop(void *env, _Out_ void **loop)") as Call<[unknown, unknown[]]>
  if (find(environment, loop) !== 0) throw new Error("this thread has no event loop")
  const backend = self.func("int uv_backend_fd(void *loop)") as Call<[unknown]>
  return backend(loop[0])
}
