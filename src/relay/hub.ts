/** All targets of a relay, and who listens to them. */
import type { Clock } from "../base/mod.ts";
import { type KnownTarget, TargetLink } from "./target_link.ts";
import { type TargetRow, toWire, type WireMessage } from "./wire.ts";

/** Hears of all targets. */
export interface HubListener {
  /** A target said something. */
  said(targetId: string, message: WireMessage): void;
  /** Which targets there are, or how the connection to one is, has changed; `null` where a target came or went. */
  changed(targetId: string | null): void;
  /** It could not take what it was told. */
  failed(error: unknown): void;
}

/** The targets of one relay. */
export class Hub {
  readonly #clock: Clock;
  readonly #links = new Map<string, TargetLink>();
  readonly #listeners = new Set<HubListener>();
  #list: WireMessage | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How all targets are, by name. */
  get rows(): readonly TargetRow[] {
    return [...this.#links.values()].map(({ row }) => row).sort((a, b) => a.targetId < b.targetId ? -1 : 1);
  }

  /** All targets as a message; it is the same one until something changes. */
  get list(): WireMessage {
    return this.#list ??= { type: "target_list", targets: this.rows.map((row) => toWire(row)) };
  }

  /** The link to a target. */
  find(targetId: string): TargetLink | undefined {
    return this.#links.get(targetId);
  }

  /** Tells somebody of everything from now on, until the returned function is called. */
  listen(listener: HubListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** A target is known; one that is known otherwise is left and connected to anew. */
  add(known: KnownTarget): void {
    const { targetId } = known;
    const before = this.#links.get(targetId);
    if (before !== undefined && !before.isExpired && isSame(before.known, known)) return;
    const link = new TargetLink(known, {
      clock: this.#clock,
      listener: {
        said: (message) => this.#isCurrent(link) && this.#tell((listener) => listener.said(targetId, message)),
        changed: () => this.#isCurrent(link) && this.#changed(targetId),
      },
    }, before?.known.path === known.path ? before.heard : undefined);
    this.#links.set(targetId, link);
    void before?.close();
    void link.begin();
    this.#changed(null);
  }

  /** The lease of a target is over: it is not connected to any more, until it is added again. */
  expire(targetId: string): void {
    const link = this.#links.get(targetId);
    if (link === undefined) return;
    link.expire();
    this.#changed(null);
  }

  /** A target is known no more. */
  remove(targetId: string): void {
    const link = this.#links.get(targetId);
    if (link === undefined) return;
    this.#links.delete(targetId);
    void link.close();
    if (!link.isExpired) {
      this.#tell((listener) => listener.said(targetId, { type: "connection_state", target_id: targetId, state: "expired" }));
    }
    this.#changed(null);
  }

  /** Leaves all of them. */
  async close(): Promise<void> {
    const links = [...this.#links.values()];
    this.#links.clear();
    this.#listeners.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  #isCurrent(link: TargetLink): boolean {
    return this.#links.get(link.known.targetId) === link;
  }

  #changed(targetId: string | null): void {
    this.#list = null;
    this.#tell((listener) => listener.changed(targetId));
  }

  #tell(how: (listener: HubListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        how(listener);
      } catch (error) {
        listener.failed(error);
      }
    }
  }
}

function isSame(one: KnownTarget, other: KnownTarget): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
