/** The error classes of the package: every one has a stable `code`, the place, and what to do next. */

/** Every error code of the package with the meaning that `docs/reference/errors.md` explains further. */
export const ERROR_CODES = {
  invalid_spec: "a supervision tree was declared with violations; `problems` lists all of them",
  invalid_config: "a configuration file has violations; `problems` lists all of them with file, line and column",
  config_unreadable: "a configuration file cannot be read",
  invalid_manifest: "a child declaration that came as a text cannot be used; the message names the field",
  child_not_found: "no child has that path; the message names the nearest one",
  tree_not_ready: "the tree did not become ready in time; the message says which children it waits for",
  command_refused: "a command does not fit the state of its child; the message says what does",
  not_a_supervisor: "children can only be added to a supervisor",
  dynamic_children_disabled: "the supervisor was declared with `dynamicSupervisor.enabled: false`",
  child_name_conflict: "the supervisor has a child of that name, or one that is on its way out",
  child_limit_exceeded: "the supervisor has as many children as `dynamicSupervisor.childLimit` allows",
  dependency_not_found: "a child that was to be added depends on one that is not there any more",
  template_not_found: "no template has that name; the message names the nearest one",
  addition_undone: "a child that was added did not get ready, and was removed again",
  addition_not_recorded: "an addition was undone, or not begun, because its record could not be written",
  not_permitted: "a child asked for something that its `commandPermissions` do not allow",
  invalid_request: "a command does not say who asks, or why, or a stream is wanted with a bound that is no whole number",
  too_many_commands: "too many commands wait for their answer",
  audit_not_opened: "the file of the audit cannot be written, so that the tree was not started, or cannot be read",
  audit_write_failed: "a command was not carried out, because its intent could not be written into the audit",
  audit_queue_full: "a command was not carried out, because too many records wait to be written into the audit",
  journal_not_opened: "the journal of events cannot be written or read: the message says why",
  state_not_opened: "the file of the state cannot be read or written, is damaged, or serves another program: the message says which",
  dashboard_not_started: "the dashboard's socket could not be put in its place, or its options do not fit",
  dashboard_unreachable: "a target's socket cannot be used: it is not there, not safe, closed, or does not answer in time",
  dashboard_outcome_unknown: "the connection was lost while a command was under way: whether it was done is not known",
  dashboard_refused: "a target refused a request; `wire` has its code, its stage and whether to try again",
  health_not_started: "the server that answers how a tree is could not listen",
  relay_not_started: "a relay could not listen, or its settings do not fit",
  telemetry_not_started: "what takes metrics and traces could not be started, or its settings do not fit",
  watchdog_not_started: "the thread that watches the loop of the program could not be had",
  systemd_not_told: "systemd could not be told how a tree is",
  reload_refused: "a new declaration has something that cannot be done while the tree runs; nothing was changed",
  tree_finished: "the tree has finished, so that it cannot do what was asked",
  correlation_not_found: "no event that there is has that correlation number",
} as const;

/** A stable error code, documented in the reference. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** What an error says beside its message. */
export interface ReeveErrorOptions extends ErrorOptions {
  /** The place: a child's path, or a file's. */
  readonly path?: string;
  /** What to do next, in one sentence. */
  readonly hint?: string;
}

const BRANDS = Symbol.for("@reeve/supervisor/error-brands");

/**
 * Base class of all errors of the package.
 *
 * `instanceof` works across two copies of the package (library and command each load their own).
 *
 * @example
 * ```ts
 * import { ReeveError } from "@reeve/supervisor";
 *
 * const error = new ReeveError("child_not_found", 'Cannot find child "/ingset"', { hint: 'Did you mean "/ingest"?' });
 * console.log(error.code, error.message);
 * ```
 */
export class ReeveError extends Error {
  /** The name under which `instanceof` recognizes the class in another copy of the package. */
  static readonly brand: string = "ReeveError";
  /** Stable code, see the reference of errors. */
  readonly code: ErrorCode;
  /** The place: a child's path, or a file's. */
  readonly path: string | undefined;
  /** What to do next. */
  readonly hint: string | undefined;

  /** Creates an error; the hint becomes the end of the message. */
  constructor(code: ErrorCode, message: string, options: ReeveErrorOptions = {}) {
    super(options.hint === undefined ? message : `${message}. ${options.hint}`, options);
    this.name = new.target.brand;
    this.code = code;
    this.path = options.path;
    this.hint = options.hint;
    Object.defineProperty(this, BRANDS, { value: brandsOf(new.target) });
  }

  /** Recognizes errors of any loaded copy of the package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // A subclass without a brand of its own is told apart like all other classes.
    if (!Object.hasOwn(this, "brand")) return Function.prototype[Symbol.hasInstance].call(this, value);
    if (typeof value !== "object" || value === null) return false;
    const brands: unknown = Reflect.get(value, BRANDS);
    return Array.isArray(brands) && brands.includes(this.brand);
  }
}

function brandsOf(constructor: { readonly brand: string }): readonly string[] {
  const brands: string[] = [];
  let current: { readonly brand: string } | null = constructor;
  while (current !== null && current.brand !== undefined) {
    brands.push(current.brand);
    current = Object.getPrototypeOf(current);
  }
  return brands;
}

/** One violation or warning in a declaration. */
export interface Problem {
  /** `error` refuses the declaration, `warning` lets it run. */
  readonly severity: "error" | "warning";
  /** Stable snake_case name of the rule. */
  readonly rule: string;
  /** JSON Pointer to the value, such as `/children/2/dependencies/0`. */
  readonly pointer: string;
  /** What is wrong, in one sentence without a final period. */
  readonly reason: string;
  /** What to do next. */
  readonly hint?: string;
}

/** What a {@linkcode SpecError} says beside its problems. */
export interface SpecErrorOptions extends ReeveErrorOptions {
  /** What cannot be done. @default {"start the tree"} */
  readonly wish?: string;
}

/** A declaration with violations; nothing was started. */
export class SpecError extends ReeveError {
  /** The name under which `instanceof` recognizes the class in another copy of the package. */
  static override readonly brand: string = "SpecError";
  /** All problems, warnings included, ordered by position. */
  readonly problems: readonly Problem[];

  /** Creates the error from all problems that were found. */
  constructor(problems: readonly Problem[], { wish = "start the tree", ...options }: SpecErrorOptions = {}) {
    const errors = problems.filter((problem) => problem.severity === "error");
    const text = errors.map((problem) => `\n  ${describeProblem(problem)}`).join("");
    super("invalid_spec", `Cannot ${wish}: ${errors.length} ${errors.length === 1 ? "violation" : "violations"}${text}`, options);
    this.problems = problems;
  }
}

/** Renders one problem as a line of text. */
export function describeProblem(problem: Problem): string {
  const hint = problem.hint === undefined ? "" : `. ${problem.hint}`;
  return `${problem.pointer === "" ? "/" : problem.pointer}: ${problem.reason}${hint}`;
}
