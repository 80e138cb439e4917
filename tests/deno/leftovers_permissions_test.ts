import { assertEquals } from "@std/assert";
import { outcomeOf } from "../support/command.ts";
import { moduleUrl } from "../support/runtime.ts";

const module = (name: string): string => JSON.stringify(moduleUrl(`src/runtime/children/${name}`));

const PROGRAM = `import { noteDescendants } from ${module("descendants")};
import { parentDeath, parentDeathRefusal } from ${module("parent_death")};
import { systemProcesses } from ${module("process_table")};
import { limitChecker } from ${module("resource_limits")};
const look = await systemProcesses().look();
console.log("look:", "reason" in look ? look.reason : "all");
for (let time = 0; time < 2; time++) {
  const noted = await noteDescendants(1, { onUnmeasured: (reason) => console.log("descendants:", reason) });
  if (noted.length > 0 && time === 0) console.log("descendants: noted");
}
const refusal = parentDeathRefusal();
console.log("death:", refusal === null ? "watched" : refusal.hint);
const release = parentDeath.hold();
for (const pgid of [2147483646, 2147483647]) parentDeath.add(pgid, (line) => console.log("said:", line));
for (const pgid of [2147483646, 2147483647]) parentDeath.remove(pgid);
await release();
const check = limitChecker();
for (const limits of [{ maxMemoryMb: 5 }, { maxFileDescriptors: 64 }]) {
  const refusal = await check(limits);
  console.log("limit:", refusal === null ? "kept" : refusal.reason);
}
`;

const NO_SHELL =
  "said: If this program is killed, its processes run on: the runtime does not permit the shell that has to do it. Add --allow-run=sh to the command";
const NO_SIGNALS = "processes may not be signalled; add --allow-run";

// Each runs without a prompt: whoever asked the user would wait for ever on a terminal.
const CASES: readonly (readonly [flags: readonly string[], lines: readonly string[]])[] = [
  // A program of a test has no FFI, so that this is not all.
  [["-A"], ["look: all", "descendants: noted", "death: watched", "limit: kept", "limit: kept"]],
  [["--allow-run", "--allow-env"], ["look: all", "descendants: noted", "death: watched", "limit: kept", "limit: kept"]],
  [["--allow-run=ps,sh,prlimit", "--allow-env"], [
    "look: all",
    `descendants: ${NO_SIGNALS}`,
    "death: watched",
    "limit: kept",
    "limit: kept",
  ]],
  [["--allow-run=sleep", "--allow-env", "--allow-read"], [
    "look: neither /proc nor ps may be used; add --allow-run=ps",
    `descendants: ${NO_SIGNALS}`,
    "death: Add --allow-run=sh to the command",
    NO_SHELL,
    "limit: Cannot measure memory: neither /proc nor ps may be used; add --allow-run=ps",
    "limit: Cannot limit open files: prlimit may not be run",
  ]],
  [[], [
    "look: neither /proc nor ps may be used; add --allow-run=ps",
    `descendants: ${NO_SIGNALS}`,
    "death: Add --allow-run=sh to the command",
    NO_SHELL,
    "limit: Cannot measure memory: neither /proc nor ps may be used; add --allow-run=ps",
    "limit: Cannot limit open files: prlimit may not be run",
  ]],
];

for (const [flags, lines] of CASES) {
  Deno.test(`permissions: with "${flags.join(" ")}", what is left behind is ended as far as that is permitted, and the rest is said`, async () => {
    assertEquals(await outcomeOf(PROGRAM, ...flags), { code: 0, output: lines.map((line) => `${line}\n`).join("") });
  });
}
