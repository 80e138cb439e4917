/** A new declaration for a tree that runs: what has changed is carried out, and nothing else is touched. */
import { lastName, parentPath, SpecError, thrownMessage } from "../base/mod.ts";
import type { EventFacts, Request } from "../event/mod.ts";
import {
  type ChildSpec,
  diffTrees,
  type InstanceSet,
  isInstanceSet,
  resize,
  type SpecChange,
  startOrder,
  type SupervisorOptions,
  type TreeSpec,
} from "../spec/mod.ts";
import type { LoadedTasks } from "./children/mod.ts";
import { numberOf } from "./instances.ts";
import { refusal, type Refuse } from "./members.ts";
import { preflight } from "./preflight.ts";
import { type Failed, Replacement, type ReplacementHost, type Replacing } from "./replacement.ts";
import type { ChildRequest, ScaleResult } from "./tree.ts";
import { isRecordedElsewhere, recordedElsewhere } from "./tree_audit.ts";

/** What a new declaration means for the tree that runs. */
export interface ReloadPlan {
  /** What has changed; what is `refused` takes a new start of the program. */
  readonly changes: readonly SpecChange[];
  /** How many children stay as they are. */
  readonly unchanged: number;
}

/** Options of `Tree.apply`. */
export interface ApplyOptions {
  /** Whether to say only what would be done. @default {false} */
  readonly dryRun?: boolean;
  /** Who asks. @default {"program"} */
  readonly by?: string;
  /** Why. @default {"reload"} */
  readonly reason?: string;
  /** Version of the new configuration. @default {as it was} */
  readonly configVersion?: string;
  /** How long, in milliseconds, it is seen whether a child that counts as ready as soon as it runs does not fail, before it is the turn of the next one. @default {500} */
  readonly probationMs?: number;
}

/** What became of a new declaration. */
export interface ReloadResult extends ReloadPlan {
  /** Whether anything was done. */
  readonly applied: boolean;
  /** Children with which it did not work, and why: each is as it was before, or not there. */
  readonly failed: readonly Failed[];
}

/** Options of `Tree.rollingRestart`. */
export interface RollingRestartRequest extends ChildRequest {
  /** How long, in milliseconds, it is seen whether a copy that counts as ready as soon as it runs does not fail. @default {500} */
  readonly probationMs?: number;
}

/** What became of a rolling restart. */
export interface RollingRestartResult {
  /** Paths of the copies that were started anew. */
  readonly restarted: readonly string[];
  /** Copies with which it did not work, and those whose turn did not come for that reason. */
  readonly failed: readonly Failed[];
}

/** What a reload needs of its tree. */
export interface ReloaderHost extends ReplacementHost {
  /** The declaration that counts now. */
  spec(): TreeSpec;
  /** Another one counts from now on; its functions are known while children are made of it. */
  adopt(spec: TreeSpec, tasks: LoadedTasks, configVersion: string | undefined): void;
  tell(facts: EventFacts): void;
}

/** What is to be done. */
interface Work extends ReloadPlan, Replacing {
  readonly tasks: LoadedTasks;
  readonly configVersion: string | undefined;
}

const PROBATION_MS = 500;

/** Carries new declarations out, one at a time. */
export class Reloader {
  readonly #host: ReloaderHost;
  readonly #replacement: Replacement;
  #isBusy = false;

  constructor(host: ReloaderHost) {
    this.#host = host;
    this.#replacement = new Replacement(host);
  }

  /** Implements `Tree.apply`. */
  async apply(next: TreeSpec, options: ApplyOptions): Promise<ReloadResult> {
    const { dryRun = false, by = "program", reason = "reload", configVersion, probationMs = PROBATION_MS } = options;
    const { name, orders } = this.#host;
    const refuse = refusal("reload", "/");
    const who = orders.requestOf({ by, reason }, refuse);
    return await this.#alone(refuse, async () => {
      const { problems, expanded, tasks } = await preflight(next);
      if (problems.some(({ severity }) => severity === "error")) throw new SpecError(problems);
      const changes = diffTrees(this.#host.spec(), { ...expanded, name: expanded.name ?? name });
      const plan = { changes, unchanged: this.#unchanged(expanded, changes) };
      if (dryRun) return { ...plan, applied: false, failed: [] };
      this.#refuse(changes, refuse);
      if (changes.length === 0) return { ...plan, applied: false, failed: [] };
      const request = isRecordedElsewhere(options) ? recordedElsewhere({ by, reason }) : { by, reason };
      return await orders.around(
        { wish: "reload", method: "reeve.reload", targetPath: "/" },
        request,
        () => this.#carryOut(expanded, { ...plan, who, tasks, configVersion, probationMs }),
      );
    });
  }

