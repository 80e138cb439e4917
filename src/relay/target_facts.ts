/** What a target says of itself: as much of it as can be needed, whoever it is. */
import { cleanText } from "../base/mod.ts";
import { type Client, DashboardError, type Hello, type RequestOptions } from "../client/mod.ts";
import { COMMAND_KINDS } from "../protocol/mod.ts";
import type { SupportedCommand } from "./wire.ts";

/** What is known of a target beside its registration. */
export interface TargetFacts {
  /** What it calls itself. */
  readonly targetId: string | null;
  /** The commands that it takes. */
  readonly commands: readonly SupportedCommand[];
  /** Methods of its own, with what they may do. */
  readonly extensions: Readonly<Record<string, string>>;
  /** Tells the numbers of one run from those of another; `null` where it does not. */
  readonly runId: string | null;
  /** Whether it tells everything about its children. */
  readonly hasDetails: boolean;
  /** Whether it can be asked for what it said before. */
  readonly remembers: boolean;
}

/** Most commands and methods that a target is believed to have. */
const MOST_NAMES = 256;

/** Longest name in characters. */
const LONGEST_NAME = 128;

/** A command takes a day at most, and half a minute where nobody says. */
const LONGEST_SECONDS = 86_400;
const USUAL_SECONDS = 30;

/** The target is not connected: nothing is known of it. */
export const NO_FACTS: TargetFacts = {
  targetId: null,
  commands: [],
  extensions: {},
  runId: null,
  hasDetails: false,
  remembers: false,
};

/** What is known of one that says hello; `null` is the reference, which says nothing of itself unless it registers, and takes what every target takes. */
export function factsOf(hello: Hello | null): TargetFacts {
  if (hello === null) {
    return { ...NO_FACTS, commands: COMMAND_KINDS.map((name) => ({ name, idempotent: false, timeoutSeconds: USUAL_SECONDS })) };
  }
  const { registration: { targetId, supportedCommands }, server, capabilities = [], extensions = {} } = hello;
  const methods = Object.entries(extensions).slice(0, MOST_NAMES).map(([name, may]) => [named(name), named(may)] as const);
  return {
    targetId,
    commands: supportedCommands.slice(0, MOST_NAMES).map(({ name, idempotent, timeoutSeconds }) => ({
      name: named(name),
      idempotent: idempotent === true,
      timeoutSeconds,
    })),
    extensions: Object.fromEntries(methods),
    runId: server === undefined ? null : named(server.runId),
    hasDetails: capabilities.includes("subscriptions.details"),
    remembers: "reeve.events" in extensions,
  };
}

/** What a target says of itself; `null` where it answers, and says nothing. Rejects when it does not answer. */
export async function helloOf(client: Client, options?: RequestOptions): Promise<Hello | null> {
  try {
    return await client.hello(options);
  } catch (error) {
    // The reference says nothing of itself unless it registers.
    if (error instanceof DashboardError) return null;
    throw error;
  }
}

/** How long a command may take, in milliseconds. */
export function timeoutMsOf(commands: readonly SupportedCommand[], command: string): number {
  const seconds = commands.find(({ name }) => name === command)?.timeoutSeconds ?? USUAL_SECONDS;
  return 1_000 * Math.min(LONGEST_SECONDS, Math.max(1, seconds));
}

function named(text: string): string {
  return cleanText(text, LONGEST_NAME);
}
