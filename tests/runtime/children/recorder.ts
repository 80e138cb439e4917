/** Stands in for the tree: writes down what an adapter reports about one attempt. */
import {
  type ChildEnd,
  type ChildRequestKind,
  type Clock,
  type CommandPermissions,
  reasonOf,
  Redactor,
  requirePermission,
} from "../../../src/base/mod.ts";
import type { Exit } from "../../../src/event/mod.ts";
import type { LineSink } from "../../../src/observe/mod.ts";
import type { AttemptContext } from "../../../src/runtime/children/types.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { HeldSockets } from "../../../src/runtime/held_sockets.ts";
import { Ledger, type Opened } from "../../../src/runtime/ledger.ts";

/** What a test wants to differ. */
export interface RecorderOptions {
  readonly args?: unknown;
  readonly environment?: readonly (readonly [string, string])[];
  readonly clock?: Clock;
  readonly permissions?: CommandPermissions;
  readonly sink?: LineSink;
}

/** An attempt that remembers everything. */
export class Recorder implements AttemptContext {
  readonly path = "/tree/child";
  readonly name = "child";
  readonly generation = 2;
  readonly attempt = 7;
  readonly mark = crypto.randomUUID();
  readonly args: unknown;
  readonly environment: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly permissions: CommandPermissions;
  readonly redactor = new Redactor();
  readonly sink: LineSink | null;
  /** What the adapter opened and did not strike out. */
  readonly ledger = new Ledger();
  readonly sockets = new HeldSockets(this.ledger);
  readonly launch = <T>(spawn: () => T): T => spawn();
  readonly opened: Opened = (kind, detail, isThere) => this.ledger.open(this.path, kind, detail, isThere);
  /** Everything but output, in order: `running`, `ready true`, `exited succeeded`, `abandoned` and so on. */
  readonly reports: string[] = [];
  /** Output as `stream: line`. */
  readonly lines: string[] = [];
  readonly heartbeats: number[] = [];
  readonly exits: Exit[] = [];
  readonly #waiters: { readonly wanted: () => boolean; readonly resolve: () => void }[] = [];

  constructor({ args = null, environment = [], clock = systemClock(), permissions = {}, sink }: RecorderOptions = {}) {
    this.args = args;
    this.environment = new Map(environment);
    this.clock = clock;
    this.permissions = permissions;
    this.sink = sink ?? null;
  }

  running(): void {
    this.#report("running");
  }

  ready(isReady: boolean): void {
    this.#report(`ready ${isReady}`);
  }

  heartbeat(atMs: number): void {
    this.heartbeats.push(atMs);
    this.#wake();
  }

  output(stream: "stdout" | "stderr" | "log", line: string): void {
    this.lines.push(`${stream}: ${line}`);
    this.#wake();
  }

  request(kind: ChildRequestKind, reason: unknown): void {
    requirePermission(kind, this.path, this.permissions);
    this.#report(`requests ${kind}: ${reasonOf(reason)}`);
  }

  /** Nobody else is there. */
  async *watch(path: string): AsyncIterableIterator<ChildEnd> {
    yield { path, generation: 0, attempt: 0, kind: "not_found", message: "nobody is there", returns: false };
  }

  exited(exit: Exit): void {
    this.exits.push(exit);
    this.#report(`exited ${exit.kind}`);
  }

  abandoned(): void {
    this.#report("abandoned");
  }

  /** Resolves as soon as the condition holds; it is looked at after every report. */
  until(wanted: () => boolean): Promise<void> {
    if (wanted()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ wanted, resolve }));
  }

  /** Resolves with the exit. */
  async exit(): Promise<Exit> {
    await this.until(() => this.exits.length > 0);
    return this.exits[0]!;
  }

  #report(text: string): void {
    this.reports.push(text);
    this.#wake();
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) {
      if (!waiter.wanted()) continue;
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      waiter.resolve();
    }
  }
}
