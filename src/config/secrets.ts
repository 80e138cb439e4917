/** Values of environment variables that come from `secret_ref`. */
import { dirname, resolve } from "node:path";
import { cleanText, type Clock, didYouMean, inTime, thrownMessage } from "../base/mod.ts";
import { entries, type Report } from "./check_tools.ts";
import type { Filled, Lookup } from "./placeholders.ts";
import { isRaw, type Raw } from "./pointer.ts";
import { type DeclaredSecret, environmentSecrets, fileSecrets, type SecretAnswer, type SecretProvider } from "./secret_providers.ts";

/** Longest time in milliseconds for all answers of a store. */
const LIMIT_MS = 10_000;

/** How many secrets are asked for at the same time. */
const AT_ONCE = 64;

/** Where secrets come from; `undefined` when the file does not say it rightly, which others report. */
export interface SecretSources {
  /** The store for what `secrets` declares. */
  readonly store: SecretProvider | undefined;
  /** Variables, for references to what is not declared. */
  readonly lookup: Lookup;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Children whose variables have their values. */
export interface Resolved {
  readonly raw: Raw;
  /** All values, so that no problem shows one. */
  readonly filled: readonly Filled[];
}

/** The store that a file names; one that the program brings wins. */
export function secretStore(
  { secret_store: declared }: Raw,
  file: string,
  options: { readonly secrets?: SecretProvider; readonly env?: Readonly<Record<string, string | undefined>> },
  report: Report,
): SecretProvider | undefined {
  if (options.secrets !== undefined) {
    if (declared !== undefined) {
      const reason = `has no effect, because the program that loads the file brings a store of its own: ${nameOf(options.secrets)}`;
      report("warning", "no_effect", "/secret_store", reason);
    }
    return options.secrets;
  }
  if (declared === undefined) return environmentSecrets(options.env);
  if (!isRaw(declared)) return undefined;
  const { kind, path } = declared;
  if (kind === "environment") return environmentSecrets(options.env);
  return kind === "files" && typeof path === "string" ? fileSecrets(resolve(dirname(file), path)) : undefined;
}

/** Returns the children with their secret references resolved; what is missing is reported without ever showing a value. */
export async function resolveSecrets(raw: Raw, { store, lookup }: SecretSources, report: Report): Promise<Resolved> {
  const keys = new Set<string>();
  const keyOf = (secret: DeclaredSecret): string => store?.keyOf?.(secret) ?? secret.key;
  withChildren(raw, (child) => {
    for (const secret of declaredBy(child).values()) keys.add(keyOf(secret));
    return child;
  });
  const answers = store === undefined ? undefined : await askAll(store, keys);
  const filled: Filled[] = [];

  /** What became of a secret: its value, or a problem at one of the places. */
  function valueOf(secret: Secret, pointer: string): string | undefined {
    const answer = answers?.get(keyOf(secret));
    if (store === undefined || answer === undefined) return undefined;
    if (answer.status === "found") {
      filled.push({ written: `\${${secret.name}}`, value: answer.value });
      return answer.value;
    }
    const isOptional = answer.status === "missing" && !secret.required;
    const reason = answer.status === "missing"
      ? `secret "${secret.name}" is missing: ${nameOf(store)} has no "${keyOf(secret)}"`
      : `secret "${secret.name}" cannot be had: ${nameOf(store)}, asked for "${keyOf(secret)}": ${cleanText(answer.reason, 512)}`;
    const end = isOptional ? ", so that the variable is left out" : "";
    report(isOptional ? "warning" : "error", "runtime_secret_miss", pointer, reason + end, answer.hint);
    return undefined;
  }

  /** A reference to what is not declared means a variable of that name. */
  function variableOf(name: string, declared: Iterable<string>, pointer: string): string | undefined {
    try {
      const value = lookup(name);
      if (value !== undefined) {
        filled.push({ written: `\${${name}}`, value });
        return value;
      }
      const reason = `secret "${name}" is not in "secrets" of this child, and no environment variable has that name`;
      report("error", "runtime_secret_miss", pointer, reason, didYouMean(name, declared) ?? `Set environment variable ${name}`);
    } catch (error) {
      const reason = `secret "${name}" cannot be had: environment variable "${name}" cannot be read: ${thrownMessage(error, 256)}`;
      report("error", "runtime_secret_miss", pointer, reason, `Add --allow-env=${name}`);
    }
    return undefined;
  }

  function resolveChild(child: Raw, pointer: string): Raw {
    const declared = declaredBy(child);
    const referred = new Set<string>();
    const { environment } = child;
    const variables = Array.isArray(environment)
      ? environment.map((variable: unknown, index) => {
        const name = referenceOf(variable);
        if (name === undefined || !isRaw(variable)) return variable;
        referred.add(name);
        const place = `${pointer}/environment/${index}/secret_ref`;
        const secret = declared.get(name);
        const value = secret === undefined ? variableOf(name, declared.keys(), place) : valueOf(secret, place);
        return { name: variable["name"], ...value === undefined ? {} : { value, secret: true } };
      })
      : environment;
    for (const secret of declared.values()) {
      const place = `${pointer}/secrets/${secret.index}`;
      const answer = answers?.get(keyOf(secret));
      if (answer?.status === "found" && answer.warning !== undefined) {
        report("warning", "secret_exposed", `${place}/key`, `secret "${secret.name}": ${cleanText(answer.warning, 512)}`);
      }
      if (referred.has(secret.name)) continue;
      report("warning", "secret_unused", place, `no variable of this child refers to secret "${secret.name}"`);
      if (secret.required) valueOf(secret, `${place}/key`);
    }
    return variables === undefined ? child : { ...child, environment: variables };
  }

  return { raw: withChildren(raw, resolveChild), filled };
}

/** Asks for each key once, for many at the same time; who has not answered in the end is unavailable. */
export async function askAll(
  store: SecretProvider,
  keys: Iterable<string>,
  clock: Pick<Clock, "setTimer"> = { setTimer },
): Promise<ReadonlyMap<string, SecretAnswer>> {
  const all = [...new Set(keys)];
  const answers = new Map<string, SecretAnswer>();
  const next = all.values();
  let isOver = false;
  const ask = async (): Promise<void> => {
    for (const key of next) {
      const answer = await askOne(store, key);
      if (isOver) return;
      answers.set(key, answer);
    }
  };
  const late: SecretAnswer = { status: "unavailable", reason: `no answer came within ${LIMIT_MS / 1000} s` };
  try {
    await inTime(Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, ask)), LIMIT_MS, () => late, clock);
  } catch (error) {
    if (error !== late) throw error;
  }
  isOver = true;
  return new Map(all.map((key) => [key, answers.get(key) ?? late]));
}

