import { stringify } from "yaml"
import type { CustomResourceDefinition } from "./kind.ts"

/** One definition as the text of its file in `deploy/crds/`. */
export function crdYaml(definition: CustomResourceDefinition): string {
  const body = stringify(definition, { lineWidth: 120, aliasDuplicateObjects: false })
  return `# Generated from kubernetes/resources by \`npm run generate\`. Do not edit.\n${body}`
}
