import type { Family } from "../ip.ts"
import type { Prefix } from "../prefix.ts"
import { err, ok, type Result } from "../result.ts"
import { type AttributeContext, encodeAttributes, type PathAttributes } from "./attributes.ts"
import { type AttributeFault, decodeAttributes } from "./decode-attributes.ts"
import { errorCode, updateSubcode } from "./iana.ts"
import { decodeNlri, nlriBytes } from "./nlri.ts"
import { type Fault, fault } from "./notification.ts"
import { concat, u16, viewOf } from "./writer.ts"

/**
 * RFC 4271 §4.3. `withdrawn` and `nlri` are IPv4 unicast; routes of other families are in the attributes `mpReach` and
 * `mpUnreach` (RFC 4760). All of them share the attributes.
 */
export interface Update {
  readonly kind: "update"
  readonly withdrawn: readonly Prefix[]
  readonly attributes: PathAttributes
  readonly nlri: readonly Prefix[]
}

/** An UPDATE as received: where a fault asks for it, its routes of all families are in `withdrawn` (RFC 7606). */
export interface ReceivedUpdate extends Update {
  readonly faults: readonly AttributeFault[]
}

/** RFC 4724 §2: for IPv4 unicast, the shortest UPDATE there is; for others an MP_UNREACH_NLRI without routes. */
export const endOfRib = (family: Family): Update => ({
  kind: "update",
  withdrawn: [],
  attributes: family === "ipv4" ? {} : { mpUnreach: { family, withdrawn: [] } },
  nlri: [],
})

/** What an UPDATE says of routes, whatever the family. */
export function routesIn({ withdrawn, attributes: { mpReach, mpUnreach }, nlri }: Update): {
  readonly announced: readonly Prefix[]
  readonly withdrawn: readonly Prefix[]
} {
  return {
    announced: [...nlri, ...(mpReach?.nlri ?? [])],
    withdrawn: [...withdrawn, ...(mpUnreach?.withdrawn ?? [])],
  }
}

/** The caller keeps it within the message limit; `packUpdates` does. */
export function encodeUpdateBody(update: Update, context: AttributeContext): Uint8Array {
  const withdrawn = nlriBytes(update.withdrawn)
  const attributes = encodeAttributes(update.attributes, context)
  return concat([u16(withdrawn.length), withdrawn, u16(attributes.length), attributes, nlriBytes(update.nlri)])
}

/** RFC 4271 §4.3, §6.3, with the milder consequences of RFC 7606 where routes can still be told. */
export function decodeUpdateBody(body: Uint8Array, context: AttributeContext): Result<ReceivedUpdate, Fault> {
  const fields = splitBody(body)
  if (fields === undefined) {
    // RFC 7606 §3 (b), §5.3: without these lengths no prefix can be found, so nothing milder is possible.
    return err(fault(errorCode.update, updateSubcode.malformedAttributeList, "field lengths run past the message"))
  }
  const withdrawn = decodeNlri(fields.withdrawn, "ipv4")
  if (!withdrawn.ok) return withdrawn
  const nlri = decodeNlri(fields.nlri, "ipv4")
  if (!nlri.ok) return nlri
  const decoded = decodeAttributes(fields.attributes, context)
  if (!decoded.ok) return decoded
  const { attributes } = decoded.value
  const update: Update = { kind: "update", withdrawn: withdrawn.value, attributes, nlri: nlri.value }
  const faults = [...decoded.value.faults, ...missing(update, decoded.value.faults)]
  if (faults.some(({ treatment }) => treatment === "withdraw")) {
    const routes = routesIn(update)
    const all = [...routes.withdrawn, ...routes.announced]
    return ok({ kind: "update", withdrawn: all, attributes: {}, nlri: [], faults })
  }
  return ok({ ...update, faults })
}

function splitBody(body: Uint8Array): { withdrawn: Uint8Array; attributes: Uint8Array; nlri: Uint8Array } | undefined {
  if (body.length < 4) return undefined
  const view = viewOf(body)
  const withdrawnEnd = 2 + view.getUint16(0)
  if (withdrawnEnd + 2 > body.length) return undefined
  const attributesEnd = withdrawnEnd + 2 + view.getUint16(withdrawnEnd)
  if (attributesEnd > body.length) return undefined
  return {
    withdrawn: body.subarray(2, withdrawnEnd),
    attributes: body.subarray(withdrawnEnd + 2, attributesEnd),
    nlri: body.subarray(attributesEnd),
  }
}

/** RFC 7606 §3 (d): a mandatory attribute that is not there makes its routes withdrawn. */
function missing({ attributes, nlri }: Update, faults: readonly AttributeFault[]): AttributeFault[] {
  if (nlri.length === 0 && attributes.mpReach === undefined) return []
  const mandatory = [
    { code: 1, present: attributes.origin !== undefined },
    { code: 2, present: attributes.asPath !== undefined },
    // RFC 4760 §3: MP_REACH_NLRI has its own.
    { code: 3, present: attributes.nextHop !== undefined || nlri.length === 0 },
  ]
  return mandatory
    .filter(({ code, present }) => !present && !faults.some((known) => known.code === code))
    .map(({ code }) => ({ code, treatment: "withdraw", because: "mandatory attribute is missing" }))
}