  /** Whether a child has copies, of which there may be more or fewer. */
  isSet(path: string): boolean {
    const child = childAt(this.#host.spec(), path);
    return child !== undefined && isInstanceSet(child.run);
  }

  /** Implements `Tree.scale` for a child with copies. */
  async scale(path: string, count: number, request: ChildRequest): Promise<ScaleResult> {
    const refuse = refusal(`scale to ${count} copies`, path);
    if (!Number.isInteger(count) || count < 1) throw refuse("invalid_request", "the count must be a whole number, 1 or more");
    const who = this.#host.orders.requestOf(request, refuse);
    return await this.#alone(refuse, async () => {
      const before = this.#host.spec();
      const next = withChild(before, path, resize(childAt(before, path)!, count));
      const changes = diffTrees(before, next);
      const work = { changes, unchanged: 0, who, tasks: new Map(), configVersion: undefined, probationMs: PROBATION_MS };
      const { failed: [failed] } = await this.#carryOut(next, work);
      if (failed !== undefined) throw refuse("addition_undone", failed.reason);
      const of = (kind: SpecChange["kind"]): string[] => changes.filter((change) => change.kind === kind).map((change) => change.path);
      return { added: of("add"), removed: of("remove") };
    });
  }

  /** Implements `Tree.rollingRestart`. */
  async rollingRestart(path: string, { probationMs = PROBATION_MS, ...request }: RollingRestartRequest): Promise<RollingRestartResult> {
    const refuse = refusal("restart the copies of", path);
    const who = this.#host.orders.requestOf(request, refuse);
    this.#host.members.placeOf(path);
    const set = childAt(this.#host.spec(), path);
    if (set === undefined || !isInstanceSet(set.run)) {
      throw refuse("command_refused", 'it has none; declare "instances", or "rolling" for a single copy that is replaced without a gap');
    }
    const { children, template } = set.run;
    return await this.#alone(refuse, async () => {
      const copies = children.map((copy) => ({ path: `${path}/${copy.name}`, next: copy, before: copy }));
      const failed = await this.#replacement.roll({ path, template, copies }, { who, probationMs });
      return { restarted: copies.map((copy) => copy.path).filter((own) => failed.every((other) => other.path !== own)), failed };
    });
  }

  async #alone<T>(refuse: Refuse, work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) throw refuse("reload_refused", "another one is under way");
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }

  /** What cannot be done while the tree runs is done by nobody, so that no half of it counts. */
  #refuse(changes: readonly SpecChange[], refuse: Refuse): void {
    const [first, ...others] = changes.filter(({ kind }) => kind === "refused");
    if (first !== undefined) {
      const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
      throw refuse("reload_refused", `${first.keys.join(", ")} of "${first.path}" needs a new start of the program${more}`);
    }
    const goes = new Set(changes.flatMap(({ kind, path }) => kind === "remove" || kind === "replace" ? [path] : []));
    for (const path of goes) {
      const needed = this.#neededBy(path).find((other) => !goes.has(other));
      if (needed !== undefined) throw refuse("reload_refused", `"${needed}" stays, and names "${path}", which would have to go`);
    }
  }

  #neededBy(path: string): string[] {
    const { node, child } = this.#host.members.placeOf(path);
    const { slots } = this.#host.interpreter.nodes[node]!;
    const { dependants, sidecars } = slots[child]!.plan;
    return [...dependants, ...sidecars].map((index) => slots[index]!.plan.path);
  }

  async #carryOut(next: TreeSpec, { changes, unchanged, who, tasks, configVersion, probationMs }: Work): Promise<ReloadResult> {
    const before = this.#host.spec();
    const failed: Failed[] = [];
    const of = (...kinds: readonly SpecChange["kind"][]): string[] =>
      changes.filter(({ kind }) => kinds.includes(kind)).map(({ path }) => path);
    for (const path of this.#lastFirst(of("remove", "replace"))) await this.#replacement.remove(path, who);
    this.#host.adopt(next, tasks, configVersion);
    const restarts = new Set(of("restart"));
    await this.#host.members.occasions.prepare(next.children);
    this.#reviseAll(next, "/", 0, (path) => !restarts.has(path));
    for (const paths of setsIn(inStartOrder(next, [...restarts]), next)) {
      failed.push(...await this.#restart(paths, { next, before }, { who, probationMs }));
    }
    const stuck = new Set(failed.map(({ path }) => parentPath(path)));
    for (const path of inStartOrder(next, of("add", "replace"))) {
      const why = stuck.has(parentPath(path)) && this.isSet(parentPath(path))
        ? "the other copies are as they were"
        : await this.#add(path, next, who);
      if (why !== null) failed.push({ path, reason: why });
    }
    const back = failed.reduce((spec, { path }) => withChild(spec, path, childAt(before, path)), next);
    this.#host.adopt([...stuck].reduce((spec, path) => withTemplateOf(before, spec, path), back), new Map(), configVersion);
    this.#host.tell({
      type: "config_reloaded",
      ...who,
      added: of("add").length,
      removed: of("remove").length,
      restarted: of("restart", "replace").length,
      live: of("live").length,
      failed: failed.length,
    });
    return { changes, unchanged, applied: true, failed };
  }

  /** Starts a child anew, or the copies of one. */
  async #restart(
    paths: readonly string[],
    { next, before }: { readonly next: TreeSpec; readonly before: TreeSpec },
    replacing: Replacing,
  ): Promise<Failed[]> {
    const copies = paths.map((path) => ({ path, next: childAt(next, path)!, before: childAt(before, path)! }));
    const path = parentPath(paths[0]!);
    const { run } = childAt(next, path) ?? {};
    if (run !== undefined && isInstanceSet(run)) return await this.#replacement.roll({ path, template: run.template, copies }, replacing);
    const [only] = copies;
    const reason = await this.#replacement.restart(only!, replacing);
    return reason === null ? [] : [{ path: only!.path, reason }];
  }

  /** Those that go, in the reverse of the order in which they started. */
  #lastFirst(paths: readonly string[]): string[] {
    const ranks = new Map(
      this.#host.interpreter.nodes.flatMap(({ order, slots }) => order.map((child, rank) => [slots[child]!.plan.path, rank])),
    );
    return [...paths].sort((a, b) => depthOf(b) - depthOf(a) || (ranks.get(b) ?? 0) - (ranks.get(a) ?? 0));
  }

  /** What counts by the new declaration, for those that stay; the defaults of the tree may have changed for any of them. */
  #reviseAll(options: SupervisorOptions, path: string, node: number, isWanted: (path: string) => boolean): void {
    const { planner, interpreter, members } = this.#host;
    planner.adoptOptions(node, options);
    for (const child of options.children) {
      const own = path === "/" ? `/${child.name}` : `${path}/${child.name}`;
      const place = members.find(own);
      if (place === undefined || place.node !== node) continue;
      if (isWanted(own)) interpreter.revise(place, own, child, planner.revise(node, child));
      members.occasions.revised(own, place, child);
      const inner = interpreter.nodes[place.node]!.slots[place.child]!.plan.node;
      if (child.run.kind === "supervisor" && inner !== -1) this.#reviseAll(child.run, own, inner, isWanted);
    }
  }

  async #add(path: string, next: TreeSpec, who: Request): Promise<string | null> {
    const to = parentPath(path);
    const request = recordedElsewhere({ ...who, to });
    const set = childAt(next, to)?.run;
    try {
      if (set === undefined || !isInstanceSet(set)) await this.#host.members.declare(childAt(next, path)!, request);
      else await this.#host.members.addInstance(set.template, numberOf(lastName(path)), request, true);
      return null;
    } catch (error) {
      return thrownMessage(error);
    }
  }

  #unchanged(next: TreeSpec, changes: readonly SpecChange[]): number {
    const changed = new Set(changes.map(({ path }) => path));
    return pathsIn(next, "/").filter((path) =>
      ![...changed].some((other) => path === other || (other !== "/" && path.startsWith(`${other}/`)))
    )
      .length;
  }
}

