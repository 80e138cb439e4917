/** Who is in a running tree, by path, and how children come to it. */
import {
  cleanText,
  didYouMean,
  type ErrorCode,
  lastName,
  parentPath,
  type Random,
  ReeveError,
  SpecError,
  thrownMessage,
} from "../base/mod.ts";
import { childPath, type Planner } from "../core/mod.ts";
import { describe, type EventFacts, type Request, type SupervisorEvent } from "../event/mod.ts";
import type { Bus } from "../observe/mod.ts";
import { type ChildSpec, copyOf, numbered, specHash, type TaskFunction, type TreeSpec } from "../spec/mod.ts";
import type { AdditionLog } from "./addition_log.ts";
import { checkAddition, explainRefusal } from "./additions.ts";
import { copyName, Instances, numberOf } from "./instances.ts";
import type { Interpreter } from "./interpreter.ts";
import { Occasions } from "./occasions.ts";
import { pendingIn, settle, Transaction } from "./transaction.ts";
import type { AddRequest, Child, ChildRequest, ScaleResult, TemplateRequest } from "./tree.ts";

/** Where a child is in the plan. */
export interface Place {
  readonly node: number;
  readonly child: number;
}

/** Makes the error of a refusal out of its code and why. */
export type Refuse = (code: ErrorCode, why: string) => ReeveError;

/** What the members need of their tree. */
export interface MembersHost {
  /** The declaration that counts now. */
  spec(): TreeSpec;
  readonly planner: Planner;
  readonly interpreter: Interpreter;
  readonly random: Random;
  readonly events: Bus<SupervisorEvent>;
  readonly additionLog: AdditionLog | undefined;
  /** What starts the attempts of a task, until its adapter holds it. */
  readonly tasks: Map<ChildSpec, TaskFunction>;
  /** The handle of a child as it is now. */
  handle(path: string, place: Place): Child;
  /** Who asks and why, cleaned; throws when nobody is there to ask, or one of them is blank. */
  requestOf(request: ChildRequest, refuse: Refuse): Request;
  /** A child that is added has secrets of its own. */
  keepSecrets(spec: ChildSpec): void;
}

/** A child that is to be added. */
interface Wish {
  readonly name: string;
  readonly to: string;
  readonly path: string;
  readonly refuse: Refuse;
  readonly who: Request;
  readonly isDeclared: boolean;
}

/** A child that was added. */
interface Addition {
  readonly transaction: Transaction;
  readonly path: string;
  /** As it was when it got its place. */
  readonly handle: Child;
  /** Sequence number of the last event before. */
  readonly since: number;
}

/** The children of a tree. */
export class Members {
  /** When they start or restart beside what policy says. */
  readonly occasions: Occasions;
  readonly #host: MembersHost;
  readonly #places = new Map<string, Place>();
  readonly #instances = new Instances();
  #changes = 0;

  constructor(host: MembersHost) {
    this.#host = host;
    this.occasions = new Occasions(host.interpreter, host.random);
    for (const { id } of host.planner.tree.nodes) this.#rememberPlaces(id);
  }

  /** How often children came or went. */
  get changes(): number {
    return this.#changes;
  }

  /** The paths of all. */
  get paths(): IterableIterator<string> {
    return this.#places.keys();
  }

  /** The places of all. */
  get places(): IterableIterator<Place> {
    return this.#places.values();
  }

  /** Those that have a process now. */
  *processes(): Iterable<readonly [path: string, pid: number]> {
    for (const [path, { node, child }] of this.#places) {
      const pid = this.#host.interpreter.liveAttempt(node, child)?.handle?.pid;
      if (pid !== undefined) yield [path, pid];
    }
  }

  /** Where a child is, `undefined` when it is not there. */
  find(path: string): Place | undefined {
    return this.#places.get(path);
  }

