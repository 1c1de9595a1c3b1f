/** What the API server sends where: MetalLB's paths and operations. */

export type Operation = "CREATE" | "UPDATE" | "DELETE"

export interface WebhookRule {
  /** In the ValidatingWebhookConfiguration. */
  readonly name: string
  readonly path: string
  readonly kind: ReviewedKind
  readonly version: "v1beta1" | "v1beta2"
  readonly resource: string
  /** Those the API server is asked to send. The others are answered all the same. */
  readonly operations: readonly Operation[]
}

export type ReviewedKind =
  | "BGPPeer"
  | "IPAddressPool"
  | "BGPAdvertisement"
  | "Community"
  | "BFDProfile"
  | "L2Advertisement"

export const conversionPath = "/convert"

const row = (
  kind: ReviewedKind,
  resource: string,
  name: string,
  operations: readonly Operation[] = ["CREATE", "UPDATE"],
  version: WebhookRule["version"] = "v1beta1",
): WebhookRule => ({
  name: `${name}.metallb.io`,
  path: `/validate-metallb-io-${version}-${kind.toLowerCase()}`,
  kind,
  version,
  resource,
  operations,
})

export const webhookRules: readonly WebhookRule[] = [
  row("BGPPeer", "bgppeers", "bgppeersvalidationwebhook", undefined, "v1beta2"),
  row("IPAddressPool", "ipaddresspools", "ipaddresspoolvalidationwebhook"),
  row("BGPAdvertisement", "bgpadvertisements", "bgpadvertisementvalidationwebhook"),
  row("Community", "communities", "communityvalidationwebhook"),
  row("BFDProfile", "bfdprofiles", "bfdprofilevalidationwebhook", ["CREATE", "DELETE"]),
  row("L2Advertisement", "l2advertisements", "l2advertisementvalidationwebhook"),
]
