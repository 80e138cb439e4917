import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadFile, loadJournalOptions, loadText, type SecretAnswer, type SecretProvider } from "../../src/config/mod.ts";
import { askAll } from "../../src/config/secrets.ts";
import { inFolder, withFolder } from "../support/folder.ts";
import { childWith, load, refusal, violations } from "./helpers.ts";

const RUN = "run: { process: { command: caddy } }";
const REFERENCE = 'environment: [{ name: A, secret_ref: "${DSN}" }]';

function declared(required: boolean, key = "prod/dsn"): string {
  return childWith(RUN, REFERENCE, `secrets: [{ name: DSN, key: ${key}, required: ${required} }]`);
}

/** A store that answers what a table says, and remembers what it was asked. */
function storeOf(answers: Readonly<Record<string, SecretAnswer | (() => SecretAnswer)>>, asked: string[] = []): SecretProvider {
  return {
    name: "the vault",
    get: (key) => {
      asked.push(key);
      const answer = answers[key] ?? { status: "missing" };
      return Promise.resolve(typeof answer === "function" ? answer() : answer);
    },
  };
}

// ----- A store of the program -----

Deno.test("loadText() asks the store of the program by key, and marks the value as secret", async () => {
  const secrets = storeOf({ "prod/dsn": { status: "found", value: "db://x" } });
  const { spec, warnings } = await load(declared(true), { secrets, env: { DSN: "not this" } });
  assertEquals(spec.children[0]?.environment, [{ name: "A", value: "db://x", secret: true }]);
  assertEquals(warnings, []);
});

Deno.test("loadText() asks for each key once, for children of every kind", async () => {
  const asked: string[] = [];
  const secrets = storeOf({ "prod/dsn": { status: "found", value: "db://x" } }, asked);
  const lines = `${REFERENCE}, secrets: [{ name: DSN, key: prod/dsn, required: true }]`;
  const child = (name: string): string => `{ name: ${name}, ${RUN}, ${lines} }`;
  const text = `children: [${child("a")}, { name: s, run: { supervisor: { children: [${child("b")}] } } }]\ntemplates: [${child("t")}]`;
  const { spec } = await load(text, { secrets });
  const [a, s] = spec.children;
  const nested = s?.run.kind === "supervisor" ? s.run.children[0] : undefined;
  for (const { environment } of [a, nested, spec.templates?.[0]].map((found) => found ?? { environment: undefined })) {
    assertEquals(environment, [{ name: "A", value: "db://x", secret: true }]);
  }
  assertEquals(asked, ["prod/dsn"]);
});

const OUTCOMES: readonly (readonly [answer: SecretAnswer, required: boolean, severity: "error" | "warning", reason: string])[] = [
  [{ status: "missing" }, true, "error", 'secret "DSN" is missing: the vault has no "prod/dsn"'],
  [
    { status: "missing" },
    false,
    "warning",
    'secret "DSN" is missing: the vault has no "prod/dsn", so that the variable is left out',
  ],
  [
    { status: "unavailable", reason: "it is sealed" },
    true,
    "error",
    'secret "DSN" cannot be had: the vault, asked for "prod/dsn": it is sealed',
  ],
  [
    { status: "unavailable", reason: "it is sealed" },
    false,
    "error",
    'secret "DSN" cannot be had: the vault, asked for "prod/dsn": it is sealed',
  ],
];
for (const [answer, required, severity, reason] of OUTCOMES) {
  Deno.test(`loadText() says what the store said: ${answer.status}, ${required ? "required" : "optional"}`, async () => {
    const options = { secrets: storeOf({ "prod/dsn": answer }) };
    const problems = severity === "error"
      ? (await refusal(declared(required), options)).problems
      : (await load(declared(required), options)).warnings;
    assertEquals(problems.map(({ rule, pointer, severity, reason, line }) => ({ rule, pointer, severity, reason, line })), [
      { rule: "runtime_secret_miss", pointer: "/children/0/environment/0/secret_ref", severity, reason, line: 4 },
    ]);
  });
}

