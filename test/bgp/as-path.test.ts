import test from "ava"
import { type AsPath, mergeAs4Path, pathLength } from "../../protocols/bgp/as-path.ts"

const sequence = (...asns: number[]): AsPath => [{ type: "sequence", asns }]
const rows: readonly [name: string, path: AsPath, as4Path: AsPath, want: AsPath][] = [
  ["same length: AS4_PATH it is", sequence(23456, 65001), sequence(4200000000, 65001), sequence(4200000000, 65001)],
  ["old speakers in front are kept", sequence(65002, 23456), sequence(4200000000), sequence(65002, 4200000000)],
  ["AS4_PATH longer than AS_PATH is ignored", sequence(23456), sequence(1, 2), sequence(23456)],
  [
    "a set counts once",
    [{ type: "set", asns: [1, 2, 3] }, ...sequence(23456)],
    sequence(4200000000),
    [{ type: "set", asns: [1, 2, 3] }, ...sequence(4200000000)],
  ],
  [
    "confederation segments are kept and not counted",
    [{ type: "confed-sequence", asns: [65100] }, ...sequence(23456)],
    sequence(4200000000),
    [{ type: "confed-sequence", asns: [65100] }, ...sequence(4200000000)],
  ],
]
for (const [name, path, as4Path, want] of rows) {
  test(`RFC 6793 §4.2.3: ${name}`, (t) => {
    const merged = mergeAs4Path(path, as4Path)
    t.deepEqual(merged, want)
    t.is(pathLength(merged), pathLength(path))
  })
}
