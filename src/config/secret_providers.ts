/** Where the values of secrets come from: an interface for any store, and the two that need nothing else. */
import { constants } from "node:fs";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import process from "node:process";
import { codeOf, thrownMessage } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";

/** What a store answers; what it says beside a value is told to people, and must not contain it. */
export type SecretAnswer =
  | {
    readonly status: "found";
    /** The value; marked as secret wherever it goes. */
    readonly value: string;
    /** What should be looked at, such as a file that others may read. */
    readonly warning?: string;
  }
  | {
    readonly status: "missing";
    /** What to do next. */
    readonly hint?: string;
  }
  | {
    readonly status: "unavailable";
    /** Why the store cannot tell, without a final period. */
    readonly reason: string;
    /** What to do next. */
    readonly hint?: string;
  };

/** The entry of `children[].secrets` that a value is wanted for. */
export interface DeclaredSecret {
  /** Name by which `secret_ref` refers to it. */
  readonly name: string;
  /** Key in the store. */
  readonly key: string;
}

/**
 * A store of secrets.
 *
 * @example
 * ```ts
 * import { loadText, type SecretProvider } from "@reeve/supervisor/config";
 *
 * const vault: SecretProvider = {
 *   name: "vault",
 *   get: (key) => Promise.resolve(key === "prod/dsn" ? { status: "found", value: "db://…" } : { status: "missing" }),
 * };
 * const file = `children:
 *   - name: web
 *     run: { process: { command: caddy } }
 *     environment: [{ name: DSN, secret_ref: "\${DSN}" }]
 *     secrets: [{ name: DSN, key: prod/dsn, required: true }]`;
 * const { spec } = await loadText(file, "shop.yaml", { secrets: vault });
 * console.log(spec.children[0]?.environment?.[0]?.secret); // true
 * ```
 */
export interface SecretProvider {
  /** What people call it; begins sentences such as `vault has no "prod/dsn"`. */
  readonly name: string;
  /** Asks for a value. A rejection counts as `unavailable`. */
  get(key: string): Promise<SecretAnswer>;
  /** Under which key it has a secret of a file. @default {that of the entry} */
  keyOf?(secret: DeclaredSecret): string;
}

/**
 * Takes secrets from the variables of an environment: the one that the key of the secret names, or, where the key is no name of a variable,
 * such as `prod/store/dsn`, the one that has the name of the secret.
 *
 * `env` is the environment. @default {that of the program}
 */
export function environmentSecrets(env?: Readonly<Record<string, string | undefined>>): SecretProvider {
  return {
    name: "the environment",
    get: (key) => Promise.resolve(fromEnvironment(env ?? process.env, key)),
    keyOf: ({ name, key }) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? key : name,
  };
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>, key: string): SecretAnswer {
  let value: unknown;
  try {
    value = env[key];
  } catch (error) {
    return unavailable(`environment variable "${key}" cannot be read: ${reasonOf(error)}`, `Add --allow-env=${key}`);
  }
  return typeof value === "string" ? { status: "found", value } : { status: "missing", hint: `Set environment variable ${key}` };
}

/** How often it is looked for a file before it counts as missing. */
const TRIES = 3;

/** Largest secret in a file, in bytes. */
const LARGEST = 1_048_576;

/**
 * Takes secrets from a folder with a file for each key, as Docker and Kubernetes mount them; a key such as `prod/dsn` is a file in a folder
 * of it.
 *
 * Nothing outside of the folder is read, whatever keys and links say. A file has at most 1 MiB of UTF-8; one line break at its end is no part
 * of the value.
 */
export function fileSecrets(folder: string): SecretProvider {
  const place = resolve(folder);
  return { name: `folder "${place}"`, get: (key) => fromFolder(place, key) };
}

async function fromFolder(folder: string, key: string): Promise<SecretAnswer> {
  const parts = key.split(/[/\\]/);
  if (key.includes("\0") || parts.some((part) => part === "" || part === "." || part === "..")) {
    return unavailable("the key is no path inside of the folder", "Write names with / between them");
  }
  let root: string;
  try {
    root = await realpath(folder);
  } catch (error) {
    return unavailable(codeOf(error) === "ENOENT" ? "the folder does not exist" : reasonOf(error), platform.permissionHint(error));
  }
  const path = join(root, ...parts);
  // Kubernetes replaces all files of a folder at once: what was there a moment ago may be elsewhere by now.
  for (let tries = 1;; tries++) {
    try {
      return await fromFile(root, path);
    } catch (error) {
      const isMissing = codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
      if (isMissing && tries < TRIES) continue;
      return isMissing ? { status: "missing" } : unavailable(reasonOf(error), platform.permissionHint(error));
    }
  }
}

async function fromFile(root: string, path: string): Promise<SecretAnswer> {
  const real = await realpath(path);
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) return unavailable("the file is a link to somewhere outside of the folder");
  // What opens is what was looked at, not a link that took its place; a pipe is not waited for.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const file = await open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { mode, size } = await regularFile(file);
    if (size > LARGEST) return unavailable(`the file has ${size} bytes, must have at most ${LARGEST}`);
    const bytes = await upTo(LARGEST + 1, file);
    if (bytes.length > LARGEST) return unavailable(`the file has more than ${LARGEST} bytes`);
    const value = textOf(bytes);
    if (value === undefined) return unavailable("the file is not UTF-8");
    return {
      status: "found",
      value,
      ...await isOpenToAll(root, mode) ? { warning: `others may read its file (mode ${octal(mode)})` } : {},
    };
  } finally {
    await file.close();
  }
}

async function regularFile(file: FileHandle): Promise<{ readonly mode: number; readonly size: number }> {
  const found = await file.stat();
  if (!found.isFile()) throw new Error("it is not a file");
  return { mode: found.mode, size: found.size };
}

/** Reads to the end, or until there is that much. */
async function upTo(most: number, file: FileHandle): Promise<Uint8Array> {
  const blocks: Uint8Array[] = [];
  let length = 0;
  while (length < most) {
    const block = new Uint8Array(Math.min(65_536, most - length));
    const { bytesRead } = await file.read(block, 0, block.length, null);
    if (bytesRead === 0) break;
    blocks.push(block.subarray(0, bytesRead));
    length += bytesRead;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r?\n$/, "");
  } catch {
    return undefined;
  }
}

/** Whether anybody on the machine may read a file of that mode in the folder; on Windows a mode says nothing of that. */
async function isOpenToAll(root: string, mode: number): Promise<boolean> {
  return process.platform !== "win32" && (mode & 0o004) !== 0 && ((await stat(root)).mode & 0o001) !== 0;
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

function unavailable(reason: string, hint?: string): SecretAnswer {
  return { status: "unavailable", reason, ...hint === undefined ? {} : { hint } };
}

function reasonOf(error: unknown): string {
  return thrownMessage(error, 256);
}
