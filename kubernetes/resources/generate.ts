import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { definitions } from "./definitions.ts"
import { crdYaml } from "./yaml.ts"

// `npm run generate`: deploy/crds/<plural>.yaml from the schemas of this folder. A test compares the two.
for (const definition of definitions) {
  const file = fileURLToPath(new URL(`../../deploy/crds/${definition.spec.names.plural}.yaml`, import.meta.url))
  writeFileSync(file, crdYaml(definition))
  console.log(file)
}