Deno.test("loadText() leaves an optional variable out, and keeps the others", async () => {
  const text = childWith(
    RUN,
    'environment: [{ name: A, secret_ref: "${NONE}" }, { name: B, value: b }]',
    "secrets: [{ name: NONE, key: none, required: false }]",
  );
  const { spec } = await load(text, { secrets: storeOf({}) });
  assertEquals(spec.children[0]?.environment, [{ name: "B", value: "b" }]);
});

Deno.test("loadText() takes a store that breaks for one that is unavailable", async () => {
  const throwing: SecretProvider = {
    name: "the vault",
    get: () => {
      throw new Error("connect ECONNREFUSED");
    },
  };
  const odd: unknown[] = [undefined, null, 5, {}, { status: "found" }, { status: "found", value: 5 }, { status: "unavailable" }, {
    status: "no",
  }];
  const oddStores = odd.map((answer): SecretProvider => ({
    name: "the vault",
    get: () => Promise.resolve(JSON.parse(JSON.stringify(answer ?? null))),
  }));
  const rejecting: SecretProvider = { name: "the vault", get: () => Promise.reject("no") };
  const reasons = [];
  for (const secrets of [throwing, rejecting, ...oddStores]) {
    const { problems } = await refusal(declared(false), { secrets });
    reasons.push(problems[0]?.reason.split('"prod/dsn": ')[1]);
  }
  assertEquals(reasons, ["connect ECONNREFUSED", "threw no", ...odd.map(() => "its answer makes no sense")]);
});

Deno.test("loadText() reads a reference to what is not declared from the environment, whatever the store is", async () => {
  const text = childWith(RUN, REFERENCE);
  const asked: string[] = [];
  const { spec } = await load(text, { secrets: storeOf({}, asked), env: { DSN: "db://x" } });
  assertEquals(spec.children[0]?.environment, [{ name: "A", value: "db://x", secret: true }]);
  assertEquals(asked, []);
  const { problems } = await refusal(text, { secrets: storeOf({}) });
  assertEquals(problems.map(({ rule, reason, hint }) => [rule, reason, hint]), [[
    "runtime_secret_miss",
    'secret "DSN" is not in "secrets" of this child, and no environment variable has that name',
    "Set environment variable DSN",
  ]]);
});

Deno.test("loadText() warns about a secret that no variable refers to", async () => {
  const text = childWith(RUN, "secrets: [{ name: DSN, key: k, required: false }]");
  const { warnings } = await load(text);
  assertEquals(warnings.map(({ rule, pointer }) => `${rule} ${pointer}`), ["secret_unused /children/0/secrets/0"]);
});

Deno.test("loadText() says that a store of the program wins over that of the file", async () => {
  const secrets = storeOf({ "prod/dsn": { status: "found", value: "db://x" } });
  const { warnings, spec } = await load(`secret_store: { kind: files, path: /nowhere }\n${declared(true)}`, { secrets });
  assertEquals(warnings.map(({ rule, pointer }) => `${rule} ${pointer}`), ["no_effect /secret_store"]);
  assertStringIncludes(warnings[0]?.reason ?? "", "the vault");
  assertEquals(spec.children[0]?.environment?.[0]?.value, "db://x");
});

// ----- Time -----

/** A clock whose only timer goes off when the test says so. */
function oneTimer(): {
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  readonly fire: () => void;
  readonly delays: number[];
} {
  let due: (() => void) | undefined;
  const delays: number[] = [];
  return {
    setTimer: (callback, delayMs) => {
      due = callback;
      delays.push(delayMs);
      return () => due = undefined;
    },
    fire: () => due?.(),
    delays,
  };
}

Deno.test("askAll() asks for all at the same time, each once, and waits 10 seconds for all of them", async () => {
  const clock = oneTimer();
  const asked: string[] = [];
  const asking = askAll(
    {
      name: "the vault",
      get: (key) => {
        asked.push(key);
        return key === "quick" ? Promise.resolve({ status: "found", value: "v" }) : new Promise(() => {});
      },
    },
    ["quick", "a", "b", "a"],
    clock,
  );
  assertEquals(asked, ["quick", "a", "b"]);
  // The answer that is there has its turn.
  await new Promise((resolve) => setTimeout(resolve));
  clock.fire();
  const late: SecretAnswer = { status: "unavailable", reason: "no answer came within 10 s" };
  assertEquals([...await asking], [["quick", { status: "found", value: "v" }], ["a", late], ["b", late]]);
  assertEquals(clock.delays, [10_000]);
});

