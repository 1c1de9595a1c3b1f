import { describeNotification, type Notification } from "./notification.ts"

/** Why a session is not established any more, or did not become so. */
export type Why =
  | { readonly kind: "connect-failed"; readonly error: string }
  /** Without an error the peer closed in an orderly way, but said nothing. */
  | { readonly kind: "connection-lost"; readonly error?: string }
  | { readonly kind: "notification-received"; readonly notification: Notification }
  /** We saw a fault and said so. */
  | { readonly kind: "notification-sent"; readonly notification: Notification; readonly because: string }
  | { readonly kind: "stopped"; readonly notification: Notification }

/** In words, for logs, reports and people. */
export function describeWhy(why: Why): string {
  switch (why.kind) {
    case "connect-failed":
      return why.error
    case "connection-lost":
      return why.error === undefined ? "peer closed the connection" : `connection lost: ${why.error}`
    case "notification-received":
      return `peer sent NOTIFICATION ${describeNotification(why.notification)}`
    case "notification-sent":
      return `${why.because}; sent NOTIFICATION ${describeNotification(why.notification)}`
    case "stopped":
      return `stopped: ${describeNotification(why.notification)}`
  }
}
