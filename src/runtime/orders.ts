/** What is asked of a tree from outside: checked, recorded, and put to its loop. */
import { cleanText } from "../base/mod.ts";
import { type ChildCommand, type CommandRefusal, type CommandResult, neededBy } from "../core/mod.ts";
import type { Request } from "../event/mod.ts";
import { type Ask, REFUSALS } from "./child_handle.ts";
import type { Interpreter } from "./interpreter.ts";
import { type Place, refusal, type Refuse } from "./members.ts";
import type { ChildRequest } from "./tree.ts";
import { type AuditedMethod, methodOf, type TreeAudit } from "./tree_audit.ts";

/** What orders need of their tree. */
export interface OrdersHost {
  readonly name: string;
  readonly interpreter: Interpreter;
  readonly audit: TreeAudit;
  /** Whether nothing can be asked any more. */
  hasFinished(): boolean;
  /** Where a child is; throws `child_not_found`. */
  placeOf(path: string): Place;
}

/** What is asked for, in the words of an error and by its name. */
export interface Wish {
  readonly wish: string;
  readonly method: AuditedMethod;
  /** Path of the child or supervisor. */
  readonly targetPath: string;
}

/** The orders of one tree. */
export class Orders {
  readonly #host: OrdersHost;

  constructor(host: OrdersHost) {
    this.#host = host;
  }

  /** Asks a child for something on behalf of what is recorded already. */
  readonly plain = (path: string): Ask => (command, request = {}) => this.#order(path, command, request);

  /** Asks a child for something, between two records. */
  readonly recorded = (path: string): Ask => (command, request = {}) =>
    this.around({ wish: command, method: methodOf(command), targetPath: path }, request, () => this.#order(path, command, request));

  /** Does what is asked for between its two records; what does not say who asks, or why, has none. */
  around<T>({ wish, method, targetPath }: Wish, request: ChildRequest, work: () => Promise<T>): Promise<T> {
    try {
      const who = this.requestOf(request, refusal(wish, targetPath));
      return this.#host.audit.around({ method, targetPath, ...who }, request, work);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Who asks and why, cleaned; throws when nobody is there to ask, or one of them is blank. */
  requestOf({ by = "program", reason = "requested" }: ChildRequest, refuse: Refuse): Request {
    if (this.#host.hasFinished()) throw refuse("tree_finished", `tree "${this.#host.name}" has finished`);
    const blank = by.trim() === "" ? "by" : reason.trim() === "" ? "reason" : null;
    if (blank !== null) throw refuse("invalid_request", `${blank} is blank`);
    return { by: cleanText(by, 256), reason: cleanText(reason, 1024) };
  }

  #order(path: string, command: ChildCommand, request: ChildRequest): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const refuse = refusal(command, path);
      const who = this.requestOf(request, refuse);
      const place = this.#host.placeOf(path);
      const isTaken = this.#host.interpreter.order({ ...place, path, command, ...who }, (result) => {
        if (result.refusal === null) resolve(result);
        else reject(refuse("command_refused", this.#explain(place, result.refusal)));
      });
      if (!isTaken) reject(refuse("too_many_commands", "too many commands wait for their answer"));
    });
  }

  #explain({ node, child }: Place, why: CommandRefusal): string {
    if (why !== "child_needed") return REFUSALS[why];
    const state = this.#host.interpreter.nodes[node]!;
    return `${REFUSALS.child_needed}: ${neededBy(state, state.slots[child]!).slice(0, 5).join(", ")}`;
  }
}
