// The import direction of ARCHITECTURE.md, as rules. Types count as imports.
const rooms = ["actors", "cli", "cluster", "config", "diagnosis", "io", "kubernetes", "lab", "protocols", "supervision"]
const may = {
  protocols: [],
  config: ["protocols"],
  io: [],
  supervision: [],
  cluster: ["protocols", "supervision"],
  actors: ["protocols", "config", "cluster", "supervision"],
  kubernetes: ["config", "protocols"],
}
const only = (name, to, from, comment) => ({
  name,
  severity: "error",
  comment,
  from: { path: "^(actors|cli|cluster|config|io|kubernetes|lab|protocols|supervision)/", pathNot: from },
  to: { path: to },
})

module.exports = {
  forbidden: [
    ...Object.entries(may).map(([room, allowed]) => ({
      name: `${room}-imports-only-${allowed.join("-") || "itself"}`,
      severity: "error",
      from: { path: `^${room}/` },
      to: { path: `^(${rooms.filter((other) => other !== room && !allowed.includes(other)).join("|")})/` },
    })),
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    only(
      "nact-only-in-supervision",
      "node_modules/nact",
      "^supervision/",
      "supervision/ subclasses nact's Actor; nobody else sees it",
    ),
    only(
      "ioredis-only-in-the-witness",
      "node_modules/ioredis",
      "^cli/witness/redis-store\\.ts$",
      "loaded only when a witness is asked for; everybody else sees a WitnessStore",
    ),
    only("koffi-only-in-io", "node_modules/koffi", "^io/", "system calls live in one room"),
    only(
      "client-only-in-kubernetes",
      "node_modules/@kubernetes",
      "^kubernetes/",
      "no other room knows a Kubernetes type",
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(node_modules|test|bench|docs)/" },
    tsPreCompilationDeps: true,
    parser: "swc",
    enhancedResolveOptions: {
      extensions: [".ts", ".mjs", ".js"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node"],
    },
  },
}
