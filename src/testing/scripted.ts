/** Children that do what a script says, and notice when they are started twice. */
import type { AttemptContext, ChildAdapter, RunningChild } from "../runtime/mod.ts";
import type { Exit } from "../event/mod.ts";

/** What one attempt does; times are milliseconds after the step before. */
export interface AttemptScript {
  /** Fails to start at all. */
  readonly throwsAtStart?: boolean;
  /** When it says that it runs. @default {0, at once} */
  readonly runningAfterMs?: number;
  /** When it says that it is ready. @default {never, for children that are ready when running} */
  readonly readyAfterMs?: number;
  /** When it takes its readiness back, after it was ready. @default {never} */
  readonly notReadyAfterMs?: number;
  /** When it is ready again after that. @default {never} */
  readonly readyAgainAfterMs?: number;
  /** How often it sends a heartbeat. @default {never} */
  readonly heartbeatEveryMs?: number;
  /** When and how it ends by itself. @default {never} */
  readonly exit?: { readonly afterMs: number; readonly exit: Exit };
  /** When it ends after it was asked to stop; `null` ignores that. @default {0, at once} */
  readonly cancelAfterMs?: number | null;
  /** When it ends after it was forced; `null` cannot be forced. @default {0, at once} */
  readonly killAfterMs?: number | null;
  /** When it ends after it could not be forced; `null` never. @default {never} */
  readonly lateExitAfterMs?: number | null;
  /** Reports its exit twice. */
  readonly exitsTwice?: boolean;
}

/** A violation of a promise that the supervisor makes. */
export class InvariantViolation extends Error {
  /** Creates the violation. */
  constructor(message: string) {
    super(message);
    this.name = "InvariantViolation";
  }
}

/** Returns an adapter whose attempts follow scripts; it throws when two of them would be alive at the same time. */
export function scriptedAdapter(
  nextScript: (context: AttemptContext) => AttemptScript,
  onViolation: (violation: InvariantViolation) => void,
): ChildAdapter {
  let live = 0;
  return {
    start(context): RunningChild {
      if (live > 0) onViolation(new InvariantViolation(`${context.path} was started while an earlier attempt is alive`));
      const script = nextScript(context);
      if (script.throwsAtStart) throw new Error("scripted failure to start");
      live++;
      return new ScriptedAttempt(script, context, () => live--);
    },
  };
}

class ScriptedAttempt implements RunningChild {
  readonly #script: AttemptScript;
  readonly #context: AttemptContext;
  readonly #onEnd: () => void;
  readonly #cancels: (() => void)[] = [];
  #ended = false;

  constructor(script: AttemptScript, context: AttemptContext, onEnd: () => void) {
    this.#script = script;
    this.#context = context;
    this.#onEnd = onEnd;
    this.#after(script.runningAfterMs ?? 0, () => {
      context.running();
      if (script.readyAfterMs !== undefined) this.#after(script.readyAfterMs, () => this.#becomeReady());
      if (script.heartbeatEveryMs !== undefined) this.#beat(script.heartbeatEveryMs);
      if (script.exit !== undefined) this.#after(script.exit.afterMs, () => this.#end(script.exit!.exit));
    });
  }

  cancel(): void {
    const delayMs = this.#script.cancelAfterMs ?? (this.#script.cancelAfterMs === null ? null : 0);
    if (delayMs !== null) this.#after(delayMs, () => this.#end({ kind: "cancelled" }));
  }

  kill(): void {
    const { killAfterMs = 0, lateExitAfterMs = null } = this.#script;
    if (killAfterMs !== null) return this.#after(killAfterMs, () => this.#end({ kind: "killed" }));
    this.#context.abandoned();
    if (lateExitAfterMs !== null) this.#after(lateExitAfterMs, () => this.#end({ kind: "cancelled" }));
  }

  #becomeReady(): void {
    const { notReadyAfterMs, readyAgainAfterMs } = this.#script;
    this.#context.ready(true);
    if (notReadyAfterMs === undefined) return;
    this.#after(notReadyAfterMs, () => {
      this.#context.ready(false);
      if (readyAgainAfterMs !== undefined) this.#after(readyAgainAfterMs, () => this.#context.ready(true));
    });
  }

  #beat(everyMs: number): void {
    this.#context.heartbeat(this.#context.clock.now());
    this.#after(everyMs, () => this.#beat(everyMs));
  }

  #end(exit: Exit): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const cancel of this.#cancels) cancel();
    this.#onEnd();
    this.#context.exited(exit);
    if (this.#script.exitsTwice) this.#context.exited(exit);
  }

  #after(delayMs: number, action: () => void): void {
    if (this.#ended) return;
    if (delayMs === 0) action();
    else this.#cancels.push(this.#context.clock.setTimer(() => !this.#ended && action(), delayMs));
  }
}
