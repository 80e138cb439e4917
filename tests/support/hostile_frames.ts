/** Lines that a hostile client may send: valid requests that were tampered with, and bytes. All of it follows from a seed. */

type Random = () => number;

const METHODS = [
  "hello",
  "state",
  "reeve.describe",
  "reeve.audit",
  "reeve.metrics",
  "command.pause_child",
  "command.add_child",
  "command.shutdown_tree",
  "reeve.scale",
];
const TEXTS = [
  "",
  " ",
  "/api",
  "__proto__",
  "constructor",
  "\u0000",
  "\u001b[2J",
  "\u202e",
  "\ud800",
  "é".repeat(50),
  "x".repeat(2_000),
  "1e999",
  "-0",
];
const NUMBERS = ["0", "-1", "1e999", "9007199254740993", "1.5", "-0", "123456789012345678901234567890"];

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!;
}

/** Any value as JSON. */
function value(random: Random, depth: number): string {
  const kind = Math.floor(random() * (depth > 3 ? 4 : 6));
  if (kind === 0) return JSON.stringify(pick(random, TEXTS));
  if (kind === 1) return pick(random, NUMBERS);
  if (kind === 2) return pick(random, ["true", "false", "null"]);
  if (kind === 3) return "[]";
  const count = Math.floor(random() * 4);
  const inner = Array.from({ length: count }, () => value(random, depth + 1));
  if (kind === 4) return `[${inner.join(",")}]`;
  return `{${inner.map((entry) => `${JSON.stringify(pick(random, [...TEXTS, "child_path", "session_established"]))}:${entry}`).join(",")}}`;
}

/** A command that is never valid for a tree that is to live: it names another target, or none. */
function command(random: Random, method: string): string {
  const members = new Map<string, string>([
    ["command_id", '"c"'],
    ["target_id", '"another-target"'],
    ["command", JSON.stringify(method.split(".")[1])],
    ["target", '{"child_path":"/api"}'],
    ["reason", '"fuzz"'],
    ["requested_by", '"fuzzer"'],
    ["confirmed", "true"],
    ["requested_at_unix_nanos", "1700000000000000000"],
  ]);
  for (let left = Math.floor(random() * 3); left > 0; left--) {
    const name = pick(random, [...members.keys()]);
    if (random() < 0.5) members.delete(name);
    else members.set(name, value(random, 0));
  }
  return `{${[...members].map(([name, entry]) => `"${name}":${entry}`).join(",")}}`;
}

function request(random: Random): string {
  const method = pick(random, METHODS);
  const params = random() < 0.5 ? command(random, method) : value(random, 0);
  const members = [`"request_id":${JSON.stringify(`f${Math.floor(random() * 1e9)}`)}`, `"method":"${method}"`, `"params":${params}`];
  if (random() < 0.1) members.splice(Math.floor(random() * members.length), 1);
  if (random() < 0.1) members.push(pick(random, members));
  if (random() < 0.1) members.push(`${JSON.stringify(pick(random, TEXTS))}:${value(random, 0)}`);
  if (random() < 0.05) members[0] = `"request_id":${value(random, 0)}`;
  if (random() < 0.05) members[1] = `"method":${value(random, 0)}`;
  return `{${members.join(",")}}`;
}

/** Changes a few bytes: replaced, removed, doubled. */
function tampered(random: Random, bytes: Uint8Array): Uint8Array {
  const changed = [...bytes];
  for (let left = Math.floor(random() * 4); left > 0 && changed.length > 0; left--) {
    const at = Math.floor(random() * changed.length);
    const deed = random();
    if (deed < 0.4) changed[at] = Math.floor(random() * 256);
    else if (deed < 0.7) changed.splice(at, 1 + Math.floor(random() * 4));
    else changed.splice(at, 0, ...changed.slice(at, at + Math.floor(random() * 32)));
  }
  return Uint8Array.from(changed);
}

/** One frame with its end, or without. */
export function hostileFrame(random: Random): Uint8Array {
  const kind = random();
  const encoder = new TextEncoder();
  let bytes: Uint8Array;
  if (kind < 0.6) bytes = encoder.encode(request(random));
  else if (kind < 0.85) bytes = tampered(random, encoder.encode(request(random)));
  else if (kind < 0.9) bytes = encoder.encode(`${"[".repeat(Math.floor(random() * 300))}${"]".repeat(Math.floor(random() * 300))}`);
  else if (kind < 0.95) bytes = Uint8Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256));
  else bytes = encoder.encode(`{"request_id":"big","method":"hello","params":"${"y".repeat(Math.floor(random() * 80_000))}"}`);
  const frame = new Uint8Array(bytes.length + 1);
  frame.set(bytes);
  frame[bytes.length] = 10;
  return frame;
}
