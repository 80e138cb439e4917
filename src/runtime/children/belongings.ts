/** What a process has beyond itself: descendants outside of its group, limits, and an end when the program dies. */
import { clearTimeout, setTimeout } from "node:timers";
import type { ProcessOptions, ResourceLimits } from "../../spec/mod.ts";
import { type KillOptions, killSurvivors, type Noted, noteDescendants } from "./descendants.ts";
import { parentDeath } from "./parent_death.ts";
import { HAS_GROUPS } from "./process_group.ts";
import { wrapCommand, type WrappedCommand } from "./resource_limits.ts";

/** What of the declaration matters here. */
export interface BelongingsPlan extends Pick<ProcessOptions, "stopOnParentDeath"> {
  readonly resourceLimits?: ResourceLimits;
  /** What the process has in its environment. */
  readonly mark: string;
  /** Whether everything that the process started ends with it. */
  readonly killTree: boolean;
}

/** Longest time in milliseconds that a signal waits for descendants to be noted. */
const NOTE_MS = 250;

/** The belongings of one attempt, asked in the order in which it lives. */
export class Belongings {
  readonly #plan: BelongingsPlan;
  readonly #say: (line: string) => void;
  #pid: number | undefined;
  #command: WrappedCommand | null = null;
  #notes: Promise<readonly Noted[]> | null = null;
  #areNoted = false;

  constructor(plan: BelongingsPlan, say: (line: string) => void) {
    this.#plan = plan;
    this.#say = say;
  }

  /** The command that runs this one under its limits. Throws where it cannot be limited. */
  command(file: string, argv: readonly string[]): [file: string, argv: string[]] {
    this.#command = wrapCommand(this.#plan.resourceLimits ?? {}, file, argv);
    return [this.#command.file, [...this.#command.argv]];
  }

  /** It was started; to be called within the same turn. */
  started(pid: number): void {
    this.#pid = pid;
    if (this.#plan.stopOnParentDeath !== false) parentDeath.add(pid, this.#say);
  }

  /** Goes before each signal that may end it: calls back when its descendants are noted, at once where they were, and soon in any case. */
  beforeSignal(send: () => void): void {
    if (!this.#plan.killTree || !HAS_GROUPS || this.#pid === undefined || this.#areNoted) return send();
    this.#notes ??= noteDescendants(this.#pid, {
      mark: this.#plan.mark,
      onUnmeasured: (reason) => this.#say(`What leaves its process group is not ended with it: unmeasured, ${reason}`),
    });
    let isSent = false;
    const sendOnce = (): void => {
      clearTimeout(late);
      if (!isSent) send();
      isSent = true;
    };
    const late = setTimeout(sendOnce, NOTE_MS);
    late.unref();
    void this.#notes.then(() => void (this.#areNoted = true)).then(sendOnce);
  }

  /** It has ended; to be called as soon as that is known. */
  ended(): void {
    if (this.#pid !== undefined) parentDeath.remove(this.#pid);
  }

  /** Ends what was noted and is still there, once the group is gone. Never rejects. */
  async leave(isUrgent: () => boolean): Promise<void> {
    if (this.#notes !== null) await this.#end(await this.#notes, { isUrgent });
  }

  /** Ends what carries the mark, whoever started it and when; to be called when nothing runs that is to stay. Never rejects. */
  async sweep(isUrgent: () => boolean): Promise<void> {
    if (!this.#plan.killTree || !HAS_GROUPS) return;
    await this.#end([], { mark: this.#plan.mark, isUrgent });
  }

  /** Nothing of the attempt is left, as far as that can be had. */
  release(): void {
    this.#command?.release();
  }

  async #end(noted: readonly Noted[], options: KillOptions): Promise<void> {
    const { found, left } = await killSurvivors(noted, options);
    if (found > 0) this.#say(`Ended ${found === 1 ? "a process" : `${found} processes`} that had left its process group`);
    if (left.length > 0) this.#say(`Cannot end what had left its process group: ${left.join(", ")}`);
  }
}