  /** Where a child is; throws `child_not_found`. */
  placeOf(path: string): Place {
    const place = this.#places.get(path);
    if (place !== undefined) return place;
    throw new ReeveError("child_not_found", `Cannot find child "${path}"`, { path, hint: didYouMean(path, [...this.#places.keys()]) });
  }

  /** How a child is declared, `undefined` when it is not there. */
  specOf(path: string): ChildSpec | undefined {
    const place = this.#places.get(path);
    return place && this.#host.interpreter.roster.spec(place.node, place.child);
  }

  /** Implements `Tree.add`. */
  async add(spec: ChildSpec, request: AddRequest): Promise<Child> {
    return await this.#finish(await this.#add(spec, spec.name, request), request);
  }

  /** Adds a child of a new declaration: it stays when it is done, as those do that were declared from the start. */
  async declare(spec: ChildSpec, request: AddRequest): Promise<void> {
    await this.#finish(await this.#add(spec, spec.name, request, true), request);
  }

  /** Adds the copy with this number to the set of a child: one of the declaration, or one for a while. */
  async addInstance(template: ChildSpec, number: number, request: AddRequest, isDeclared: boolean): Promise<Child> {
    return await this.#finish(await this.#add(copyOf(template), copyName(template.name, number), request, isDeclared), request);
  }

  /** Implements `Tree.startTemplate`. */
  async startTemplate(name: string, { args, ...request }: TemplateRequest): Promise<Child> {
    const { to = "/" } = request;
    const template = this.#templateOf(name);
    this.#nodeOf(to, refusal("add a copy to", to));
    const copies = this.#instances.of(to, name);
    const spec = args === undefined ? template : { ...template, args };
    return await this.#finish(await copies.inTurn(() => this.#add(spec, copies.nextName(), request)), request);
  }

  /** Implements `Tree.scale`. */
  async scale(name: string, count: number, request: AddRequest): Promise<ScaleResult> {
    const { to = "/", by, reason } = request;
    const refuse = refusal(`scale "${name}" to ${count} copies under`, to);
    if (!Number.isInteger(count) || count < 0) throw refuse("invalid_request", "the count must be a whole number, 0 or more");
    const template = this.#templateOf(name);
    this.#nodeOf(to, refuse);
    const removed: string[] = [];
    const added: string[] = [];
    const finishing: Promise<PromiseSettledResult<unknown>[]>[] = [];
    const copies = this.#instances.of(to, name);
    const changing = copies.inTurn(async () => {
      // One that is on its way out does not count any more.
      const live = copies.names.map((copy) => childPath(to, copy)).filter((path) => this.#isStaying(path));
      for (const path of live.slice(count).reverse()) {
        if (await this.#handle(path)?.remove({ by, reason }) !== undefined) removed.push(path);
      }
      while (live.length + added.length < count) {
        const addition = await this.#add(template, copies.nextName(), request);
        added.push(addition.path);
        finishing.push(Promise.allSettled([this.#finish(addition, request)]));
      }
    });
    const results = [...await Promise.allSettled([changing]), ...(await Promise.all(finishing)).flat()];
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return { added, removed };
    throw halfDone(failed.reason, refuse, added.filter((path) => this.#places.has(path)).length, removed.length);
  }

  /** A child is gone for good, and with it these nodes. */
  removed(path: string, nodes: readonly number[]): void {
    this.#changes++;
    this.#forget(path);
    this.#host.planner.release(nodes);
    if (nodes.length > 0) { for (const inner of [...this.#places.keys()]) if (inner.startsWith(`${path}/`)) this.#forget(inner); }
    this.keepSockets();
  }

  /** Sockets that no child declares any more are closed. */
  keepSockets(): void {
    const { sockets, roster } = this.#host.interpreter;
    sockets.keep(() =>
      [...this.#places.values()].flatMap(({ node, child }) => {
        const { run } = roster.spec(node, child);
        return run.kind === "process" ? run.listen ?? [] : [];
      })
    );
  }

  #forget(path: string): void {
    this.#places.delete(path);
    this.#instances.removed(path);
    this.occasions.removed(path);
  }

  /** Gives a child its place; what refuses it is told as well as thrown. */
  async #add(spec: ChildSpec, name: string, { to = "/", by, reason }: AddRequest, isDeclared = false): Promise<Addition> {
    const path = childPath(to, name);
    const refuse = refusal("add", path);
    const who = this.#host.requestOf({ by, reason }, refuse);
    try {
      return await this.#tryToAdd(spec, { name, to, path, refuse, who, isDeclared });
    } catch (error) {
      this.#tell(path, { type: "child_declaration_rejected", ...who, ...whatIsWrong(error) });
      throw error;
    }
  }

  async #tryToAdd(spec: ChildSpec, { name, to, path, refuse, who, isDeclared }: Wish): Promise<Addition> {
    const { planner, interpreter, tasks, events, additionLog } = this.#host;
    const node = this.#nodeOf(to, refuse);
    const supervisor = planner.optionsOf(node);
    this.#refuseMore(node, to, refuse);
    const { checked, loaded } = await checkAddition(spec, {
      tree: this.#host.spec(),
      supervisor,
      path,
      has: (sibling) => this.#places.has(childPath(to, sibling)),
    });
    const named = name === spec.name ? checked : numbered(checked, numberOf(name));
    const facts = { path, specHash: specHash(named), ...who };
    const transaction = new Transaction(facts, additionLog, () => interpreter.clock.wallNow());
    await transaction.begin();
    await this.occasions.prepare([named]);
    this.#host.keepSecrets(named);
    for (const [child, task] of loaded) tasks.set(child, task);
    if (loaded.has(checked)) tasks.set(named, loaded.get(checked)!);
    const planned = planner.planChild(node, named);
    const since = events.lastSeq;
    try {
      const handle = await new Promise<Child>((resolve, reject) => {
        const request = { ...who, transactionId: transaction.id, specHash: facts.specHash, isDeclared };
        const isTaken = interpreter.add(node, planned, request, (answer) => {
          if ("child" in answer) return resolve(this.#placed(path, { node, child: answer.child }, planned.nodes));
          const code = answer.code === "supervisor_not_running" ? "command_refused" : answer.code;
          reject(refuse(code, explainRefusal(answer, to)));
        });
        if (!isTaken) reject(refuse("too_many_commands", "too many commands wait for their answer"));
      });
      return { path, handle, since, transaction };
    } catch (error) {
      planner.release(planned.nodes);
      await transaction.compensate(error);
      throw error;
    } finally {
      // What starts them holds the functions by now.
      for (const child of [named, ...loaded.keys()]) tasks.delete(child);
    }
  }

  /** What is not allowed at all is refused before anything is looked at or written down. */
  #refuseMore(node: number, to: string, refuse: Refuse): void {
    const { order, plan: { mostChildren: limit } } = this.#host.interpreter.nodes[node]!;
    if (order.length < limit) return;
    const refused = limit === 0 ? { code: "dynamic_children_disabled" } as const : { code: "child_limit_exceeded", limit } as const;
    throw refuse(refused.code, explainRefusal(refused, to));
  }

  #placed(path: string, place: Place, nodes: readonly number[]): Child {
    this.#changes++;
    this.#places.set(path, place);
    for (const inner of nodes) this.#rememberPlaces(inner);
    for (const [inner, at] of this.#placesOf(path, nodes)) this.occasions.added(inner, at);
    this.#instances.added(parentPath(path), lastName(path));
    return this.#host.handle(path, place);
  }

  /** The rest of an addition; returns the child as it is now, or as it came when it was there for once and is gone already. */
  async #finish(addition: Addition, { untilReady = false }: AddRequest): Promise<Child> {
    const { path, handle, transaction } = addition;
    try {
      // One with a schedule is started when it is time.
      if (untilReady && (handle.spec.schedule === undefined || handle.spec.schedule.atStart === true)) await this.#untilReady(addition);
      await transaction.commit();
    } catch (error) {
      await this.#undo(addition, error);
      throw error;
    }
    return this.#handle(path) ?? handle;
  }

  async #undo({ path, transaction }: Addition, error: unknown): Promise<void> {
    // A supervisor that stops takes the child along anyway.
    await this.#handle(path)?.remove({ reason: "its addition is undone" }).catch(() => {});
    await transaction.compensate(error);
    this.#tell(path, { type: "child_addition_undone", transactionId: transaction.id, reason: thrownMessage(error) });
  }

  /** Waits for the first attempt of an added child. It reads promptly, so that no event overtakes it. */
  async #untilReady({ path, since }: Addition): Promise<void> {
    for await (const event of this.#host.events.read({ since, filter: (event) => event.path === path, capacity: Infinity })) {
      if (event.type === "child_ready" || event.type === "child_succeeded") return;
      if (event.type !== "child_failed" && event.type !== "child_stopped" && event.type !== "child_removed") continue;
      throw refusal("add", path)("addition_undone", describe(event));
    }
    const { name } = this.#host.spec();
    throw new ReeveError("tree_finished", `Tree "${name}" finished before "${path}" was ready`, { path });
  }

  /** What goes before the first start: what the last end of the program cut short is told, and files are watched. */
  async begin(): Promise<void> {
    await this.#recover();
    await this.occasions.begin(this.#places);
  }

  /** Says what became of additions that the last end of the program cut short; rejects with `addition_not_recorded`. */
  async #recover(): Promise<void> {
    const { additionLog } = this.#host;
    if (additionLog === undefined) return;
    for (const record of await pendingIn(additionLog)) {
      const place = this.#places.get(record.path);
      const isThere = place !== undefined && specHash(this.#host.handle(record.path, place).spec) === record.specHash;
      const outcome = isThere ? "committed" : "compensated";
      await settle(additionLog, record, outcome, this.#host.interpreter.clock.wallNow());
      this.#tell(record.path, {
        type: "child_addition_recovered",
        transactionId: cleanText(record.transactionId, 64),
        outcome,
      });
    }
  }

  #tell(path: string, facts: EventFacts): void {
    this.#host.interpreter.post({ type: "tell", node: 0, path: cleanText(path, 1024), facts });
  }

  #isStaying(path: string): boolean {
    const { operation = "removed" } = this.#handle(path) ?? {};
    return operation !== "removed";
  }

  #handle(path: string): Child | undefined {
    const place = this.#places.get(path);
    return place === undefined ? undefined : this.#host.handle(path, place);
  }

  #templateOf(template: string): ChildSpec {
    const { templates = [] } = this.#host.spec();
    const found = templates.find(({ name }) => name === template);
    if (found !== undefined) return found;
    const hint = didYouMean(template, templates.map(({ name }) => name));
    throw new ReeveError("template_not_found", `Cannot find template "${template}"`, { hint });
  }

  /** The node of a supervisor. */
  #nodeOf(path: string, refuse: Refuse): number {
    if (path === "/") return 0;
    const { node, child } = this.placeOf(path);
    const inner = this.#host.interpreter.nodes[node]!.slots[child]!.plan.node;
    if (inner === -1) throw refuse("not_a_supervisor", `"${path}" is no supervisor`);
    return inner;
  }

  /** A child and those below it, with where they are. */
  *#placesOf(path: string, nodes: readonly number[]): Iterable<readonly [string, Place]> {
    yield [path, this.#places.get(path)!];
    for (const node of nodes) {
      for (const inner of this.#host.planner.tree.nodes[node]!.children) yield [inner.path, this.#places.get(inner.path)!];
    }
  }

  #rememberPlaces(node: number): void {
    this.#host.planner.tree.nodes[node]!.children.forEach(({ path }, child) => this.#places.set(path, { node, child }));
  }
}

function whatIsWrong(error: unknown): { readonly code: string; readonly message: string; readonly pointer: string | null } {
  const code = error instanceof ReeveError ? error.code : "unknown";
  const pointer = error instanceof SpecError ? cleanText(error.problems[0]?.pointer ?? "", 256) : null;
  return { code, message: thrownMessage(error), pointer };
}

/** Makes the errors of one refused wish. */
export function refusal(wish: string, path: string): Refuse {
  return (code, why) => new ReeveError(code, `Cannot ${wish} "${path}": ${why}`, { path });
}

/** What a scaling did before it went wrong stays, and is told. */
function halfDone(error: unknown, refuse: Refuse, added: number, removed: number): unknown {
  if (!(error instanceof ReeveError) || added + removed === 0) return error;
  const { code, message, path } = refuse(error.code, `${error.message} (${added} were added and ${removed} removed, which stays so)`);
  return new ReeveError(code, message, { path, cause: error });
}
