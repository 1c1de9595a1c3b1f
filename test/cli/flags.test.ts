import test from "ava"
import { controllerFlags, speakerFlags } from "../../cli/flags/daemon.ts"
import { flagHelp, parseFlags } from "../../cli/flags/parse.ts"

const parse = (args: readonly string[], env = {}) => parseFlags(speakerFlags, args, env)
const parsed = (args: readonly string[], env = {}) => {
  const result = parse(args, env)
  if (!result.ok) throw new Error(result.error)
  return result.value
}

test("one dash and two, = and the next argument are the same", (t) => {
  for (const args of [["-port=1"], ["--port=1"], ["-port", "1"], ["--port", "1"]]) {
    t.is(parsed(args).number("port"), 1, args.join(" "))
  }
})

test("a boolean stands alone or has =, and never takes the next argument", (t) => {
  t.true(parsed(["--ml-wan-config"]).boolean("ml-wan-config"))
  t.false(parsed(["--ml-wan-config=false"]).boolean("ml-wan-config"))
  t.deepEqual(parse(["--ml-wan-config", "true"]), {
    ok: false,
    error: 'unexpected argument "true": flags begin with - or --',
  })
})

test("a flag wins over the environment, the environment over the default", (t) => {
  const env = { METALLB_ML_BIND_PORT: "7000" }
  t.is(parsed([]).text("ml-bindport"), "")
  t.is(parsed([], env).text("ml-bindport"), "7000")
  t.is(parsed(["--ml-bindport=7001"], env).text("ml-bindport"), "7001")
  t.is(parsed([], { METALLB_ML_BIND_PORT: "" }).text("ml-bindport"), "", "empty counts as unset")
})

for (const [name, args, env, error] of [
  ["unknown flag", ["--nope"], {}, "flag provided but not defined: -nope"],
  ["near miss", ["--ml-bind"], {}, "flag provided but not defined: -ml-bind (did you mean -ml-bindaddr?)"],
  ["missing value", ["--port"], {}, "flag needs an argument: -port"],
  ["number", ["--port=x"], {}, 'invalid value "x" for flag -port: must be a whole number'],
  ["boolean", ["--ml-wan-config=maybe"], {}, 'invalid value "maybe" for flag -ml-wan-config: must be true or false'],
  ["no flag", ["serve"], {}, 'unexpected argument "serve": flags begin with - or --'],
] as const) {
  test(`refused with one sentence: ${name}`, (t) => {
    t.deepEqual(parse(args, env), { ok: false, error })
  })
}

test("a flag that does nothing yet is accepted, and said", (t) => {
  const { warnings } = parsed(["--bgp-debounce-timeout=10"])
  t.is(warnings.length, 1)
  t.regex(warnings[0] ?? "", /^flag -bgp-debounce-timeout is not supported yet and does nothing: /)
  t.deepEqual(parsed([]).warnings, [])
  const later = { name: "later", kind: "text", default: "", env: "LATER", help: "", unsupported: "not built" } as const
  const fromEnvironment = parseFlags([later], [], { LATER: "now" })
  t.deepEqual(fromEnvironment.ok && fromEnvironment.value.warnings, [
    "environment variable LATER is not supported yet and does nothing: not built",
  ])
})

test("the help names every flag, its default and its environment variable", (t) => {
  for (const flags of [controllerFlags, speakerFlags]) {
    const help = flagHelp(flags)
    for (const flag of flags) {
      t.true(help.includes(`--${flag.name}`), flag.name)
      if (flag.env !== undefined) t.true(help.includes(flag.env), flag.env)
    }
    t.regex(help, /--port number\n\s+HTTPS port of \/metrics; 0 turns it off \(default 9120\)/)
  }
})
