import { text } from "node:stream/consumers"
import { SecretText } from "../../config/secret-text.ts"
import type { KeyPair } from "./certificates.ts"
import { issueCertificates, issueSelfSigned, issueServerCertificate } from "./issue.ts"
import type { Issued, Order, PlainPair } from "./order.ts"

// The whole life of this process: one order from standard input, one answer on standard output.
const order = JSON.parse(await text(process.stdin)) as Order
const plain = ({ cert, key }: KeyPair): PlainPair => ({ cert, key: key.reveal() })

async function fulfil(): Promise<Issued> {
  switch (order.kind) {
    case "ca-and-server": {
      const { ca, server } = await issueCertificates(order.dnsName, order.nowMs)
      return { ca: plain(ca), server: plain(server) }
    }
    case "server": {
      const ca = { cert: order.ca.cert, key: new SecretText(order.ca.key) }
      return { server: plain(await issueServerCertificate(ca, order.dnsName, order.nowMs)) }
    }
    case "self-signed":
      return { server: plain(await issueSelfSigned(order.nowMs)) }
    default:
      return order satisfies never
  }
}

process.stdout.write(JSON.stringify(await fulfil()))
