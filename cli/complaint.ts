/** Something a person can act on: printed as one sentence, without a stack, and the exit code is 1. */
export class Complaint extends Error {}
