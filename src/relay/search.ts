/** Targets that are looked for again and again. */
import { cleanText, type Clock } from "../base/mod.ts";
import { type Client, connect } from "../client/mod.ts";
import type { Hub } from "./hub.ts";
import { helloOf } from "./target_facts.ts";

const SEARCH_MS = 2_000;

/** Longest name in characters: there is room for a number behind it. */
const LONGEST_NAME = 200;

/** Looks for targets again and again. */
export class Search {
  readonly #find: () => Promise<readonly string[]>;
  readonly #hub: Hub;
  readonly #clock: Clock;
  /** Names by path, of those that were asked for it. */
  readonly #known = new Map<string, string>();
  #cancel: () => void = () => {};
  #isOver = false;

  constructor(find: () => Promise<readonly string[]>, hub: Hub, clock: Clock) {
    this.#find = find;
    this.#hub = hub;
    this.#clock = clock;
  }

  async begin(): Promise<void> {
    const paths = await this.#find().catch((): readonly string[] => []);
    if (this.#isOver) return;
    for (const [path, targetId] of this.#known) {
      if (paths.includes(path)) continue;
      this.#known.delete(path);
      this.#hub.remove(targetId);
    }
    await Promise.all(paths.filter((path) => !this.#isThere(path)).map((path) => this.#meet(path)));
    if (!this.#isOver) this.#cancel = this.#clock.setTimer(() => void this.begin(), SEARCH_MS);
  }

  end(): void {
    this.#isOver = true;
    this.#cancel();
  }

  /** Whether a target is there; one that has registered as well may be let go with its lease. */
  #isThere(path: string): boolean {
    const link = this.#hub.find(this.#known.get(path) ?? "");
    return link !== undefined && !link.isExpired;
  }

  /** Asks a target what it is called. */
  async #meet(path: string): Promise<void> {
    try {
      await using client = await connect(path, { connectTimeoutMs: 2_000, timeoutMs: 2_000 });
      const { targetId, displayName } = await nameOf(client);
      if (this.#isOver) return;
      const other = this.#hub.find(targetId);
      // It has registered as well.
      if (other?.known.path === path && !other.isExpired) return void this.#known.set(path, targetId);
      const own = this.#freeName(targetId, path);
      this.#known.set(path, own);
      this.#hub.add({ targetId: own, displayName, path, supportedCommands: null });
    } catch {
      // It is gone again, or does not answer: it is asked again with the next look.
    }
  }

  /** A name that no other target has: of two that are called the same, the second gets the number of its program, or one that is free. */
  #freeName(wanted: string, path: string): string {
    const isFree = (name: string): boolean => (this.#hub.find(name)?.known.path ?? path) === path;
    const [, pid = "2"] = /-(\d{1,10})\.sock$/.exec(path) ?? [];
    if (isFree(wanted)) return wanted;
    let name = `${wanted} (${pid})`;
    for (let number = 2; !isFree(name); number++) name = `${wanted} (${number})`;
    return name;
  }
}

/** What may be a name. */
function named(text: string): string {
  return cleanText(cleanText(text), LONGEST_NAME).trim();
}

/** What a target calls itself; the reference says no hello unless it registers. */
async function nameOf(client: Client): Promise<{ readonly targetId: string; readonly displayName: string }> {
  // The client looks at the first of them alone.
  const { targetId, displayName } = await wholeNameOf(client);
  return { targetId: named(targetId) || "target", displayName: named(String(displayName ?? targetId)) };
}

async function wholeNameOf(client: Client): Promise<{ readonly targetId: string; readonly displayName: string }> {
  const hello = await helloOf(client);
  if (hello !== null) return hello.registration;
  const { target }: Record<string, unknown> = { ...Object((await client.request("state"))["state"]) };
  const { target_id: targetId, display_name: displayName = targetId }: Record<string, unknown> = { ...Object(target) };
  if (typeof targetId !== "string" || typeof displayName !== "string") throw new Error("it has no name");
  return { targetId, displayName };
}