async function askOne(store: SecretProvider, key: string): Promise<SecretAnswer> {
  let answer: unknown;
  try {
    answer = await store.get(key);
  } catch (error) {
    return { status: "unavailable", reason: thrownMessage(error, 256) };
  }
  // Whoever wrote the store may have written it in JavaScript.
  const { status, value, reason, hint, warning } = isRaw(answer) ? answer : {};
  const textOr = (text: unknown): { hint?: string } => typeof text === "string" ? { hint: text } : {};
  if (status === "found" && typeof value === "string") return { status, value, ...typeof warning === "string" ? { warning } : {} };
  if (status === "missing") return { status, ...textOr(hint) };
  if (status === "unavailable" && typeof reason === "string") return { status, reason, ...textOr(hint) };
  return { status: "unavailable", reason: "its answer makes no sense" };
}

/** A store may hang without anything that keeps the program alive, which is to end with a reason. */
function setTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

interface Secret extends DeclaredSecret {
  readonly required: boolean;
  readonly index: number;
}

/** What a child declares, by name; what has no right shape is reported by others. */
function declaredBy(child: Raw): Map<string, Secret> {
  const declared = new Map<string, Secret>();
  entries(child["secrets"]).forEach(({ name, key, required }, index) => {
    if (typeof name !== "string" || !NAME.test(name) || declared.has(name)) return;
    if (typeof key !== "string" || key.trim() === "" || typeof required !== "boolean") return;
    declared.set(name, { name, key, required, index });
  });
  return declared;
}

/** The name that a variable refers to, if it does. */
function referenceOf(variable: unknown): string | undefined {
  if (!isRaw(variable) || typeof variable["secret_ref"] !== "string" || variable["value"] !== undefined) return undefined;
  return /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(variable["secret_ref"])?.[1];
}

function nameOf({ name }: SecretProvider): string {
  return cleanText(String(name), 256);
}

/** The same with every child replaced, those of nested supervisors and templates too; a child comes after those inside it. */
function withChildren(raw: Raw, replace: (child: Raw, pointer: string) => Raw): Raw {
  const listOf = (list: unknown, pointer: string): unknown =>
    Array.isArray(list) ? list.map((child, index) => isRaw(child) ? replaced(child, `${pointer}/${index}`) : child) : list;

  function replaced(child: Raw, pointer: string): Raw {
    const { run } = child;
    const supervisor = isRaw(run) ? run["supervisor"] : undefined;
    if (!isRaw(run) || !isRaw(supervisor)) return replace(child, pointer);
    const children = listOf(supervisor["children"], `${pointer}/run/supervisor/children`);
    return replace({ ...child, run: { ...run, supervisor: { ...supervisor, children } } }, pointer);
  }

  const { templates } = raw;
  return {
    ...raw,
    children: listOf(raw["children"], "/children"),
    ...templates === undefined ? {} : { templates: listOf(templates, "/templates") },
  };
}
