/** Children that are started anew with something new, one or several copies of one; where that fails, with what was. */
import { lastName, ReeveError, thrownMessage } from "../base/mod.ts";
import type { ChildSlot, Planner, PlanRevision } from "../core/mod.ts";
import { describe, type Request, type SupervisorEvent } from "../event/mod.ts";
import type { Bus } from "../observe/mod.ts";
import { type ChildSpec, DEFAULTS } from "../spec/mod.ts";
import { numberOf } from "./instances.ts";
import type { Interpreter } from "./interpreter.ts";
import type { Members } from "./members.ts";
import type { Orders } from "./orders.ts";
import { recordedElsewhere } from "./tree_audit.ts";

/** A child with which it did not work, and why. */
export interface Failed {
  /** Path of the child. */
  readonly path: string;
  /** What went wrong. */
  readonly reason: string;
}

/** What a replacement needs of its tree. */
export interface ReplacementHost {
  readonly name: string;
  readonly planner: Planner;
  readonly interpreter: Interpreter;
  readonly members: Members;
  readonly orders: Orders;
  readonly events: Bus<SupervisorEvent>;
}

/** On whose behalf it is done, and how long it is looked at. */
export interface Replacing {
  readonly who: Request;
  /** How long, in milliseconds, it is seen whether a child that counts as ready as soon as it runs does not fail. */
  readonly probationMs: number;
}

/** A child that is to be started anew: as it is to be, and as it was, which is the same where nothing is new. */
export interface Replaced {
  readonly path: string;
  readonly next: ChildSpec;
  readonly before: ChildSpec;
}

/** Copies of one child that are to be started anew, one after the other. */
export interface RolledSet {
  /** Path of the set. */
  readonly path: string;
  /** Of what extra copies are made. */
  readonly template: ChildSpec;
  readonly copies: readonly Replaced[];
}

/** Starts children of one tree anew. */
export class Replacement {
  readonly #host: ReplacementHost;

  constructor(host: ReplacementHost) {
    this.#host = host;
  }

  /** Starts a child anew; returns why it did not work. */
  async restart({ path, next, before }: Replaced, replacing: Replacing): Promise<string | null> {
    const slot = this.#slotOf(path);
    if (slot === undefined) return "it is not there any more";
    const { orders, events } = this.#host;
    const { policy } = this.#revise(path, next);
    const { operation, phase } = slot;
    // Who is held, or has done its work, begins with it when it begins again.
    if (operation !== "active" || phase === "stopped") return null;
    const since = events.lastSeq;
    await orders.plain(path)("restart", replacing.who);
    const why = await this.#whyNotUp(path, since, policy.readyWhenRunning ? replacing.probationMs : null);
    if (why === null) return null;
    if (next !== before) await this.#backTo(path, before, replacing.who);
    return why;
  }