Deno.test("askAll() asks for no more than 64 at a time, and for all of them", async () => {
  let running = 0;
  let most = 0;
  const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
  const answers = await askAll({
    name: "the vault",
    get: async (key) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return { status: "found", value: key };
    },
  }, keys);
  assertEquals(most, 64);
  assertEquals([...answers.keys()], keys);
  assert([...answers].every(([key, answer]) => answer.status === "found" && answer.value === key));
});

// ----- Folders -----

const STORE = "secret_store: { kind: files, path: ./secrets }\n";

Deno.test("loadFile() reads secrets from a folder beside the file that names it", () =>
  inFolder(async (folder) => {
    await mkdir(join(folder, "inner", "secrets", "prod"), { recursive: true });
    await writeFile(join(folder, "inner", "secrets", "prod", "dsn"), "db://x\n", { mode: 0o600 });
    await writeFile(join(folder, "inner", "store.yaml"), STORE);
    await writeFile(join(folder, "main.yaml"), `include: [inner/store.yaml]\n${declared(true)}`);
    const { spec, warnings } = await loadFile(join(folder, "main.yaml"), { env: {} });
    assertEquals(spec.children[0]?.environment, [{ name: "A", value: "db://x", secret: true }]);
    assertEquals(warnings, []);
    const missing = await violations(`${STORE}${declared(true)}`);
    assertEquals(missing, ["runtime_secret_miss /children/0/environment/0/secret_ref"]);
  }));

Deno.test("loadFile() warns about a secret that everybody may read, without showing it", () =>
  inFolder(async (folder) => {
    const secrets = storeOf({
      "prod/dsn": { status: "found", value: "db://very-secret", warning: "others may read db://very-secret (mode 0644)" },
    });
    const { warnings } = await loadText(declared(true), join(folder, "a.yaml"), { secrets });
    assertEquals(warnings.map(({ rule, pointer, reason }) => [rule, pointer, reason]), [
      ["secret_exposed", "/children/0/secrets/0/key", 'secret "DSN": others may read ${DSN} (mode 0644)'],
    ]);
  }));

Deno.test("loadJournalOptions() asks for no secret", () =>
  withFolder({ "a.yaml": `${STORE}observability: { journal: { path: e.jsonl } }\n${declared(true)}` }, async (folder) => {
    const secrets: SecretProvider = { name: "the vault", get: () => Promise.reject(new Error("must not be asked")) };
    assertEquals((await loadJournalOptions(join(folder, "a.yaml"), { secrets }))?.path, join(folder, "e.jsonl"));
  }));

// ----- Nothing shows a value -----

Deno.test("loadText() never shows a secret in a problem, whoever says it, and counts it in no version", async () => {
  const value = "hunter2-very-secret";
  const answers: Readonly<Record<string, SecretAnswer>> = {
    "prod/dsn": { status: "found", value },
    other: { status: "unavailable", reason: `${value} was refused`, hint: `Ask for ${value}` },
  };
  const text = childWith(
    RUN,
    'environment: [{ name: A, secret_ref: "${DSN}" }, { name: B, secret_ref: "${OTHER}" }]',
    "secrets: [{ name: DSN, key: prod/dsn, required: true }, { name: OTHER, key: other, required: false }]",
  );
  const error = await refusal(text, { secrets: storeOf(answers) });
  assertStringIncludes(error.message, "${DSN} was refused");
  assert(!`${error.message} ${JSON.stringify(error.problems)} ${error.stack}`.includes("hunter2"));
  const nul = storeOf({ "prod/dsn": { status: "found", value: `${value}\0` } });
  const refused = await refusal(declared(true), { secrets: nul });
  assert(!`${refused.message} ${JSON.stringify(refused.problems)}`.includes("hunter2"));
  const versions = ["one-secret", "two-secret"].map(async (value) =>
    (await load(declared(true), { secrets: storeOf({ "prod/dsn": { status: "found", value } }) })).configVersion
  );
  const [one, two] = await Promise.all(versions);
  assertEquals(one, two);
});
