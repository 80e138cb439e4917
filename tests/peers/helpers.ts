/** What the tables of the peers' cases have in common: how a case becomes a test, and a stage on which tasks do what the test says. */
import { assert, assertEquals } from "@std/assert";
import {
  child,
  type ChildOptions,
  type ChildSnapshot,
  type ChildSpec,
  type Report,
  supervise,
  type SupervisorEvent,
  type TaskContext,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

// --- tables -----------------------------------------------------------------------------------------------------------------------------------

/** What a case needs that does not exist yet. */
export type Need = "reload" | "file watch";

/** A case of a peer's test suite. */
export type PeerCase =
  & {
    /** The peer's name of the case. */
    readonly name: string;
    /** What it means here. */
    readonly means: string;
  }
  & (
    /** `needs` names what a part of the case waits for. */
    | { readonly run: () => Promise<void>; readonly needs?: Need }
    | { readonly not: string }
    | { readonly needs: Need }
  );

/** Registers a test for every case that is run, and one that finds each of the peer's names in the table. */
export function registerCases(peer: string, names: readonly string[], cases: readonly PeerCase[]): void {
  for (const entry of cases) if ("run" in entry) Deno.test(`${peer}: ${entry.name}: ${entry.means}`, entry.run);
  Deno.test(`${peer}: every case of the suite is in the table once: it is run, has a reason, or names what it needs`, () => {
    assertEquals(cases.map(({ name }) => name).toSorted(), names.toSorted());
    assertEquals(new Set(names).size, names.length, "a name is listed twice");
    for (const entry of cases) {
      assert(entry.means.length >= 20, `${entry.name} does not say what it means`);
      if ("not" in entry) assert(entry.not.length >= 20, `${entry.name} does not say why it has no meaning`);
      assert("run" in entry || "not" in entry || "needs" in entry, `${entry.name} is not answered`);
    }
  });
}

// --- stage ------------------------------------------------------------------------------------------------------------------------------------

/** What an actor does when it is started. */
export type Opening = "run" | "fail" | "succeed" | "cancel";

/** A task in the hands of a test; it never runs twice at once, or the test fails. */
export class Actor {
  /** Name of the child. */
  readonly name: string;
  /** Declaration of the child. */
  readonly spec: ChildSpec;
  /** How often it was started. */
  starts = 0;
  /** Whether it runs now. */
  live = false;
  /** Whether it was ever started while it ran. */
  multistarted = false;
  /** What it does at its nth start, counted from 1. */
  opening: (start: number) => Opening = () => "run";
  /** Time in milliseconds from being asked to stop until it has stopped; `null` ignores the request. */
  stopMs: number | null = 0;
  /** The error with which it answers being asked to stop; `null` ends quietly. */
  stopError: Error | null = null;
  readonly #stage: Stage;
  #context: TaskContext | null = null;
  #settle: ((error: unknown) => void) | null = null;

  constructor(stage: Stage, name: string, options: ChildOptions) {
    this.#stage = stage;
    this.name = name;
    this.spec = child.task(name, (context) => this.#play(context), options);
  }

  /** Ends with an error. */
  fail(error: Error = new Error(`${this.name} broke`)): void {
    this.#end(error);
  }

  /** Ends with success. */
  finish(): void {
    this.#end(null);
  }

  /** Ends because it wants to, which counts as stopped on purpose. */
  cancel(): void {
    this.#context?.cancel("no more");
  }

  /** Says that it is ready. */
  ready(isReady = true): void {
    this.#context?.ready(isReady);
  }

  #end(error: Error | null): void {
    assert(this.#settle !== null, `${this.name} does not run`);
    this.#settle(error);
  }

  async #play(context: TaskContext): Promise<void> {
    if (this.live) {
      this.multistarted = true;
      throw new Error(`${this.name} was started while it ran`);
    }
    this.live = true;
    this.starts++;
    this.#context = context;
    this.#stage.log.push(`+${this.name}`);
    try {
      const opening = this.opening(this.starts);
      if (opening === "fail") throw new Error(`${this.name} cannot start`);
      if (opening === "cancel") context.cancel("not now");
      if (opening === "run") await this.#wait(context.signal);
    } finally {
      this.live = false;
      this.#settle = null;
      this.#stage.log.push(`-${this.name}`);
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = (error) => error === null ? resolve() : reject(error);
      signal.addEventListener("abort", () => {
        this.#stage.asked.push(this.name);
        if (this.stopMs === null) return;
        const answer = (): void => this.#settle?.(this.stopError);
        if (this.stopMs === 0) answer();
        else this.#stage.clock.setTimer(answer, this.stopMs);
      });
    });
  }
}

