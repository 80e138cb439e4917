/** Errors by which a child says what its failure means. */

/** What a failure means: nobody can run with this configuration, the program is wrong, or something else is down. */
export type ChildErrorKind = "fatal_config" | "fatal_bug" | "external_dependency";

const KINDS: readonly unknown[] = ["fatal_config", "fatal_bug", "external_dependency"] satisfies readonly ChildErrorKind[];
const KIND = Symbol.for("@reeve/supervisor/child-error-kind");

/**
 * Thrown by a task or worker to say more than that it failed.
 *
 * `fatal_config` ends the whole tree, `fatal_bug` makes the supervisor give up, whatever the restart policy; for a child whose severity is `optional`
 * both only keep it down. `external_dependency` is restarted like any failure, and says by its category that the child is not to blame.
 *
 * @example
 * ```ts
 * import { child, ChildError, supervise } from "@reeve/supervisor";
 *
 * const tree = await supervise({
 *   children: [
 *     child.task("store", () => {
 *       throw new ChildError("fatal_config", "STORE_DSN is no URL");
 *     }),
 *   ],
 * });
 * const { exitCode, cause } = await tree.finished;
 * console.log(exitCode, cause.reason); // 70 "/store" cannot run with this configuration: STORE_DSN is no URL
 * ```
 */
export class ChildError extends Error {
  /** What the failure means. */
  readonly kind: ChildErrorKind;

  /** Creates the error. */
  constructor(kind: ChildErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ChildError";
    this.kind = kind;
    Object.defineProperty(this, KIND, { value: kind });
  }
}

/** What a thrown value says that its failure means, also when it comes from another copy of the package. */
export function childErrorKind(error: unknown): ChildErrorKind | undefined {
  try {
    const kind: unknown = typeof error === "object" && error !== null ? Reflect.get(error, KIND) : undefined;
    return isChildErrorKind(kind) ? kind : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value, such as one from a worker, is one of the kinds. */
export function isChildErrorKind(value: unknown): value is ChildErrorKind {
  return KINDS.includes(value);
}
