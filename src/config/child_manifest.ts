/** A child that is declared while the tree runs, by a text that came over a socket. */
import { resolve } from "node:path";
import { cleanText, ReeveError } from "../base/mod.ts";
import { type ChildSpec, type TaskFunction, validateTree } from "../spec/mod.ts";
import { LIMIT_NOT_KEPT } from "./child_checks.ts";
import { crossCheck } from "./cross_checks.ts";
import { parseText } from "./parse.ts";
import { fillPlaceholders } from "./placeholders.ts";
import { filePointer, isRaw, type Raw, toPointer } from "./pointer.ts";
import { checkShape } from "./shape.ts";
import { toTreeSpec } from "./to_spec.ts";

/** Options of {@linkcode parseChildManifest}. */
export interface ManifestOptions {
  /** The file of the tree; relative paths start from its folder, as those of its own children do. */
  readonly path: string;
  /** Functions for children that name a factory, or have no `run` and this name. */
  readonly factories?: Readonly<Record<string, TaskFunction>>;
}

/** Largest manifest in bytes. */
const LARGEST_MANIFEST = 65_536;

/** Where the manifest is while it is checked: the siblings of a template are not known yet, and neither are those of this child. */
const PLACE = "/templates/0";

/**
 * Reads one child declaration in YAML, with the keys and checks of a child in a file.
 *
 * Nothing is included and nothing is read from the environment: placeholders and secrets are refused. Whether the siblings that it names
 * are there is seen by `tree.add`. Throws `invalid_manifest` with the first thing that is wrong.
 *
 * @example
 * ```ts
 * import { parseChildManifest } from "@reeve/supervisor/config";
 *
 * const spec = parseChildManifest("{ name: pinger, run: { process: { command: ping, args: [localhost] } } }", { path: "supervisor.yaml" });
 * console.log(spec.name); // "pinger"
 * ```
 */
export function parseChildManifest(text: string, { path, factories = {} }: ManifestOptions): ChildSpec {
  const manifest = parse(text);
  refuseSecrets(manifest, []);
  const raw: Raw = { children: [], templates: [unescaped(manifest)] };
  refuseFirst([...checkShape(raw), ...crossCheck(raw)]);
  const file = resolve(path);
  const spec = toTreeSpec(raw, { name: "manifest", fileOf: () => file, factories: new Map(Object.entries(factories)) });
  refuseFirst(validateTree(spec).map((problem) => ({ ...problem, pointer: filePointer(problem.pointer, raw) })));
  const child = spec.templates?.[0];
  if (child === undefined) throw refusal("Child conversion failed: nothing is left of it");
  return child;
}

function parse(text: string): Raw {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > LARGEST_MANIFEST) throw unparsable(`it has ${bytes} bytes, must have at most ${LARGEST_MANIFEST}`);
  const parsed = parseText(text);
  if ("raw" in parsed) return parsed.raw;
  const { reason, pointer, position } = parsed.problem;
  const place = position === undefined ? "" : ` at ${position.line}:${position.column}`;
  throw unparsable(`${pointer === "" ? "" : `${fieldOf(pointer)} `}${reason.replace(/^the file /, "it ")}${place}`);
}

/** The environment of the target is none of a client's business. */
function refuseSecrets(value: unknown, path: readonly (string | number)[]): void {
  const pointer = toPointer(path);
  if (typeof value === "string" && /(?<!\$)\$\{/.test(value)) {
    throw invalid(pointer, "has a placeholder, and a manifest reads no variables; write $${ for a literal ${");
  }
  if (/^(\/run\/supervisor\/children\/\d+)*\/secrets$/.test(pointer)) throw invalid(pointer, "a manifest has no secrets");
  if (Array.isArray(value)) value.forEach((entry, index) => refuseSecrets(entry, [...path, index]));
  else if (isRaw(value)) Object.entries(value).forEach(([key, entry]) => refuseSecrets(entry, [...path, key]));
}

/** No placeholder is left, so that nobody is asked for a value. */
function unescaped(manifest: Raw): Raw {
  return fillPlaceholders(manifest, () => undefined, { problem: () => {}, filled: () => {} });
}

function refuseFirst(problems: ReturnType<typeof crossCheck>): void {
  // Nobody would see a warning.
  const [first, ...others] = problems.filter(({ severity, rule }) => severity === "error" || rule === LIMIT_NOT_KEPT);
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const hint = first.hint === undefined ? "" : `. ${first.hint}`;
  throw invalid(first.pointer.startsWith(PLACE) ? first.pointer.slice(PLACE.length) : first.pointer, `${first.reason}${hint}${more}`);
}

function unparsable(why: string): ReeveError {
  return refusal(`Failed to parse child manifest: ${why}`);
}

function invalid(pointer: string, why: string): ReeveError {
  return refusal(`Child validation failed at ${fieldOf(pointer)}: ${why}`);
}

function refusal(what: string): ReeveError {
  return new ReeveError("invalid_manifest", cleanText(`configuration error: ${what}`, 1_024));
}

/** A pointer as people write it: `run.process.command`. */
function fieldOf(pointer: string): string {
  return pointer === "" ? "the manifest" : pointer.slice(1).replaceAll("/", ".").replaceAll("~1", "/").replaceAll("~0", "~");
}
