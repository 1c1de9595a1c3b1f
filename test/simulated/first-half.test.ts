// Simulated clusters by seed; `nightly.ts` plays ten thousand of them.
import { testSeeds } from "./seeds.ts"

testSeeds(1, 100)
