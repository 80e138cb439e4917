/** Children that run several times: such a child is a supervisor of its copies, which everything else treats as any other. */
import { ROLE_PACKS } from "./defaults.ts";
import type {
  ChildSpec,
  ExecProbe,
  HealthCheckOptions,
  HookOptions,
  HookProgram,
  HttpProbe,
  ReadinessOptions,
  RestartPolicy,
  RunSpec,
  SupervisorOptions,
  TcpProbe,
} from "./types.ts";

/** The supervisor that a child with several copies becomes. */
export interface InstanceSet extends SupervisorOptions {
  readonly kind: "supervisor";
  /** What was declared, of which the copies are made. */
  readonly template: ChildSpec;
}

/** The variable that tells a copy its number. */
export const INSTANCE_VARIABLE = "REEVE_INSTANCE";

/** Whether this is the supervisor of copies. */
export function isInstanceSet(run: RunSpec): run is InstanceSet {
  return run.kind === "supervisor" && "template" in run;
}

/** The same declaration, in which children with several copies are supervisors of these; for everything behind the checks. */
export function expandInstances<T extends SupervisorOptions>(options: T): T {
  if (!options.children.some(hasCopies)) return options;
  return { ...options, children: options.children.map(expandChild) };
}

/** The same for one child. */
export function expandChild(child: ChildSpec): ChildSpec {
  if (isSet(child)) return resize(child, child.instances ?? 1);
  return child.run.kind === "supervisor" && !isInstanceSet(child.run) ? { ...child, run: expandInstances(child.run) } : child;
}

/** The set of a child, with so many copies. */
export function resize(child: ChildSpec, count: number): ChildSpec {
  const template = isInstanceSet(child.run) ? child.run.template : child;
  const { name, dependencies, wants, bindsTo, waitTimeoutMs, group, tags, significant, rolling } = template;
  const { taskRole, severity, criticality, backoff, limit, readiness, schedule } = template;
  const restartPolicy = restartPolicyOf(template);
  const isFinite = schedule === undefined && restartPolicy !== "permanent";
  const run: InstanceSet = {
    kind: "supervisor",
    autoShutdown: isFinite ? "all_significant" : undefined,
    children: Array.from({ length: count }, (_, index) => instanceOf(template, index + 1)),
    template,
  };
  return {
    ...{ name, dependencies, wants, bindsTo, waitTimeoutMs, group, tags, significant, rolling },
    ...{ taskRole, severity, criticality, backoff, limit },
    instances: count,
    restartPolicy: schedule === undefined ? restartPolicy : "permanent",
    readiness: readiness?.mode === "completed" ? { mode: "completed" } : undefined,
    run,
  };
}

/** What is declared of each copy; what ties a child to its siblings is its set's. */
export function copyOf(template: ChildSpec): ChildSpec {
  const { dependencies: _1, wants: _2, bindsTo: _3, waitTimeoutMs: _4, group: _5, instances: _6, rolling: _7, ...own } = template;
  const isOptional = (own.severity ?? own.criticality) === "optional";
  return {
    ...own,
    significant: own.schedule === undefined && restartPolicyOf(template) !== "permanent" ? true : undefined,
    // The set is what may be missing, and it is there when all its copies are.
    ...isOptional ? { severity: "standard", criticality: undefined } as const : {},
  };
}

/** A copy of a set. */
export function instanceOf(template: ChildSpec, number: number): ChildSpec {
  return numbered(copyOf(template), number);
}

/** The same with a number: it is in its name, in every text with `{instance}` in it, and in a variable. */
export function numbered(child: ChildSpec, number: number): ChildSpec {
  const { name, run, args, environment = [], readiness, healthCheck, hooks, logs } = child;
  const filled = filler(number);
  const variables = environment.filter((variable) => variable.name !== INSTANCE_VARIABLE);
  return {
    ...child,
    name: `${name}:${number}`,
    run: filledRun(run, filled),
    environment: [
      ...variables.map((variable) => ({ ...variable, value: filled(variable.value) })),
      { name: INSTANCE_VARIABLE, value: `${number}` },
    ],
    ...args === undefined ? {} : { args: filledJson(args, filled) },
    ...readiness === undefined ? {} : { readiness: filledReadiness(readiness, number) },
    ...healthCheck === undefined ? {} : { healthCheck: filledHealth(healthCheck, number) },
    ...hooks === undefined ? {} : { hooks: filledHooks(hooks, filled) },
    ...logs?.file === undefined ? {} : { logs: { ...logs, file: filled(logs.file) } },
  };
}

