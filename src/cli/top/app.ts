/** The loop between a terminal and a target. */
import type { Client } from "../../client/mod.ts";
import type { Terminal } from "../io.ts";
import { type Input, InputDecoder } from "./decoder.ts";
import type { Feed } from "./feed.ts";
import { type Effect, emptyModel, type Model } from "./model.ts";
import { enterScreen, LEAVE_SCREEN, Painter } from "./painter.ts";
import type { Arrival, Push } from "./pushes.ts";
import { type Incoming, update } from "./update.ts";
import { view } from "./view.ts";

/** Twenty pictures a second at most. */
const FRAME_MS = 50;
/** Ages and the countdown go on once a second. */
const TICK_MS = 1_000;
/** So long after ESC, nothing follows that belongs to it. */
const ESCAPE_MS = 30;

/** Pushes that wait for the next picture at most. */
const MOST_PUSHES = 2_048;
/** A terminal that takes nothing is left alone. */
const LEAVE_MS = 1_000;

/** What the loop is made of. */
export interface AppOptions {
  readonly terminal: Terminal;
  readonly color: boolean;
  readonly mouse: boolean;
}

/** Shows a tree until somebody has seen enough. */
export class App {
  readonly #options: AppOptions;
  readonly #painter = new Painter();
  readonly #decoder = new InputDecoder();
  readonly #over = new AbortController();
  #model: Model;
  #feed: Feed | null = null;
  #pushes: Push[] = [];
  #frame: ReturnType<typeof setTimeout> | undefined;
  #escape: ReturnType<typeof setTimeout> | undefined;
  #paintedAtMs = -Infinity;
  /** Whether the screen is ours. */
  #isOn = false;
  #isWriting = false;
  #isDirty = false;
  #end: (code: number) => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(options: AppOptions) {
    this.#options = options;
    this.#model = emptyModel({ ...options.terminal.size(), nowMs: Date.now() });
  }

  /** Takes what the target tells; also before there is a screen. */
  take(arrival: Arrival): void {
    if (arrival.type === "pushes") {
      this.#pushes.push(...arrival.pushes);
      // While nothing is painted, they must not pile up.
      if (this.#pushes.length >= MOST_PUSHES) this.#drain();
    } else {
      // What came before counts before.
      this.#drain();
      this.#apply(arrival);
    }
    this.#schedule();
  }

  /** Shows the tree; resolves with the exit code. Whatever happens, the terminal is as before afterwards. */
  async run(client: Client, feed: Feed): Promise<number> {
    const { terminal } = this.#options;
    this.#feed = feed;
    const ended = new Promise<number>((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    const stops = [
      terminal.onEnd((why) => "code" in why ? this.#end(why.code) : this.#fail(why.error)),
      terminal.onInput((bytes) => this.#input(bytes)),
      terminal.onResize(() => this.#apply({ type: "resize", ...terminal.size() })),
    ];
    const ticks = setInterval(() => this.#schedule(), TICK_MS);
    try {
      this.#enter();
      const { signal } = this.#over;
      feed.run(client, signal).then(() => {}, (error) => signal.aborted ? undefined : this.#fail(error));
      return await ended;
    } finally {
      this.#over.abort();
      clearInterval(ticks);
      clearTimeout(this.#escape);
      for (const stop of stops) stop();
      await this.#leave();
    }
  }

  #enter(): void {
    const { terminal, mouse } = this.#options;
    this.#isOn = true;
    terminal.setRaw(true);
    void terminal.write(enterScreen(mouse));
    this.#painter.forget();
    this.#schedule();
  }

  async #leave(): Promise<void> {
    const { terminal } = this.#options;
    this.#isOn = false;
    clearTimeout(this.#frame);
    this.#frame = undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([terminal.write(LEAVE_SCREEN), new Promise((resolve) => timer = setTimeout(resolve, LEAVE_MS))]);
    clearTimeout(timer);
    terminal.setRaw(false);
  }

  #input(bytes: Uint8Array): void {
    clearTimeout(this.#escape);
    this.#act(this.#decoder.push(bytes));
    if (this.#decoder.isWaiting) this.#escape = setTimeout(() => this.#act(this.#decoder.flush()), ESCAPE_MS);
  }

  #act(inputs: readonly Input[]): void {
    if (inputs.length === 0) return;
    // Who presses a key means what is on the screen.
    for (const input of inputs) this.#apply(input);
  }

  #apply(incoming: Incoming): void {
    const [model, effects] = update(this.#model, incoming);
    this.#model = model;
    for (const effect of effects) this.#carryOut(effect);
    if (incoming.type !== "tick") this.#schedule();
  }

  #carryOut(effect: Effect): void {
    if (effect.type === "quit") return this.#end(0);
    if (effect.type === "suspend") return void this.#suspend().catch((error) => this.#fail(error));
    void this.#feed?.carryOut(effect);
  }

  async #suspend(): Promise<void> {
    await this.#leave();
    await this.#options.terminal.suspend();
    if (this.#over.signal.aborted) return;
    this.#apply({ type: "resize", ...this.#options.terminal.size() });
    this.#enter();
  }

  /** Everything that was pushed since the last picture counts at once. */
  #drain(): void {
    if (this.#pushes.length === 0) return;
    const pushes = this.#pushes;
    this.#pushes = [];
    this.#apply({ type: "pushes", pushes });
  }

  #schedule(): void {
    this.#isDirty = true;
    if (!this.#isOn || this.#frame !== undefined || this.#isWriting) return;
    this.#frame = setTimeout(() => this.#paint(), Math.max(0, this.#paintedAtMs + FRAME_MS - performance.now()));
  }

  /** A terminal that is slow gets fewer pictures, not older ones. */
  #paint(): void {
    const { terminal, color } = this.#options;
    this.#apply({ type: "tick", nowMs: Date.now() });
    this.#drain();
    this.#frame = undefined;
    this.#isDirty = false;
    this.#paintedAtMs = performance.now();
    const { columns, rows } = this.#model;
    const text = this.#painter.paint(view(this.#model, { columns, rows, color }), columns);
    if (text === "") return;
    this.#isWriting = true;
    void terminal.write(text).then(() => {
      this.#isWriting = false;
      if (this.#isDirty) this.#schedule();
    });
  }
}