function depthOf(path: string): number {
  return path.split("/").length;
}

function* every(options: SupervisorOptions, path: string): Generator<readonly [path: string, child: ChildSpec]> {
  const order = startOrder(options.children);
  for (const index of order) {
    const child = options.children[index]!;
    const own = path === "/" ? `/${child.name}` : `${path}/${child.name}`;
    yield [own, child];
    if (child.run.kind === "supervisor") yield* every(child.run, own);
  }
}

function pathsIn(options: SupervisorOptions, path: string): string[] {
  return [...every(options, path)].map(([own]) => own);
}

function childAt(spec: TreeSpec, path: string): ChildSpec | undefined {
  for (const [own, child] of every(spec, "/")) if (own === path) return child;
  return undefined;
}

/** These paths in the order in which a tree starts them. */
function inStartOrder(spec: TreeSpec, paths: readonly string[]): string[] {
  const wanted = new Set(paths);
  return pathsIn(spec, "/").filter((path) => wanted.has(path));
}

/** Copies of one child together, all others alone. */
function setsIn(paths: readonly string[], spec: TreeSpec): string[][] {
  const sets = new Map<string, string[]>();
  for (const path of paths) {
    const parent = childAt(spec, parentPath(path));
    const key = parent !== undefined && isInstanceSet(parent.run) ? parentPath(path) : path;
    sets.set(key, [...sets.get(key) ?? [], path]);
  }
  return [...sets.values()];
}

/** The declaration whose set at a path makes further copies as before. */
function withTemplateOf(before: TreeSpec, spec: TreeSpec, path: string): TreeSpec {
  const [own, old] = [childAt(spec, path), childAt(before, path)];
  if (own === undefined || old === undefined || !isInstanceSet(own.run) || !isInstanceSet(old.run)) return spec;
  const run: InstanceSet = { ...own.run, template: old.run.template };
  return withChild(spec, path, { ...own, run });
}

/** The declaration with another child at a path, or with none. */
function withChild<T extends SupervisorOptions>(options: T, path: string, child: ChildSpec | undefined): T {
  const [, name = "", ...rest] = path.split("/");
  const children = options.children.flatMap((own): ChildSpec[] => {
    if (own.name !== name) return [own];
    if (rest.length === 0) return child === undefined ? [] : [child];
    return own.run.kind === "supervisor" ? [{ ...own, run: withChild(own.run, `/${rest.join("/")}`, child) }] : [own];
  });
  return { ...options, children };
}