  /**
   * Starts copies anew so that there are never fewer than declared: extra ones first, which show whether it works at all, then the others, as many at a time.
   *
   * Where one does not get ready, all are as they were before.
   */
  async roll(set: RolledSet, replacing: Replacing): Promise<Failed[]> {
    const { copies, template } = set;
    const most = template.rolling?.maxSurge ?? DEFAULTS.maxSurge;
    const wanted = copies.some(({ path }) => this.#slotOf(path)?.stamp !== 0) ? Math.min(most, copies.length) : 0;
    const extras: string[] = [];
    try {
      const why = await this.#surge(set, wanted, replacing, extras);
      if (why !== null) return copies.map(({ path }) => ({ path, reason: `an extra copy did not get ready: ${why}` }));
      return await this.#inTurn(copies, Math.max(1, extras.length), replacing);
    } finally {
      for (const path of extras) await this.remove(path, replacing.who).catch(() => {});
    }
  }

  /** Takes a child away; resolves when it is gone. */
  async remove(path: string, who: Request): Promise<void> {
    if (this.#host.members.find(path) === undefined) return;
    const since = this.#host.events.lastSeq;
    await this.#host.orders.plain(path)("remove", who);
    await this.#next(path, since, (event) => event.type === "child_removed" ? true : null);
  }

  /** Starts extra copies; returns why one did not get ready. */
  async #surge({ path, template }: RolledSet, count: number, replacing: Replacing, extras: string[]): Promise<string | null> {
    const { members, events } = this.#host;
    const numbers = [...members.paths].filter((other) => other.startsWith(`${path}/`)).map((other) => numberOf(lastName(other)));
    const last = Math.max(0, ...numbers);
    const starting = Array.from({ length: count }, async (_, index) => {
      const since = events.lastSeq;
      const request = recordedElsewhere({ ...replacing.who, to: path, untilReady: true });
      const { path: own } = await members.addInstance(template, last + 1 + index, request, false);
      extras.push(own);
      return this.#slotOf(own)?.plan.policy.readyWhenRunning === true ? await this.#failureWithin(own, since, replacing.probationMs) : null;
    });
    const found = await Promise.all(starting.map((one) => one.catch(thrownMessage)));
    return found.find((why) => why !== null) ?? null;
  }

  async #inTurn(copies: readonly Replaced[], width: number, replacing: Replacing): Promise<Failed[]> {
    for (let done = 0; done < copies.length; done += width) {
      const batch = copies.slice(done, done + width);
      const found = await Promise.all(batch.map(async (copy) => [copy.path, await this.restart(copy, replacing)] as const));
      const failed = found.flatMap(([path, reason]) => reason === null ? [] : [{ path, reason }]);
      if (failed.length === 0) continue;
      const names = failed.map(({ path }) => lastName(path)).join(", ");
      const isFailed = ({ path }: Replaced): boolean => failed.some((other) => other.path === path);
      const back = copies.slice(0, done + width).filter((copy) => !isFailed(copy) && copy.next !== copy.before);
      for (const { path, before } of back) await this.#backTo(path, before, replacing.who);
      const others = [...back, ...copies.slice(done + width)];
      return [...failed, ...others.map(({ path }) => ({ path, reason: `${names} did not get ready` }))];
    }
    return [];
  }

  async #backTo(path: string, before: ChildSpec, { by }: Request): Promise<void> {
    this.#revise(path, before);
    await this.#host.orders.plain(path)("restart", { by, reason: "rolled back" }).catch(() => {});
  }

  #revise(path: string, spec: ChildSpec): PlanRevision {
    const { planner, interpreter, members } = this.#host;
    const place = members.placeOf(path);
    const revision = planner.revise(place.node, spec);
    interpreter.revise(place, path, spec, revision);
    return revision;
  }

  #slotOf(path: string): ChildSlot | undefined {
    const place = this.#host.members.find(path);
    return place === undefined ? undefined : this.#host.interpreter.nodes[place.node]!.slots[place.child];
  }

  /** Why a new attempt did not get up, or failed within the time that it is looked at. */
  async #whyNotUp(path: string, since: number, probationMs: number | null): Promise<string | null> {
    const why = await this.#next(path, since, outcomeOf);
    if (why !== "") return why;
    return probationMs === null ? null : await this.#failureWithin(path, since, probationMs);
  }

  async #failureWithin(path: string, since: number, durationMs: number): Promise<string | null> {
    const { clock } = this.#host.interpreter;
    const stop = new AbortController();
    const cancel = clock.setTimer(() => stop.abort(), durationMs);
    try {
      return await this.#next(path, since, (event) => event.type === "child_failed" ? describe(event) : null, stop.signal);
    } catch (error) {
      if (stop.signal.aborted) return null;
      throw error;
    } finally {
      cancel();
    }
  }

  /** Reads events of a child until one says something; rejects when the tree ends before. */
  async #next<T>(path: string, since: number, read: (event: SupervisorEvent) => T | null, signal?: AbortSignal): Promise<T> {
    for await (const event of this.#host.events.read({ since, filter: (event) => event.path === path, capacity: Infinity, signal })) {
      const found = event.type === "gap" ? null : read(event);
      if (found !== null) return found;
    }
    throw new ReeveError("tree_finished", `Tree "${this.#host.name}" finished during its reload`);
  }
}

/** Empty when the new attempt does well, or waits for others, which may last; why it failed; `null` when the event says neither. */
function outcomeOf(event: SupervisorEvent): string | null {
  switch (event.type) {
    case "child_ready":
    case "child_succeeded":
    case "child_waiting":
    case "child_restart_queued":
      return "";
    case "child_failed":
    case "child_removed":
    case "child_abandoned":
      return describe(event);
    default:
      return null;
  }
}