function hasCopies(child: ChildSpec): boolean {
  return isSet(child) || (child.run.kind === "supervisor" && !isInstanceSet(child.run) && child.run.children.some(hasCopies));
}

/** One that is to be replaced without a gap needs room for another one beside it. */
function isSet({ instances, rolling, run }: ChildSpec): boolean {
  return run.kind !== "supervisor" && ((instances ?? 1) > 1 || rolling !== undefined);
}

/** As it will be resolved; the set has to know whether its copies end for good. */
function restartPolicyOf({ restartPolicy, taskRole, schedule, readiness }: ChildSpec): RestartPolicy {
  if (restartPolicy !== undefined) return restartPolicy;
  if (schedule !== undefined) return "transient";
  if (taskRole !== undefined) return ROLE_PACKS[taskRole].restartPolicy;
  return readiness?.mode === "completed" ? "transient" : "permanent";
}

type Filler = (text: string) => string;

function filler(number: number): Filler {
  return (text) => text.replaceAll("{instance}", `${number}`);
}

function filledRun(run: RunSpec, filled: Filler): RunSpec {
  if (run.kind !== "process") return run;
  const { command, args, cwd, envFile, listen } = run;
  return {
    ...run,
    command: filled(command),
    ...args === undefined ? {} : { args: args.map(filled) },
    ...cwd === undefined ? {} : { cwd: filled(cwd) },
    ...envFile === undefined ? {} : { envFile: filled(envFile) },
    ...listen === undefined ? {} : { listen: listen.map((socket) => "path" in socket ? { ...socket, path: filled(socket.path) } : socket) },
  };
}

function filledJson(value: unknown, filled: Filler): unknown {
  if (typeof value === "string") return filled(value);
  if (Array.isArray(value)) return value.map((entry: unknown) => filledJson(entry, filled));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, filledJson(entry, filled)]));
}

function filledReadiness(readiness: ReadinessOptions, number: number): ReadinessOptions {
  switch (readiness.mode) {
    case "http":
      return { ...readiness, ...filledHttp(readiness, number) };
    case "tcp":
      return { ...readiness, ...filledPort(readiness, number) };
    case "exec":
      return { ...readiness, ...filledProgram(readiness, filler(number)) };
    case "log_line":
      return { ...readiness, pattern: filler(number)(readiness.pattern) };
    default:
      return readiness;
  }
}

function filledHealth(health: HealthCheckOptions, number: number): HealthCheckOptions {
  switch (health.mode) {
    case "http":
      return { ...health, ...filledHttp(health, number) };
    case "tcp":
      return { ...health, ...filledPort(health, number) };
    case "exec":
      return { ...health, ...filledProgram(health, filler(number)) };
    default:
      return health;
  }
}

function filledHttp(probe: HttpProbe, number: number): HttpProbe {
  const { path, ...rest } = probe;
  return { ...rest, ...filledPort(probe, number), ...path === undefined ? {} : { path: filler(number)(path) } };
}

function filledPort({ port, portStep = 0 }: TcpProbe, number: number): { readonly port: number } {
  return { port: port + portStep * (number - 1) };
}

function filledProgram<T extends ExecProbe | HookProgram>(program: T, filled: Filler): T {
  const { command, args } = program;
  return { ...program, command: filled(command), ...args === undefined ? {} : { args: args.map(filled) } };
}

function filledHooks({ beforeStart, afterStart, beforeStop, afterExit }: HookOptions, filled: Filler): HookOptions {
  const one = (hook: HookProgram | undefined): HookProgram | undefined => hook === undefined ? undefined : filledProgram(hook, filled);
  return { beforeStart: one(beforeStart), afterStart: one(afterStart), beforeStop: one(beforeStop), afterExit: one(afterExit) };
}