/** A real tree on a virtual clock, and the actors in it. */
export class Stage {
  readonly clock: VirtualClock = new VirtualClock();
  /** `+name` for every start of an actor, `-name` for every end. */
  readonly log: string[] = [];
  /** Actors in the order in which they were asked to stop. */
  readonly asked: string[] = [];
  readonly #actors: Actor[] = [];
  #tree: Tree | null = null;

  /** Adds an actor; put its `spec` into the tree. */
  actor(name: string, options: ChildOptions = {}): Actor {
    const actor = new Actor(this, name, options);
    this.#actors.push(actor);
    return actor;
  }

  /** The tree that was opened. */
  get tree(): Tree {
    assert(this.#tree !== null, "the stage was not opened");
    return this.#tree;
  }

  /** Starts the tree, and lets everything happen that needs no time. */
  async open(spec: TreeSpec): Promise<Tree> {
    this.#tree = await supervise(spec, { clock: this.clock, keepAlive: false, random: () => 0 });
    await this.clock.advance(0);
    return this.#tree;
  }

  /** Lets time pass. */
  async advance(durationMs = 0): Promise<void> {
    await this.clock.advance(durationMs);
  }

  /** Phases of children, as `path phase`. */
  phases(...paths: readonly string[]): string[] {
    return paths.map((path) => `${path} ${this.tree.child(path).phase}`);
  }

  /** The events so far, of one type when one is given. */
  async events<T extends SupervisorEvent["type"]>(type: T): Promise<Extract<SupervisorEvent, { type: T }>[]> {
    const { seq } = this.tree.snapshot();
    const found: Extract<SupervisorEvent, { type: T }>[] = [];
    if (seq === 0) return found;
    for await (const event of this.tree.events()) {
      assert(event.type !== "gap", "the journal of the tree is too short for the test");
      if (hasType(event, type)) found.push(event);
      if (event.seq === seq) break;
    }
    return found;
  }

  /** Shuts the tree down in `withinMs` of virtual time. */
  async close(withinMs = 100_000): Promise<Report> {
    const ending = this.tree.shutdown();
    await this.advance(withinMs);
    return await ending;
  }

  /** Ends what a case has left, and checks what must hold at the end of every case. */
  async leave(): Promise<void> {
    if (this.#tree !== null) {
      const report = await this.close();
      assertEquals(this.clock.timers, 0, "timers are left");
      const left = this.#actors.filter(({ live, name }) => live && !report.abandoned.some((path) => path.endsWith(`/${name}`)));
      assertEquals(left.map(({ name }) => name), [], "who still runs is told as abandoned");
    }
    assertEquals(this.#actors.filter(({ multistarted }) => multistarted).map(({ name }) => name), [], "started while it ran");
  }
}

/** Makes the body of a case: a fresh stage, the case, and what must hold after every case. */
export function play(act: (stage: Stage) => Promise<void>): () => Promise<void> {
  return async () => {
    const stage = new Stage();
    await act(stage);
    await stage.leave();
  };
}

/** Options that give a child the semantics of OTP: no delay, and one failure more than `maxRestarts` in the window fails its supervisor. */
export function otp(maxRestarts = 2, windowMs = 3_600_000): ChildOptions {
  return { backoff: { initialMs: 0, maxMs: 0, jitter: "none" }, limit: { maxRestarts, windowMs, onExceeded: "escalate" } };
}

/** A constant delay before every restart, and no limit that matters. */
export function delayed(delayMs: number): ChildOptions {
  return { backoff: { initialMs: delayMs, maxMs: delayMs, jitter: "none" }, limit: { maxRestarts: 1_000_000 } };
}

/** All children of a snapshot, those of supervisors included. */
export function flatten(children: readonly ChildSnapshot[]): ChildSnapshot[] {
  return children.flatMap((one) => [one, ...flatten(one.children)]);
}

function hasType<T extends SupervisorEvent["type"]>(event: SupervisorEvent, type: T): event is Extract<SupervisorEvent, { type: T }> {
  return event.type === type;
}
