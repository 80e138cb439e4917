/** How lines of the audit hang together: each has the hash of the one before it and its own, so that none is changed, taken away or put between unseen. */
import { createHash } from "node:crypto";

/** Version of the lines that are written; version 1 had no hashes. */
export const AUDIT_VERSION = 2;

/** The method of a record by which the program tells that somebody changed the end of the file while it ran. */
export const TAMPERED = "audit.tampered";

/** Stands for the line before the first one. */
export const NO_HASH: string = "0".repeat(64);

/** What a line of the file is. */
export type AuditLine =
  | {
    /** It has a hash of its own. */
    readonly kind: "chained";
    /** The record, `null` where the line is no JSON. */
    readonly record: Readonly<Record<string, unknown>> | null;
    /** Hash of the line before, as it stands there. */
    readonly previous: string;
    /** Its own hash, as it stands there. */
    readonly hash: string;
    /** Whether that is the hash of what stands there. */
    readonly isTrue: boolean;
  }
  | {
    /** It is of version 1. */
    readonly kind: "unchained";
    readonly record: Readonly<Record<string, unknown>>;
  }
  | {
    readonly kind: "newer";
    readonly version: number;
  }
  /** A crash cut it off. */
  | { readonly kind: "torn" }
  /** Nobody of us wrote it, or somebody changed it. */
  | { readonly kind: "foreign" };

/** A line that waits to be written. */
export interface ChainLine {
  /** The record as JSON, an object without the two hashes. */
  readonly text: string;
  /** The hash with which it was last tried. */
  hash: string | null;
  /** Whether it is in the file. */
  isWritten: boolean;
}

/** Where lines go. */
export interface AuditSink {
  /** Appends whole lines; rejects when they may not be there. */
  append(text: string): Promise<void>;
  /** The hash of the last whole line that is there, {@linkcode NO_HASH} where none has one; rejects when a newer version wrote it. */
  lastHash?(): Promise<string>;
  /** How the end differs from what was left there, `null` when it does not; what is found counts as left there. */
  changed?(): Promise<string | null>;
  /** Nothing is written any more. */
  close?(): Promise<void>;
}

/** Seals lines in the order in which they are written. */
export class AuditChain {
  readonly #sink: AuditSink;
  readonly #tell: (change: string) => void;
  /** Hash of the last line that was written; `null` before the first look. */
  #last: string | null = null;
  /** Lines of which nobody knows whether they were written, since appending them failed; `null` when the end is known. */
  #unsure: readonly ChainLine[] | null = [];
  #turn: Promise<unknown> = Promise.resolve();

  /** `tell` hears how the end of the file was changed by somebody else. */
  constructor(sink: AuditSink, tell: (change: string) => void) {
    this.#sink = sink;
    this.#tell = tell;
  }

  /** Looks whether lines can be written at all; rejects when they cannot, or when a newer version wrote those that are there. */
  open(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#settle();
      await this.#sink.append("");
    });
  }

  /** Seals and appends lines, except for those that turn out to be there; rejects when some may not be. */
  append(lines: readonly ChainLine[]): Promise<void> {
    return this.#inTurn(() => this.#appendNow(lines));
  }

  /** Nothing is written any more. */
  close(): Promise<void> {
    return this.#inTurn(async () => await this.#sink.close?.());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #appendNow(lines: readonly ChainLine[]): Promise<void> {
    let last = await this.#settle();
    const due = lines.filter(({ isWritten }) => !isWritten);
    if (due.length === 0) return;
    let text = "";
    for (const line of due) {
      const sealed = seal(line.text, last);
      line.hash = last = sealed.hash;
      text += sealed.line;
    }
    this.#unsure = due;
    await this.#sink.append(text);
    this.#unsure = null;
    this.#last = last;
    for (const line of due) line.isWritten = true;
  }

  /** Finds out after which line the next one comes. */
  async #settle(): Promise<string> {
    if (this.#last !== null && this.#unsure === null) {
      const change = await this.#sink.changed?.() ?? null;
      if (change !== null) this.#tell(change);
      // The chain goes on after what was written here, so that the change stays to be seen in the file.
      return this.#last;
    }
    const known = this.#last;
    const found = await this.#sink.lastHash?.() ?? known ?? NO_HASH;
    const unsure = this.#unsure ?? [];
    const index = unsure.findIndex(({ hash }) => hash === found);
    // Appending failed, and a part was written all the same.
    for (const line of unsure.slice(0, index + 1)) line.isWritten = true;
    this.#unsure = null;
    if (known === null || index !== -1) return this.#last = found;
    if (found !== known) this.#tell("its last line is not the one that was written");
    return known;
  }
}

/** Ends a record with the hash of the line before and its own: SHA-256 of the bytes of the line before `,"hash":`. */
export function seal(text: string, previous: string): { readonly line: string; readonly hash: string } {
  const sealed = `${text.slice(0, -1)},"previous":"${previous}"`;
  const hash = hashOf(sealed);
  return { line: `${sealed},"hash":"${hash}"}\n`, hash };
}

/** Says what a line is; without its newline. */
export function readAuditLine(bytes: Uint8Array): AuditLine {
  // Bytes that are no text become others here; the hash is that of what stands there.
  const text = auditText(bytes);
  const record = recordIn(text);
  const version = record?.["version"];
  const hash = OWN_HASH.exec(text)?.[1];
  // A changed digit of the version must not make a line look like one that has no hash.
  if (hash !== undefined) {
    const isTrue = typeof version === "number" && version >= AUDIT_VERSION && hashOf(bytes.subarray(0, -OWN_HASH_LENGTH)) === hash;
    if (isTrue && version > AUDIT_VERSION) return { kind: "newer", version };
    const previous = typeof record?.["previous"] === "string" ? record["previous"] : "";
    return { kind: "chained", record, previous, hash, isTrue: isTrue && isHash(previous) };
  }
  if (typeof version === "number" && version > AUDIT_VERSION) return { kind: "newer", version };
  if (record !== null && version === 1 && !("previous" in record) && !("hash" in record)) return { kind: "unchained", record };
  return { kind: isTorn(text) ? "torn" : "foreign" };
}

/** What a line says. */
export function auditText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Whether a text is a hash. */
export function isHash(text: string): boolean {
  return HASH.test(text);
}

const HASH = /^[0-9a-f]{64}$/;
const OWN_HASH = /,"hash":"([0-9a-f]{64})"\}$/;
const OWN_HASH_LENGTH = `,"hash":"${NO_HASH}"}`.length;

/** How each line begins, and how one ends that has hashes. */
const BEGIN = '{"version":';
const PREVIOUS = ',"previous":"';
const END = `${NO_HASH}","hash":"${NO_HASH}"}`;

/** A line that was cut off is shorter than a whole one, wherever the cut is. */
function isTorn(text: string): boolean {
  if (text === "" || !BEGIN.startsWith(text.slice(0, BEGIN.length))) return false;
  const at = text.lastIndexOf(PREVIOUS);
  if (at === -1) return recordIn(text) === null;
  const end = text.slice(at + PREVIOUS.length);
  return end.length < END.length && digitsAlike(END).startsWith(digitsAlike(end));
}

function digitsAlike(text: string): string {
  return text.replace(/[0-9a-f]/g, "0");
}

function recordIn(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function hashOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
