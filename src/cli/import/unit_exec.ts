/** Commands of a unit: what runs, and what runs before and after. */
import type { Fields } from "./model.ts";
import { type Entry, unitWords, type Word } from "./unit_file.ts";
import type { UnitReader } from "./unit_reader.ts";

/** One command. */
interface Command {
  readonly words: readonly Word[];
  /** Whether its failure does not count. */
  readonly mayFail: boolean;
}

/** Reads `ExecStart=`: one command, or of a oneshot all of them one after the other; `undefined` where there is none. */
export function execOf(reader: UnitReader, { type }: { readonly type: string }): Fields | undefined {
  const entries = reader.list("ExecStart");
  const commands = entries.flatMap((entry) => commandOf(reader, entry));
  const [first] = commands;
  if (first === undefined || commands.length < entries.length) return undefined;
  if (commands.length > 1 || first.mayFail) {
    for (const entry of type === "oneshot" ? [] : entries.slice(1)) {
      reader.gap(entry, "a child has one command", "they run one after the other");
    }
    return { command: lineOf(commands), shell: true };
  }
  return runOf(first.words);
}

/** How a command is run: by itself, or by a shell where it has variables. */
export function runOf(words: readonly Word[]): Fields {
  if (words.some(({ hasVariable }) => hasVariable)) return { command: `exec ${shellOf(words)}`, shell: true };
  const [command = "", ...args] = words.map(({ text }) => text);
  return { command, args: args.length === 0 ? undefined : args };
}

/** Reads commands that run around the attempts; `undefined` where there are none. */
export function hookOf(reader: UnitReader, key: string, timeoutMs: number): Fields | undefined {
  const commands = reader.list(key).flatMap((entry) => {
    const isOfMain = /\$\{?MAINPID/.test(entry.value);
    if (isOfMain) reader.gap(entry, "a hook does not know the process of its child", "use stop.signal and stop.then_signals");
    return isOfMain ? [] : commandOf(reader, entry);
  });
  const [first] = commands;
  if (first === undefined) return undefined;
  const isPlain = commands.length === 1 && !first.mayFail && first.words.every(({ hasVariable }) => !hasVariable);
  const run = isPlain ? runOf(first.words) : { command: "sh", args: ["-c", lineOf(commands)] };
  return { ...run, timeout_ms: timeoutMs };
}

/** The commands of one line; none, and a gap, where it cannot be taken over as it is. */
function commandOf(reader: UnitReader, entry: Entry): Command[] {
  const [, prefix = "", rest = ""] = /^([-@:+!|]*)(.*)$/s.exec(entry.value) ?? [];
  const words = unitWords(rest, { withVariables: !prefix.includes(":") });
  if (words === null || words.length === 0 || words.some(({ text }) => text.includes("\0"))) {
    reader.gap(entry, "cannot be split into words", "correct its quotes");
    return [];
  }
  if (prefix.includes("@")) {
    reader.gap(entry, 'Reeve gives a process no other name ("@")', "write the command alone");
    return [];
  }
  if (/[+!|]/.test(prefix)) {
    reader.gap(entry, "Reeve gives no further rights to single commands", "the command runs with the rights of the child");
  }
  const commands: Command[] = [];
  let current: Word[] = [];
  for (const word of [...words, { text: ";", shell: ";", hasVariable: false, isQuoted: false }]) {
    if (word.text !== ";" || word.isQuoted) current.push(word);
    else if (current.length > 0) {
      commands.push({ words: current, mayFail: prefix.includes("-") });
      current = [];
    }
  }
  return commands;
}

function lineOf(commands: readonly Command[]): string {
  return commands.map(({ words, mayFail }) => mayFail ? `{ ${shellOf(words)} || true; }` : shellOf(words)).join(" && ");
}

function shellOf(words: readonly Word[]): string {
  return words.map(({ shell }) => shell).join(" ");
}
