import fs from "node:fs"
import test from "ava"

const page = fs.readFileSync(new URL("../../docs/compatibility.md", import.meta.url), "utf8")
const ruleByRule = page.slice(page.indexOf("## Rule by rule"))
const rows = ruleByRule.split("\n").filter((line) => /^\| (?!rule \|)[^-]/.test(line))

test("every test that the page names is there", (t) => {
  const named = [...ruleByRule.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, file]) => file ?? "")
  t.true(named.length > 50)
  const missing = [...new Set(named)].filter((file) => !fs.existsSync(new URL(`../${file}`, import.meta.url)))
  t.deepEqual(missing, [])
})

test("every rule says how it is here and what shows it; only what is not there has no test", (t) => {
  t.true(rows.length > 80)
  for (const row of rows) {
    const cells = row.split(" | ").map((cell) => cell.replaceAll("|", "").trim())
    t.is(cells.length, 3, row)
    const [rule = "", here = "", shown = ""] = cells
    t.true(rule !== "" && here !== "", row)
    if (!/^(?:none|not yet)\b/.test(here)) t.regex(shown, /^`[\w./-]+\.test\.ts`(?:, `[\w./-]+\.test\.ts`)*$/, row)
  }
})
