/**
 * Why a Service is not announced, in MetalLB's words: the value of `reason` in the log line `withdrawing service
 * announcement`. (MetalLB's `internalError` has no case here: a pool is found as an object, never as a bare name.) The
 * last three are ours.
 */
export type Withdrawal =
  | "serviceDeleted"
  | "notLoadBalancer"
  | "noIPAllocated"
  | "invalidIP"
  | "ipNotAllowed"
  | "loadBalancerIPChanged"
  | "notOwner"
  | "noMatchingAdvertisement"
  | "sharedIPWithServiceSelector"
  | "conflictingAdvertisements"
  | "nodeNetworkUnavailable"
  | "nodeLabeledExcludeBalancers"
  | "noLocalEndpoints"
  | "noEndpoints"
  | "nodeOutOfService"
  | "nodeDrained"
  | "speakerStopping"
