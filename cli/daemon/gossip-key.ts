import type { Cluster } from "../../kubernetes/client/cluster.ts"
import { ensureMemberlistSecret } from "../../kubernetes/client/memberlist-secret.ts"
import { Complaint } from "../complaint.ts"
import type { Begun } from "./run.ts"

/** With `--ml-secret-name`: the Secret that encrypts the speakers' gossip is there afterwards. Throws a Complaint. */
export async function ensureGossipKey(
  cluster: Cluster,
  { flags, namespace, log }: Pick<Begun, "flags" | "namespace" | "log">,
): Promise<void> {
  const name = flags.text("ml-secret-name")
  if (name === "") return
  const made = await ensureMemberlistSecret(cluster, { namespace, name, deployment: flags.text("deployment") })
  if (!made.ok) throw new Complaint(`failed to create memberlist secret: ${made.error}`)
  if (made.value === "created") log.info("secret successfully created", { op: "CreateMlSecret", name })
  else log.debug("secret already exists, nothing to do", { op: "CreateMlSecret", name })
}
